// crypto/sodium.h - libsodium, made ready. For this room's source files only.
#pragma once

#include <cstdlib>

#include <sodium.h>

namespace keywright::crypto {

// Call before anything else of the library. Safe from any thread, and quick after the first time.
inline void make_sodium_ready() {
  if (sodium_init() < 0) std::abort();
}

}  // namespace keywright::crypto
