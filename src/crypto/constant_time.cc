#include "crypto/constant_time.h"

#include <openssl/crypto.h>

namespace keywright::crypto {

bool equal_in_constant_time(ByteView left, ByteView right) noexcept {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace keywright::crypto
