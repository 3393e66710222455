// base/bytes.h - the words for raw bytes: a view of them, and an owner of them.
//
//   ByteView input = view_bytes("text");      // the same memory, seen as bytes
//   std::string_view text = view_text(input);
//
// Threading: plain values. Lifetime: views borrow; keep the owner alive.
// Cost: none.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace keywright {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView view_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view view_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace keywright
