#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace keywright {
namespace {

constexpr std::uint64_t each_byte(std::uint64_t byte) { return byte * 0x0101010101010101U; }

// Eight characters at once. Letters of one case differ from those of the other in one bit, and
// where no other bit differs, one letter of a pair makes both letters.
bool same_letters(std::uint64_t left, std::uint64_t right) {
  constexpr std::uint64_t kCase = each_byte(0x20);
  constexpr std::uint64_t kTop = each_byte(0x80);
  const std::uint64_t differs = left ^ right;
  if (differs == 0) return true;
  if ((differs & ~kCase) != 0) return false;
  const std::uint64_t low = (left | kCase) & ~kTop;  // adding to it carries into no neighbour
  const std::uint64_t from_a = low + each_byte(0x80 - 'a');
  const std::uint64_t past_z = low + each_byte(0x7f - 'z');
  const std::uint64_t letters = from_a & ~past_z & ~left & kTop;
  return (differs & ~(letters >> 2)) == 0;
}

template <class Word>
std::uint64_t load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

std::string to_ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
  const std::size_t size = left.size();
  if (size != right.size()) return false;
  const char* const a = left.data();
  const char* const b = right.data();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
      if (!same_letters(load<std::uint64_t>(a + at), load<std::uint64_t>(b + at))) return false;
    }
    return same_letters(load<std::uint64_t>(a + size - 8), load<std::uint64_t>(b + size - 8));
  }
  if (size >= 4) {
    using Half = std::uint32_t;
    return same_letters(load<Half>(a) << 32 | load<Half>(a + size - 4),
                        load<Half>(b) << 32 | load<Half>(b + size - 4));
  }
  for (std::size_t at = 0; at < size; ++at) {
    if (ascii_lower(a[at]) != ascii_lower(b[at])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::size_t utf8_sequence_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  // The second byte's range is narrower where a wider one would admit an overlong form, a surrogate
  // or a number beyond U+10FFFF.
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool is_valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    std::size_t length = utf8_sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t count_utf8_characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace keywright
