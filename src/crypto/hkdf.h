// crypto/hkdf.h - many keys from one, by name.
//
//   Secret<std::array<std::uint8_t, 32>> key = derive_key(root, "keywright/v1/session");
//
//   Sha256 pseudorandom = hkdf_extract(salt, input);
//   auto okm = hkdf_expand<42>(pseudorandom, info);
//
// Threading: pure functions.
// Cost: under a µs.
// Source: RFC 5869 with SHA-256.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace keywright::crypto {

using Key256 = Secret<std::array<std::uint8_t, 32>>;

Sha256 hkdf_extract(ByteView salt, ByteView input) noexcept;

namespace hkdf_detail {
void expand(const Sha256& pseudorandom, ByteView info, std::span<std::uint8_t> out) noexcept;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> hkdf_expand(const Sha256& pseudorandom, ByteView info) noexcept {
  static_assert(Size <= 255 * 32, "RFC 5869 ends at 255 blocks");
  std::array<std::uint8_t, Size> out;
  hkdf_detail::expand(pseudorandom, info, out);
  return out;
}

// Extract without salt, then expand with the label as info. One label, one purpose.
Key256 derive_key(const Key256& root, std::string_view label) noexcept;

}  // namespace keywright::crypto
