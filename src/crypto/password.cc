#include "crypto/password.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/sodium.h"

namespace keywright::crypto {
namespace {

std::size_t memory_bytes(const PasswordCost& cost) {
  return std::size_t{cost.memory_kibibytes} * 1024;
}

std::string without_padding(std::string text) {
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

// A hash that verifies like any other and that no password has: its tag is random.
PasswordHash hash_of_nobody(const PasswordCost& cost, Random& random) {
  auto salt = random_bytes<crypto_pwhash_SALTBYTES>(random);
  auto tag = random_bytes<32>(random);
  return {fmt::format("$argon2id$v=19$m={},t={},p=1${}${}", cost.memory_kibibytes, cost.passes,
                      without_padding(encode_base64(salt)), without_padding(encode_base64(tag)))};
}

PasswordHash hash_of_nobody(const PasswordCost& cost) {
  SystemRandom random;
  return hash_of_nobody(cost, random);
}

}  // namespace

PasswordHasher::PasswordHasher(PasswordCost cost)
    : cost_{std::max(cost.memory_kibibytes, 8U), std::max(cost.passes, 1U)},
      nobody_(hash_of_nobody(cost_)) {
  make_sodium_ready();
}

Result<PasswordHash> PasswordHasher::hash(const Secret<std::string>& password) const {
  char encoded[crypto_pwhash_STRBYTES];
  const std::string& text = password.reveal();
  if (crypto_pwhash_str_alg(encoded, text.data(), text.size(), cost_.passes, memory_bytes(cost_),
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(Code::unavailable, "out_of_memory", "Too little memory to hash a password.");
  }
  return PasswordHash{encoded};
}

PasswordCheck PasswordHasher::verify(const PasswordHash& hash,
                                     const Secret<std::string>& password) const {
  const std::string& text = password.reveal();
  PasswordCheck check;
  check.matches = hash.encoded.size() < crypto_pwhash_STRBYTES &&
                  crypto_pwhash_str_verify(hash.encoded.c_str(), text.data(), text.size()) == 0;
  check.needs_rehash =
      check.matches &&
      crypto_pwhash_str_needs_rehash(hash.encoded.c_str(), cost_.passes, memory_bytes(cost_)) != 0;
  return check;
}

void PasswordHasher::verify_unknown_user(const Secret<std::string>& password) const {
  verify(nobody_, password);
}

}  // namespace keywright::crypto
