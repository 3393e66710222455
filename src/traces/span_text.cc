#include "traces/span_text.h"

#include <algorithm>
#include <charconv>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json/writer.h"

namespace keywright::traces {
namespace {

constexpr std::size_t kDigitsMax = 20;

bool is_plain(char c) {
  return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\';  // ASCII only
}

// Copies what needs no escape, and stops where something might; says how much was copied.
std::size_t copy_plain(std::string_view text, char* to) {
  const char* from = text.data();
  const char* const end = from + text.size();
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  for (; end - from >= 16; from += 16, to += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    // Signed: what is beyond ASCII is below the space, too.
    const __m128i odd =
        _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    if (_mm_movemask_epi8(odd) != 0) break;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  }
#endif
  for (; from != end && is_plain(*from); ++from, ++to) *to = *from;
  return text.size() - static_cast<std::size_t>(end - from);
}

}  // namespace

void SpanText::grow(std::size_t size) {
  capacity_ = std::max(capacity_ + capacity_ / 2, size_ + size + kLeast);
  auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
  std::memcpy(larger.get(), text_.get(), size_);
  text_ = std::move(larger);
}

SpanText& SpanText::string(std::string_view text) {
  char* at = room(text.size() + 3);
  if (comma_) *at++ = ',';
  *at++ = '"';
  comma_ = true;
  const std::size_t copied = copy_plain(text, at);
  at += copied;
  if (copied == text.size()) {
    *at++ = '"';
    return advance(at);
  }
  advance(at);
  std::string rest;
  json::append_quoted(rest, text.substr(copied));
  const std::string_view escaped = std::string_view(rest).substr(1);  // without its first quote
  return advance(put(room(escaped.size()), escaped));
}

SpanText& SpanText::number(std::int64_t value) {
  char* at = room(kDigitsMax + 1);
  if (comma_) *at++ = ',';
  comma_ = true;
  return advance(std::to_chars(at, at + kDigitsMax, value).ptr);
}

SpanText& SpanText::number(std::uint64_t value) {
  char* at = room(kDigitsMax + 1);
  if (comma_) *at++ = ',';
  comma_ = true;
  return advance(std::to_chars(at, at + kDigitsMax, value).ptr);
}

void SpanText::open_quote() {
  char* at = room(2);
  if (comma_) *at++ = ',';
  *at++ = '"';
  comma_ = false;
  advance(at);
}

SpanText& SpanText::quoted(std::int64_t value) {
  open_quote();
  return number(value).close('"');
}

SpanText& SpanText::quoted(std::uint64_t value) {
  open_quote();
  return number(value).close('"');
}

}  // namespace keywright::traces
