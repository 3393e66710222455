// store/cursor.h - where a page ended, as opaque text.
//
//   page.next = encode_cursor(bytes);             // what identifies the last item shown
//   KW_TRY(auto last, decode_cursor<16>(page.after));
//
// Errors: invalid_argument on field "cursor" for a text that encode_cursor() did not make.
// Threading: pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/result.h"

namespace keywright::store {

inline std::string encode_cursor(ByteView bytes) { return encode_base64url(bytes); }

template <std::size_t Size>
Result<std::array<std::uint8_t, Size>> decode_cursor(std::string_view text) {
  std::array<std::uint8_t, Size> bytes;
  if (!decode_base64url_into(text, bytes)) {
    return fail(invalid_field("cursor", "is not one that a page of this list gave"));
  }
  return bytes;
}

// Big-endian, so that one number has one cursor on every machine.
inline std::array<std::uint8_t, 8> cursor_bytes(std::int64_t number) {
  std::array<std::uint8_t, 8> bytes;
  auto rest = static_cast<std::uint64_t>(number);
  for (std::size_t i = bytes.size(); i-- > 0; rest >>= 8) bytes[i] = rest & 0xff;
  return bytes;
}

inline std::array<std::uint8_t, 16> cursor_bytes(std::int64_t first, std::int64_t second) {
  std::array<std::uint8_t, 16> bytes;
  std::ranges::copy(cursor_bytes(first), bytes.begin());
  std::ranges::copy(cursor_bytes(second), bytes.begin() + 8);
  return bytes;
}

inline std::int64_t cursor_number(ByteView bytes) {
  std::uint64_t number = 0;
  for (std::uint8_t byte : bytes.first(8)) number = number << 8 | byte;
  return static_cast<std::int64_t>(number);
}

}  // namespace keywright::store
