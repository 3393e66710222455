#include "crypto/hkdf.h"

#include <algorithm>
#include <string>

#include "crypto/mac.h"

namespace keywright::crypto {

Sha256 hkdf_extract(ByteView salt, ByteView input) noexcept {
  return MacKey(salt).mac(view_text(input));
}

namespace hkdf_detail {

void expand(const Sha256& pseudorandom, ByteView info, std::span<std::uint8_t> out) noexcept {
  MacKey key(pseudorandom);
  Secret<std::string> block{std::string()};
  for (std::uint8_t counter = 1; !out.empty(); ++counter) {
    block.reveal() += view_text(info);
    block.reveal() += static_cast<char>(counter);
    Sha256 part = key.mac(block.reveal());
    std::size_t size = std::min(out.size(), part.size());
    std::copy_n(part.begin(), size, out.begin());
    out = out.subspan(size);
    block = Secret<std::string>(std::string(view_text(part)));
    wipe_memory(part.data(), part.size());
  }
}

}  // namespace hkdf_detail

Key256 derive_key(const Key256& root, std::string_view label) noexcept {
  Secret<Sha256> pseudorandom(hkdf_extract({}, root.reveal()));
  return Key256(hkdf_expand<32>(pseudorandom.reveal(), view_bytes(label)));
}

}  // namespace keywright::crypto
