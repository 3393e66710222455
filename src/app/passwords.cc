#include "app/passwords.h"

#include <algorithm>

#include "base/text.h"

namespace keywright::app {
namespace {

constexpr std::size_t kPasswordBytesMin = 8;
constexpr std::size_t kPasswordBytesMax = 1024;

// The most used of eight and more characters in published lists of leaked passwords.
constexpr std::string_view kMostUsed[] = {
    "12345678",      "123456789",  "1234567890", "password",   "password1", "password123",
    "qwerty123",     "qwertyuiop", "1q2w3e4r",   "1q2w3e4r5t", "iloveyou",  "sunshine",
    "princess",      "football",   "baseball",   "superman",   "trustno1",  "welcome1",
    "letmein1",      "starwars",   "whatever",   "computer",   "michelle",  "jennifer",
    "corvette",      "mercedes",   "asdfghjkl",  "zxcvbnm1",   "abcd1234",  "11111111",
    "00000000",      "88888888",   "87654321",   "987654321",  "changeme",  "changeit",
    "administrator", "keywright",  "passw0rd",   "p@ssw0rd",   "secret123", "admin123",
};

crypto::PasswordCost cost_in_use;

}  // namespace

void use_password_cost(crypto::PasswordCost cost) { cost_in_use = cost; }

const crypto::PasswordHasher& password_hasher() {
  static const crypto::PasswordHasher hasher(cost_in_use);
  return hasher;
}

Result<void> check_password(std::string_view field, const Secret<std::string>& password,
                            std::string_view email) {
  const std::string& text = password.reveal();
  if (text.size() < kPasswordBytesMin) {
    return fail(invalid_field(field, "must have at least 8 characters"));
  }
  if (text.size() > kPasswordBytesMax) {
    return fail(invalid_field(field, "must have at most 1024 bytes"));
  }
  const std::string lower = to_ascii_lower(text);
  const bool common =
      std::find(std::begin(kMostUsed), std::end(kMostUsed), lower) != std::end(kMostUsed) ||
      std::count(text.begin(), text.end(), text.front()) ==
          static_cast<std::ptrdiff_t>(text.size());
  if (common || (!email.empty() && lower == to_ascii_lower(email))) {
    return fail(invalid_field(field, "is too easy to guess; choose another one"));
  }
  return {};
}

Task<Result<std::string>> hash_password(App& app, Secret<std::string> password) {
  auto work = [&]() -> Result<std::string> {
    KW_TRY(auto hash, password_hasher().hash(password));
    return hash.encoded;
  };
  auto hashed = co_await app.hashing.run(work);
  co_return hashed;
}

Task<Result<bool>> verify_password(App& app, std::string hash, Secret<std::string> password) {
  auto work = [&]() -> Result<bool> {
    if (hash.empty()) {
      password_hasher().verify_unknown_user(password);
      return false;
    }
    return password_hasher().verify({hash}, password).matches;
  };
  auto matches = co_await app.hashing.run(work);
  co_return matches;
}

}  // namespace keywright::app
