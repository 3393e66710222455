#include "json/writer.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text.h"

namespace keywright::json {
namespace {

constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x80; ++c) plain[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain_table();

// The high bit of each byte that is not plain; exact up to and with the lowest of them.
std::uint64_t odd_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x80 * kOnes;
  const std::uint64_t quote = bytes ^ ('"' * kOnes);
  const std::uint64_t backslash = bytes ^ ('\\' * kOnes);
  const std::uint64_t control = bytes - 0x20 * kOnes;
  const std::uint64_t found =
      ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | (control & ~bytes) | bytes;
  return found & kHigh;
}

// Whether every byte is plain: ASCII, neither quote, backslash nor control character. Eight bytes
// are judged at once.
bool is_plain(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t odd = 0;
  std::uint64_t bytes = 0;
  for (; left >= sizeof bytes; left -= sizeof bytes, at += sizeof bytes) {
    std::memcpy(&bytes, at, sizeof bytes);
    odd |= odd_bytes(bytes);
  }
  for (; left > 0; --left, ++at) {
    if (!kPlain[static_cast<unsigned char>(*at)]) return false;
  }
  return odd == 0;
}

// How many bytes from `at` on are plain.
std::size_t plain_run(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  for (; text.size() - at >= sizeof(__m128i); at += sizeof(__m128i)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // Signed: what is beyond ASCII is below the space, too.
    const __m128i odd =
        _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(odd));
    if (found != 0) return at - begin + static_cast<std::size_t>(std::countr_zero(found));
  }
#endif
  std::uint64_t bytes = 0;
  for (; text.size() - at >= sizeof bytes; at += sizeof bytes) {
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    if (odd_bytes(bytes) != 0) break;
  }
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  return at - begin;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  out.push_back(kHex[c >> 4]);
  out.push_back(kHex[c & 15]);
}

void append_escaped(std::string& out, std::string_view text) {
  std::size_t run = 0;  // start of what can be copied as it is
  std::size_t at = 0;
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (kPlain[c]) {
      at += plain_run(text, at);
      continue;
    }
    if (c >= 0x80) {
      if (const std::size_t length = utf8_sequence_length(text.substr(at)); length != 0) {
        at += length;
        continue;
      }
    }
    out.append(text, run, at - run);
    if (c >= 0x80) {
      out += "\xEF\xBF\xBD";
    } else {
      append_escape(out, c);
    }
    run = ++at;
  }
  out.append(text, run);
}

// Strings that fit here are put together on the stack and appended at once.
constexpr std::size_t kShort = 60;

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

Writer& Writer::key(std::string_view name) {
  if (name.size() <= kShort && is_plain(name)) {
    char piece[kShort + 4];
    char* end = piece;
    if (comma_) *end++ = ',';
    *end++ = '"';
    if (!name.empty()) std::memcpy(end, name.data(), name.size());
    end += name.size();
    *end++ = '"';
    *end++ = ':';
    out_.append(piece, static_cast<std::size_t>(end - piece));
  } else {
    if (comma_) out_.push_back(',');
    append_quoted(out_, name);
    out_.push_back(':');
  }
  comma_ = false;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  if (text.size() <= kShort && is_plain(text)) {
    char piece[kShort + 3];
    char* end = piece;
    if (comma_) *end++ = ',';
    *end++ = '"';
    if (!text.empty()) std::memcpy(end, text.data(), text.size());
    end += text.size();
    *end++ = '"';
    out_.append(piece, static_cast<std::size_t>(end - piece));
  } else {
    if (comma_) out_.push_back(',');
    append_quoted(out_, text);
  }
  comma_ = true;
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return raw({digits, static_cast<std::size_t>(end - digits)});
}

Writer& Writer::unsigned_integer(std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return raw({digits, static_cast<std::size_t>(end - digits)});
}

Writer& Writer::number(double value) {
  if (!std::isfinite(value)) return null();
  char digits[40];
  auto end = std::to_chars(digits, digits + sizeof digits - 2, value).ptr;
  // Without a point or an exponent it would read back as an integer, which may not fit.
  const std::string_view written(digits, static_cast<std::size_t>(end - digits));
  if (written.find_first_of(".e") == std::string_view::npos) {
    *end++ = '.';
    *end++ = '0';
  }
  return raw({digits, static_cast<std::size_t>(end - digits)});
}

Writer& Writer::raw(std::string_view json) {
  if (comma_) out_.push_back(',');
  out_.append(json);
  comma_ = true;
  return *this;
}

Writer& Writer::text(const void* object, void (*append)(const void* object, std::string& out)) {
  if (comma_) out_.push_back(',');
  out_.push_back('"');
  const std::size_t start = out_.size();
  append(object, out_);
  const std::string_view written = std::string_view(out_).substr(start);
  if (!is_plain(written)) {
    const std::string copy(written);
    out_.resize(start);
    append_escaped(out_, copy);
  }
  out_.push_back('"');
  comma_ = true;
  return *this;
}

}  // namespace keywright::json
