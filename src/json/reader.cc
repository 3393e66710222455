#include "json/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <functional>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <simdjson.h>

#include "base/text.h"
#include "json/document.h"

namespace keywright::json {
namespace {

constexpr std::size_t kCharactersThatFit = 300;  // without an exponent, far below what a double is
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

// A quote, a backslash or a control character.
bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) <= 0x1f; }

#ifdef __x86_64__
// A bit for each of 16 bytes that is special.
unsigned special_of_16(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<unsigned>(
      _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))));
}

// Goes on by 32 bytes as long as none of them is special.
__attribute__((target("avx2"))) const char* pass_plain(const char* at, const char* end) {
  const __m256i control = _mm256_set1_epi8(0x1f);
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  for (; end - at >= 32; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i special = _mm256_or_si256(
        _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control), bytes),
        _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash)));
    if (_mm256_movemask_epi8(special) != 0) break;
  }
  return at;
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

// The first that is special; `end` points to a zero, which is.
const char* find_special(const char* at, const char* end) {
  constexpr int kShort = 48;  // keys, ids and times
  for (int i = 0; end - at >= 16; ++i, at += 16) {
    if (i * 16 == kShort && kHasAvx2) at = pass_plain(at, end);
    if (end - at < 16) break;
    const unsigned special = special_of_16(at);
    if (special != 0) return at + __builtin_ctz(special);
  }
  while (!is_special(*at)) ++at;
  return at;
}
#else
const char* find_special(const char* at, const char*) {
  while (!is_special(*at)) ++at;
  return at;
}
#endif

// Four hex digits; a zero ends the text, and is none.
std::optional<unsigned> hex_unit(const char* at) {
  unsigned unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const char lower = static_cast<char>(c | 0x20);
    if (is_ascii_digit(c)) {
      unit = unit * 16 + static_cast<unsigned>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      unit = unit * 16 + static_cast<unsigned>(lower - 'a') + 10;
    } else {
      return std::nullopt;
    }
  }
  return unit;
}

// Behind the escape that begins here; nullptr if it is none.
const char* after_escape(const char* at) {
  switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return at + 2;
    case 'u': break;
    default: return nullptr;
  }
  const auto unit = hex_unit(at + 2);
  if (!unit || (*unit >= 0xDC00 && *unit <= 0xDFFF)) return nullptr;
  at += 6;
  if (*unit < 0xD800 || *unit > 0xDFFF) return at;
  if (at[0] != '\\' || at[1] != 'u') return nullptr;
  const auto low = hex_unit(at + 2);
  return low && *low >= 0xDC00 && *low <= 0xDFFF ? at + 6 : nullptr;
}

double to_double(std::string_view number) {
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  return std::strtod(std::string(number).c_str(), nullptr);  // tells too small from too large
}

template <class Integer>
std::optional<Integer> to_integer(std::string_view number) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

bool fits(const Reader::Number& number) {
  const bool has_exponent = number.raw.find_first_of("eE") != std::string_view::npos;
  if (!has_exponent && number.raw.size() < kCharactersThatFit) return true;
  return std::isfinite(to_double(number.raw));
}

}  // namespace

Reader::Reader(const std::string& text) : at_(text.c_str()), end_(at_ + text.size()) {
  if (!simdjson::validate_utf8(text.data(), text.size())) fail();
}

Reader::Text Reader::string() {
  if (here() != '"') {
    fail();
    return {};
  }
  const char* const first = at_ + 1;
  bool escaped = false;
  for (const char* at = find_special(first, end_);; at = find_special(at, end_)) {
    if (*at == '"') {
      at_ = at + 1;
      return {{first, static_cast<std::size_t>(at - first)}, escaped};
    }
    escaped = true;
    at = *at == '\\' ? after_escape(at) : nullptr;
    if (at == nullptr) {
      fail();
      return {};
    }
  }
}

Reader::Number Reader::number() {
  here();
  const char* const first = at_;
  const char* at = first;
  bool whole = true;
  const auto digits = [&at] {
    const char* const begin = at;
    while (is_ascii_digit(*at)) ++at;
    return at - begin;
  };
  if (*at == '-') ++at;
  const bool zero = *at == '0';
  const auto count = digits();
  bool good = count > 0 && (!zero || count == 1);
  if (good && *at == '.') {
    ++at;
    whole = false;
    good = digits() > 0;
  }
  if (good && (*at == 'e' || *at == 'E')) {
    ++at;
    whole = false;
    if (*at == '+' || *at == '-') ++at;
    good = digits() > 0;
  }
  Number number{{first, static_cast<std::size_t>(at - first)}, whole};
  if (!good || !fits(number)) {
    fail();
    return {};
  }
  at_ = at;
  return number;
}

std::optional<std::int64_t> Reader::Number::as_int64() const {
  if (raw.empty()) return std::nullopt;
  if (whole) return to_integer<std::int64_t>(raw);
  const double value = to_double(raw);
  if (std::trunc(value) != value || std::fabs(value) > kExactIntegers) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::uint64_t> Reader::Number::as_uint64() const {
  if (whole && !raw.empty() && raw.front() != '-') return to_integer<std::uint64_t>(raw);
  const auto value = as_int64();
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

void Reader::word(std::string_view word) {
  for (const char c : word) {
    if (*at_ != c) return fail();
    ++at_;
  }
}

bool Reader::boolean() {
  const bool value = here() == 't';
  word(value ? "true" : "false");
  return value && !failed_;
}

void Reader::skip() {
  switch (here()) {
    case '"': string(); return;
    case '{': {
      Members members(*this);
      while (members.next()) skip();
      return;
    }
    case '[': {
      Items items(*this);
      while (items.next()) skip();
      return;
    }
    case 't':
    case 'f': boolean(); return;
    case 'n': word("null"); return;
    default: number();
  }
}

std::string_view Reader::slice() {
  here();
  const char* const first = at_;
  skip();
  if (failed_) return {};
  return {first, static_cast<std::size_t>(at_ - first)};
}

void Reader::enter(char bracket) {
  if (here() != bracket || ++depth_ > kMaximumDepth) return fail();
  ++at_;
}

std::string_view Reader::unescaped(const Text& text) {
  const auto document = Document::parse('"' + std::string(text.raw) + '"');
  const auto plain = document ? document->root().as_string() : std::nullopt;
  return unescaped_.emplace_back(plain.value_or(text.raw));
}

bool Members::take_key() {
  key_ = in_.view(in_.string());
  if (in_.here() != ':') return fail();
  ++in_.at_;
  return note();
}

bool Members::is_known() const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (few_[i].size == key_.size() && few_[i].view() == key_) return true;
  }
  return false;
}

bool Members::end() {
  if (!more_.empty()) {
    // Sorted by hash rather than by text, which is slow where many keys begin alike.
    std::vector<std::pair<std::size_t, std::string_view>> keys;
    const std::hash<std::string_view> hash;
    for (const std::string_view key : more_) keys.emplace_back(hash(key), key);
    std::sort(keys.begin(), keys.end());
    if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return fail();
  }
  in_.leave();
  return false;
}

bool Items::next() {
  const char c = in_.here();
  if (c == ']') {
    in_.leave();
    return false;
  }
  if (begun_) {
    if (c != ',') {
      in_.fail();
      return false;
    }
    ++in_.at_;
  }
  begun_ = true;
  return !in_.failed_;
}

Error malformed_json(std::string_view text) {
  auto document = Document::parse(text);
  if (!document) return std::move(document).error();
  return Error(Code::invalid_argument, "malformed_json", "Malformed JSON.");
}

}  // namespace keywright::json
