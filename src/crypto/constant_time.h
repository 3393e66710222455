// crypto/constant_time.h - comparison whose time tells nothing of where two values differ.
//
//   if (equal_in_constant_time(stored, presented)) ...
//
// The lengths are not secret: different lengths answer false at once.
// Threading: pure functions.
// Cost: linear in the length.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace keywright::crypto {

bool equal_in_constant_time(ByteView left, ByteView right) noexcept;
inline bool equal_in_constant_time(std::string_view left, std::string_view right) noexcept {
  return equal_in_constant_time(view_bytes(left), view_bytes(right));
}
inline bool equal_in_constant_time(const Sha256& left, const Sha256& right) noexcept {
  return equal_in_constant_time(ByteView(left), ByteView(right));
}

}  // namespace keywright::crypto
