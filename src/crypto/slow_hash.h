// crypto/slow_hash.h - slow hashes of tokens, imported from other systems: bcrypt and Argon2id.
//
//   KW_TRY(SlowHash hash, inspect_slow_hash(text));  // at import: refuses what is too dear
//   if (verify_slow(text, token)) ...                // on a worker, until the first success
//
// Bounds: bcrypt $2a$, $2b$, $2y$, cost 4 to 12; Argon2id v=19, memory to 64 MiB, 10 passes, 4
// lanes. A token over 72 bytes never matches bcrypt (it looks at no more), a token with a NUL byte
// never matches bcrypt (it stops there), an empty token matches nothing.
// Errors: invalid_argument/invalid_hash, the detail says which part and why. verify_slow answers
// false for a hash that inspect_slow_hash refuses. Neither ever prints the hash.
// Threading: any thread at once.
// Cost: inspect under a µs; verify up to about 300 ms and 64 MiB.
#pragma once

#include <string_view>

#include "base/result.h"

namespace keywright::crypto {

enum class SlowHashAlgorithm : unsigned char { bcrypt, argon2id };

std::string_view to_string(SlowHashAlgorithm algorithm);

inline constexpr unsigned kBcryptCostMax = 12;
inline constexpr unsigned kArgon2MemoryKibibytesMax = 64 * 1024;
inline constexpr unsigned kArgon2PassesMax = 10;
inline constexpr unsigned kArgon2LanesMax = 4;
inline constexpr std::size_t kBcryptTokenBytesMax = 72;

struct SlowHash {
  SlowHashAlgorithm algorithm = SlowHashAlgorithm::bcrypt;
  unsigned cost = 0;              // bcrypt: the logarithm of its rounds; Argon2id: its passes
  unsigned memory_kibibytes = 0;  // Argon2id only
  unsigned lanes = 0;             // Argon2id only
};

Result<SlowHash> inspect_slow_hash(std::string_view encoded);

bool verify_slow(std::string_view encoded, std::string_view token);

}  // namespace keywright::crypto
