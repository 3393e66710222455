// app/slow_hashes.h - imported bcrypt and argon2id secrets: tried once, then never again.
//
//   if (slow_hashes.could_be(directory, token)) {
//     auto upgraded = co_await slow_hashes.try_token(app, token, now);
//     if (upgraded && *upgraded) ... decide again
//   }
//
// Found by the first characters of the token (given at import), tried on the hashing workers, each
// presented token at most once at a time, and with a budget for each prefix: after
// kFailuresPerMinute wrong tries the prefix rests until the minute is over, so that guesses cannot
// keep the workers busy. The first match stores the keyed digest; from then on the key is like any.
//
// Errors: unavailable with Retry-After when the queue or the budget is used up.
// Threading: io threads. Cost: none unless such keys wait; then up to 300 ms on a worker.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "app/operation.h"

namespace keywright::app {

// Where the sealed hash of a key belongs (crypto/sealed.h); stored as base64url.
std::string slow_hash_place(const domain::KeyId& id);

class SlowHashes {
 public:
  static constexpr int kFailuresPerMinute = 30;

  bool could_be(const Directory& directory, std::string_view token) const;

  // True if a waiting key was this token's; it has its digest now.
  Task<Result<bool>> try_token(App& app, std::string token);

 private:
  struct Budget {
    std::int64_t minute = 0;
    int failures = 0;
  };

  Result<void> begin(const std::string& token, const std::string& prefix, Time now);
  void end(const std::string& token, const std::string& prefix, bool matched);

  std::mutex mutex_;
  std::set<std::string> under_way_;
  std::map<std::string, Budget> budgets_;
};

}  // namespace keywright::app
