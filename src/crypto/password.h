// crypto/password.h - people's passwords: Argon2id hashes of them.
//
//   PasswordHasher hasher;                                   // 64 MiB, 3 passes
//   KW_TRY(PasswordHash hash, hasher.hash(password));
//   PasswordCheck check = hasher.verify(hash, password);     // {matches, needs_rehash}
//   hasher.verify_unknown_user(password);                    // same work, always no
//
// Rules about what a good password is (length, block list) are not here but in domain/.
// Errors: unavailable/out_of_memory when the memory for one hash cannot be had.
// Threading: any thread at once.
// Cost: about 100 ms and 64 MiB for each call: never on an io thread, and never more at once than
// the memory of the machine allows.
// Source: RFC 9106.
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace keywright::crypto {

struct PasswordCost {
  unsigned memory_kibibytes = 64 * 1024;  // at least 8
  unsigned passes = 3;                    // at least 1

  // As cheap as the algorithm goes. For tests only.
  static PasswordCost lowest_for_tests() { return {8, 1}; }
};

// The encoded form, "$argon2id$v=19$m=65536,t=3,p=1$salt$hash". Not for logs or answers.
struct PasswordHash {
  std::string encoded;
};

struct PasswordCheck {
  bool matches = false;
  bool needs_rehash =
      false;  // it matches, but was made at another cost: hash it again and store that
};

class PasswordHasher {
 public:
  explicit PasswordHasher(PasswordCost cost = {});

  Result<PasswordHash> hash(const Secret<std::string>& password) const;
  PasswordCheck verify(const PasswordHash& hash, const Secret<std::string>& password) const;

  // For an address nobody has: as long as verify() takes, so that time does not tell who exists.
  void verify_unknown_user(const Secret<std::string>& password) const;

 private:
  PasswordCost cost_;
  PasswordHash nobody_;  // well-formed, of this cost, and of no known password
};

}  // namespace keywright::crypto
