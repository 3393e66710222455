#include "traces/otlp_json_values.h"

#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text.h"
#include "traces/otlp.h"

namespace keywright::traces {

using json::Reader;

namespace {

constexpr std::array<SpanKey, 2> kKeyValueNames = {
    ",\"key\":",
    ",\"value\":",
};
enum ValueField : std::size_t { kString, kBytes, kBool, kInt, kDouble, kArray, kMap };
constexpr std::array<SpanKey, 7> kValueNames = {
    ",\"stringValue\":", ",\"bytesValue\":", ",\"boolValue\":",   ",\"intValue\":",
    ",\"doubleValue\":", ",\"arrayValue\":", ",\"kvlistValue\":",
};
constexpr std::array<SpanKey, 1> kListNames = {",\"values\":"};

constexpr std::array<char, 256> make_hex_digits() {
  std::array<char, 256> digits{};
  for (const char c : std::string_view("0123456789abcdef")) {
    digits[static_cast<unsigned char>(c)] = c;
    if (c >= 'a') digits[static_cast<unsigned char>(c & ~0x20)] = c;  // in upper case
  }
  return digits;
}
// The digit in lower case; 0 for what is none.
constexpr std::array<char, 256> kHexDigits = make_hex_digits();

#ifdef __SSE2__
// Whether these are hex digits in lower case, as nearly all senders write them; notes if one of
// them is not zero.
bool are_lower_hex(const char* text, bool& other_than_zero) {
  const __m128i digits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const __m128i decimal = _mm_sub_epi8(digits, _mm_set1_epi8('0'));
  const __m128i letter = _mm_sub_epi8(digits, _mm_set1_epi8('a'));
  const __m128i good =
      _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(decimal, _mm_set1_epi8(9)), decimal),
                   _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter));
  const __m128i zeros = _mm_cmpeq_epi8(decimal, _mm_setzero_si128());
  other_than_zero = other_than_zero || _mm_movemask_epi8(zeros) != 0xFFFF;
  return _mm_movemask_epi8(good) == 0xFFFF;
}
#endif

// Lower-case hex digits, not all zero.
template <std::size_t kDigits>
bool read_id(std::string_view text, std::array<char, kDigits>& id) {
  if (text.size() != kDigits) return false;
#ifdef __SSE2__
  bool is_lower_hex = true;
  bool has_other = false;
  for (std::size_t i = 0; i < kDigits; i += 16) {
    is_lower_hex = are_lower_hex(text.data() + i, has_other) && is_lower_hex;
  }
  if (is_lower_hex) {
    std::memcpy(id.data(), text.data(), kDigits);
    return has_other;
  }
#endif
  bool is_hex = true;
  int other_than_zero = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const char digit = kHexDigits[static_cast<unsigned char>(text[i])];
    is_hex &= digit != 0;
    other_than_zero |= digit ^ '0';
    id[i] = digit;
  }
  return is_hex && other_than_zero != 0;
}

template <class Integer>
std::optional<Integer> to_integer(std::string_view text) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The first eight of at least as many decimal digits, at once; nullopt if one is none.
std::optional<std::uint64_t> eight_digits(std::string_view text) {
  std::uint64_t digits = 0;
  std::memcpy(&digits, text.data(), sizeof digits);  // the first one lowest
  constexpr std::uint64_t kHigh = 0xF0F0F0F0F0F0F0F0;
  const std::uint64_t carried = digits + 0x0606060606060606;  // ':' and beyond leave the row
  if (((digits & kHigh) | (carried & kHigh) >> 4) != 0x3333333333333333) return std::nullopt;
  digits -= 0x3030303030303030;
  digits = digits * 10 + (digits >> 8);  // pairs, each in the lower byte of two
  constexpr std::uint64_t kPairs = 0x000000FF000000FF;
  return ((digits & kPairs) * (100 + (std::uint64_t{1'000'000} << 32)) +
          (digits >> 16 & kPairs) * (1 + (std::uint64_t{10'000} << 32))) >>
         32;
}

// Nanoseconds since 1970 have nineteen digits, until 2286.
std::optional<std::uint64_t> to_unsigned(std::string_view text) {
  if (text.size() != 19) return to_integer<std::uint64_t>(text);
  const auto first = eight_digits(text);
  const auto second = eight_digits(text.substr(8));
  const auto last = eight_digits(text.substr(11));
  if (!first || !second || !last) return std::nullopt;
  return (*first * 100'000'000 + *second) * 1000 + *last % 1000;
}

bool is_double_word(std::string_view text) {
  return text == "NaN" || text == "Infinity" || text == "-Infinity";
}

}  // namespace

std::string Noted::text(Reader& in) const {
  if (string_) return std::string(in.view(*string_));
  if (digits_) return std::string(in.view(*digits_));
  const auto integer = number_ ? number_->as_int64() : std::nullopt;
  return integer ? std::to_string(*integer) : std::string();
}

bool ValueWriter::text(SpanKey key, Reader::Text* text) {
  if (in_.here() != '"') return false;
  const Reader::Text read = in_.string();
  out_.key(key).plain(read.raw);
  if (text != nullptr) *text = read;
  return true;
}

bool ValueWriter::integer(SpanKey key, std::int64_t* value) {
  if (!at_number()) return false;
  const auto number = in_.number().as_int64();
  if (!number) return false;
  out_.key(key).number(*number);
  if (value != nullptr) *value = *number;
  return true;
}

bool ValueWriter::time(SpanKey key, std::int64_t* stored) {
  std::string_view text;
  std::optional<std::uint64_t> number;
  if (in_.here() == '"') {
    text = in_.view(in_.string());
    number = to_unsigned(text);
  } else if (at_number()) {
    number = in_.number().as_uint64();
  }
  if (!number) return false;
  out_.key(key);
  if (!text.empty() && (text.front() != '0' || text.size() == 1)) {
    out_.plain(text);  // as it would be written
  } else {
    out_.quoted(*number);
  }
  if (stored != nullptr) *stored = stored_nanoseconds(*number);
  return true;
}

template <std::size_t kDigits>
bool ValueWriter::required(SpanKey key, std::array<char, kDigits>& id) {
  if (in_.here() != '"' || !read_id(in_.view(in_.string()), id)) return false;
  out_.key(key).plain(view_id(id));
  return true;
}

template <std::size_t kDigits>
bool ValueWriter::optional(SpanKey key, bool* present) {
  if (in_.here() != '"') return false;
  const std::string_view text = in_.view(in_.string());
  // All zero is how the wire says that there is none.
  if (text.empty() || (text.size() == kDigits && text.find_first_not_of('0') == text.npos)) {
    return true;
  }
  std::array<char, kDigits> id;
  if (!read_id(text, id)) return false;
  out_.key(key).plain(view_id(id));
  if (present != nullptr) *present = true;
  return true;
}

bool ValueWriter::id(SpanKey key, TraceIdText& id) { return required(key, id); }
bool ValueWriter::id(SpanKey key, SpanIdText& id) { return required(key, id); }
bool ValueWriter::optional_trace_id(SpanKey key) { return optional<kTraceIdDigits>(key, nullptr); }
bool ValueWriter::optional_span_id(SpanKey key, bool* present) {
  return optional<kSpanIdDigits>(key, present);
}

bool ValueWriter::at_number() {
  const char c = in_.here();
  return c == '-' || is_ascii_digit(c);
}

bool ValueWriter::key_value(int depth, Reader::Text* name, Noted* noted) {
  if (depth > kValueDepthMax) return false;
  bool named = false;
  const bool good = object(kKeyValueNames, [&](std::size_t field) {
    if (field == 0) return named = text(kKeyValueNames[0], name);
    out_.key(kKeyValueNames[1]);
    return any_value(depth + 1, noted);
  });
  return good && named;
}

bool ValueWriter::any_value(int depth, Noted* noted) {
  if (depth > kValueDepthMax) return false;
  return object(kValueNames, [&](std::size_t field) {
    const SpanKey key = kValueNames[field];
    switch (field) {
      case kString: return string(key, noted);
      case kInt: return whole(key, noted);
      case kBytes: return text(key);
      case kBool: return flag(key);
      case kDouble: return real(key);
      default: return list(key, field == kMap, depth);
    }
  });
}

bool ValueWriter::string(SpanKey key, Noted* noted) {
  Reader::Text read;
  if (!text(key, &read)) return false;
  if (noted != nullptr) noted->hold_string(read);
  return true;
}

bool ValueWriter::whole(SpanKey key, Noted* noted) {
  if (in_.here() == '"') {
    const Reader::Text digits = in_.string();
    if (!to_integer<std::int64_t>(in_.view(digits))) return false;
    out_.key(key).plain(digits.raw);
    if (noted != nullptr) noted->hold_number(digits);
    return true;
  }
  if (!at_number()) return false;
  const Reader::Number number = in_.number();
  if (!number.as_int64()) return false;
  out_.key(key).raw(number.raw);
  if (noted != nullptr) noted->hold_number(number);
  return true;
}

bool ValueWriter::flag(SpanKey key) {
  const char c = in_.here();
  if (c != 't' && c != 'f') return false;
  out_.key(key).raw(in_.boolean() ? "true" : "false");
  return true;
}

bool ValueWriter::real(SpanKey key) {
  if (in_.here() == '"') {
    const Reader::Text word = in_.string();
    if (!is_double_word(in_.view(word))) return false;
    out_.key(key).plain(word.raw);
    return true;
  }
  if (!at_number()) return false;
  out_.key(key).raw(in_.number().raw);
  return true;
}

bool ValueWriter::list(SpanKey key, bool of_pairs, int depth) {
  out_.key(key);
  return object(kListNames, [&](std::size_t) {
    return objects(kListNames[0],
                   [&] { return of_pairs ? key_value(depth + 1) : any_value(depth + 1); });
  });
}

}  // namespace keywright::traces
