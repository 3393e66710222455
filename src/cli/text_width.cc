#include "cli/text_width.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace keywright::cli {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// East Asian Wide and Fullwidth blocks and the emoji planes (UAX #11), coarsely.
constexpr std::array<Range, 12> kWide{{{0x1100, 0x115f},
                                       {0x2e80, 0x303e},
                                       {0x3041, 0xa4cf},
                                       {0xa960, 0xa97f},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0xffe0, 0xffe6},
                                       {0x1f300, 0x1f64f},
                                       {0x1f900, 0x1f9ff},
                                       {0x20000, 0x3fffd}}};
constexpr std::array<Range, 6> kZero{{{0x0300, 0x036f},
                                      {0x1ab0, 0x1aff},
                                      {0x1dc0, 0x1dff},
                                      {0x20d0, 0x20ff},
                                      {0xfe00, 0xfe0f},
                                      {0xfe20, 0xfe2f}}};
// C0, DEL and C1, zero-width and direction marks, line separators.
constexpr std::array<Range, 6> kHarmful{{{0x0000, 0x001f},
                                         {0x007f, 0x009f},
                                         {0x200b, 0x200f},
                                         {0x2028, 0x202e},
                                         {0x2060, 0x206f},
                                         {0xfeff, 0xfeff}}};

template <std::size_t n>
bool is_in(const std::array<Range, n>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

// One character of text; invalid bytes count as one character each, U+FFFD.
struct Character {
  char32_t code = 0xfffd;
  std::size_t bytes = 1;
};

Character first_character(std::string_view text) {
  const std::size_t length = utf8_sequence_length(text);
  if (length == 0) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (length == 1) return {byte(0), 1};
  char32_t code = byte(0) & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (byte(i) & 0x3fU);
  return {code, length};
}

std::size_t width_of(char32_t code) {
  if (is_in(kZero, code)) return 0;
  return is_in(kWide, code) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.code == '\t' || character.code == '\n' || character.code == '\r') {
      out += ' ';
    } else if (character.code == 0xfffd || is_in(kHarmful, character.code)) {
      out += '?';
    } else {
      out += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += width_of(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += width_of(character.code);
    if (width > columns - 1) break;
    out += text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return out + "…";
}

std::string pad(std::string_view text, std::size_t columns) {
  std::string out(text);
  const std::size_t width = display_width(text);
  if (width < columns) out.append(columns - width, ' ');
  return out;
}

std::string wrap(std::string_view text, std::size_t columns, std::string_view indent) {
  std::string out;
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t word_width = display_width(word);
    if (!word.empty()) {
      if (width > 0 && width + 1 + word_width > columns) {
        out += '\n';
        out += indent;
        width = 0;
      } else if (width > 0) {
        out += ' ';
        ++width;
      }
      out += word;
      width += word_width;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace keywright::cli
