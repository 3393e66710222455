#include "crypto/digest.h"

#include "crypto/digest_state.h"

namespace keywright::crypto {

Sha256 sha256(ByteView bytes) noexcept {
  SHA256_CTX context;
  digest_detail::start(context);
  digest_detail::add(context, bytes);
  return digest_detail::finish(context);
}

Sha256Hasher::Sha256Hasher() noexcept {
  SHA256_CTX context;
  digest_detail::start(context);
  digest_detail::save(context, state_);
}

Sha256Hasher& Sha256Hasher::update(ByteView bytes) noexcept {
  SHA256_CTX context;
  digest_detail::restore(state_, context);
  digest_detail::add(context, bytes);
  digest_detail::save(context, state_);
  return *this;
}

Sha256 Sha256Hasher::finish() noexcept {
  SHA256_CTX context;
  digest_detail::restore(state_, context);
  Sha256 digest = digest_detail::finish(context);
  *this = Sha256Hasher();
  return digest;
}

}  // namespace keywright::crypto
