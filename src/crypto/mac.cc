#include "crypto/mac.h"

#include <algorithm>
#include <array>

#include "base/secret.h"
#include "crypto/digest_state.h"

namespace keywright::crypto {
namespace {

using Block = std::array<std::uint8_t, 64>;

void save_padded(Block block, std::uint8_t pad, digest_detail::State& state) noexcept {
  for (std::uint8_t& byte : block) byte ^= pad;
  SHA256_CTX context;
  digest_detail::start(context);
  digest_detail::add(context, block);
  digest_detail::save(context, state);
  wipe_memory(block.data(), block.size());
  wipe_memory(&context, sizeof context);
}

Sha256 hash_from(const digest_detail::State& state, ByteView bytes) noexcept {
  SHA256_CTX context;
  digest_detail::restore(state, context);
  digest_detail::add(context, bytes);
  return digest_detail::finish(context);
}

}  // namespace

MacKey::MacKey(ByteView key) noexcept {
  Block block{};
  if (key.size() > block.size()) {
    Sha256 digest = sha256(key);
    std::copy(digest.begin(), digest.end(), block.begin());
    wipe_memory(digest.data(), digest.size());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  save_padded(block, 0x36, inner_);
  save_padded(block, 0x5C, outer_);
  wipe_memory(block.data(), block.size());
}

MacKey::~MacKey() {
  wipe_memory(&inner_, sizeof inner_);
  wipe_memory(&outer_, sizeof outer_);
}

Sha256 MacKey::mac(std::string_view message) const noexcept {
  return hash_from(outer_, hash_from(inner_, view_bytes(message)));
}

Sha256 MacKey::mac_of_digest(const Sha256& digest) const noexcept {
  return hash_from(outer_, hash_from(inner_, digest));
}

}  // namespace keywright::crypto
