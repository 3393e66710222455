// app/passwords.h - what a password must be, and hashing it away from the io threads.
//
//   KW_CHECK_OK(check_password("password", password));
//   auto hash = co_await hash_password(app, std::move(password));
//
// 8 to 1024 bytes, not one of the most used ones, not the address itself; no rules about kinds of
// characters (NIST SP 800-63B section 5.1.1.2).
//
// Threading: io threads. Cost: hashing about 100 ms on a worker; the queue is bounded.
#pragma once

#include <string>
#include <string_view>

#include "app/operation.h"
#include "base/secret.h"
#include "crypto/password.h"

namespace keywright::app {

Result<void> check_password(std::string_view field, const Secret<std::string>& password,
                            std::string_view email);

Task<Result<std::string>> hash_password(App& app, Secret<std::string> password);

// Does the password belong to this user? Takes the same time for a user that does not exist (null
// hash). Never says which.
Task<Result<bool>> verify_password(App& app, std::string hash, Secret<std::string> password);

// For set-up and other work without io threads.
const crypto::PasswordHasher& password_hasher();
// Cheap hashes, for tests. Before the first use.
void use_password_cost(crypto::PasswordCost cost);

}  // namespace keywright::app
