// crypto/digest_state.h - the library's SHA-256 state inside ours. For this room's source files
// only.
//
// OpenSSL 3 allocates for every digest made through its current interface, even when the context is
// reused; the older one works on memory that the caller owns, which is several times faster for a
// token. It is deprecated, so the whole project uses it from here alone
// (docs/adr/0004-key-format-and-digest.md).
#pragma once

#include <cstring>
#include <new>

#include <openssl/sha.h>

#include "crypto/digest.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace keywright::crypto::digest_detail {

static_assert(sizeof(SHA256_CTX) <= sizeof(State) && alignof(SHA256_CTX) <= alignof(State));

inline void start(SHA256_CTX& context) noexcept { SHA256_Init(&context); }

inline void add(SHA256_CTX& context, ByteView bytes) noexcept {
  SHA256_Update(&context, bytes.data(), bytes.size());
}

inline Sha256 finish(SHA256_CTX& context) noexcept {
  Sha256 digest;
  SHA256_Final(digest.data(), &context);
  return digest;
}

inline void save(const SHA256_CTX& context, State& state) noexcept {
  std::memcpy(state.memory.data(), &context, sizeof context);
}

inline void restore(const State& state, SHA256_CTX& context) noexcept {
  std::memcpy(&context, state.memory.data(), sizeof context);
}

}  // namespace keywright::crypto::digest_detail

#pragma GCC diagnostic pop
