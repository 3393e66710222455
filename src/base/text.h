// base/text.h - small questions about text. ASCII only where letters are concerned: header names,
// schemes and host names are ASCII, and a locale must not change what a name means.
//
// Threading: pure functions.
// Cost: linear, no allocation but where a string is returned.
#pragma once

#include <string>
#include <string_view>

namespace keywright {

constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_ascii_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_alpha(char c) noexcept {
  return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

std::string to_ascii_lower(std::string_view text);

// Equal but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept;

// Without the spaces, tabs, carriage returns and line feeds at both ends.
std::string_view trim(std::string_view text) noexcept;

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_valid_utf8(std::string_view text) noexcept;

// The length of the well-formed UTF-8 sequence that `text` starts with; 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text) noexcept;

// Characters (code points) in well-formed UTF-8.
std::size_t count_utf8_characters(std::string_view text) noexcept;

}  // namespace keywright
