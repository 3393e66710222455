// http/characters.h - which octets may stand where in HTTP.
//
//   if (!is(c, Char::token)) return fault(...);
//
// One table look-up for each octet. Sources: RFC 9110 5.5 and 5.6.2, RFC 3986. Stricter than both
// where leniency has cost others: no `\ " < >` in a target, no user information in a host.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace keywright::http {

enum class Char : std::uint8_t {
  token = 1,        // methods, field names
  field_value = 2,  // also inside values: space, tab and obs-text, but no other control characters
  path = 4,
  query = 8,
  host = 16,  // of a registered name or an IPv4 address
  hex = 32,
  unreserved = 64,  // RFC 3986 2.3
  cookie_value = 128,
};

namespace characters_detail {

constexpr std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  auto mark = [&](std::string_view characters, Char kind) {
    for (char c : characters) {
      table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(kind);
    }
  };
  constexpr std::string_view kLettersAndDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  for (Char kind : {Char::token, Char::host, Char::unreserved}) mark(kLettersAndDigits, kind);
  mark("!#$%&'*+-.^_`|~", Char::token);
  mark(".-_", Char::host);
  mark("-._~", Char::unreserved);
  mark("0123456789abcdefABCDEF", Char::hex);
  for (int c = 0x21; c <= 0x7e; ++c) {
    auto& entry = table[static_cast<std::size_t>(c)];
    entry |= static_cast<std::uint8_t>(Char::field_value);
    const bool in_target = c != '#' && c != '\\' && c != '"' && c != '<' && c != '>';
    if (in_target) entry |= static_cast<std::uint8_t>(Char::query);
    if (in_target && c != '?') entry |= static_cast<std::uint8_t>(Char::path);
    if (c != '"' && c != ',' && c != ';' && c != '\\') {
      entry |= static_cast<std::uint8_t>(Char::cookie_value);
    }
  }
  mark(" \t", Char::field_value);
  for (std::size_t c = 0x80; c <= 0xff; ++c) {
    table[c] |= static_cast<std::uint8_t>(Char::field_value);
  }
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kTable = make_table();

}  // namespace characters_detail

constexpr bool is(char c, Char kind) {
  return (characters_detail::kTable[static_cast<unsigned char>(c)] &
          static_cast<std::uint8_t>(kind)) != 0;
}

// Without a branch for each character: texts are short, and nearly all are good to the end.
constexpr bool all_are(std::string_view text, Char kind) {
  auto common = static_cast<std::uint8_t>(kind);
  for (char c : text) common &= characters_detail::kTable[static_cast<unsigned char>(c)];
  return common != 0;
}

// Of a hexadecimal digit; other characters are the caller's mistake.
constexpr unsigned hex_value(char c) {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

}  // namespace keywright::http
