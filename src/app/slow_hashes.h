// app/slow_hashes.h - imported bcrypt and argon2id secrets: tried once, then never again.
//
//   if (slow_hashes.could_be(directory, token)) {
//     auto upgraded = co_await slow_hashes.try_token(app, token, client_address);
//     if (upgraded && *upgraded) ... decide again
//   }
//
// Found by the first characters of the token (given at import), tried on the hashing workers, each
// presented token at most once at a time, and with budgets: after so many wrong tries in a minute a
// prefix, and before it the address they came from, rest until the minute is over. So guesses
// cannot keep the workers busy, and one guesser does not use up what others need. The first match
// stores the keyed digest; from then on the key is like any.
//
// Errors: unavailable with Retry-After when the queue or the budget is used up.
// Threading: io threads. Cost: none unless such keys wait; then up to 300 ms on a worker.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "app/operation.h"
#include "base/ip.h"

namespace keywright::app {

// Where the sealed hash of a key belongs (crypto/sealed.h); stored as base64url.
std::string slow_hash_place(const domain::KeyId& id);

class SlowHashes {
 public:
  static constexpr int kFailuresPerMinute = 30;           // of a prefix
  static constexpr int kFailuresPerMinuteOfAddress = 10;  // IPv6: of a /64

  bool could_be(const Directory& directory, std::string_view token) const;

  // True if a waiting key was this token's; it has its digest now.
  // `address`: who presented it, if that is known.
  Task<Result<bool>> try_token(App& app, std::string token, std::optional<IpAddress> address);

 private:
  struct Budget {
    std::int64_t minute = 0;
    int failures = 0;
  };

  struct Attempt {
    std::string token;  // its hash
    std::string prefix;
    std::string address;  // "" = unknown
  };

  Result<void> begin(const Attempt& attempt, Time now);
  Result<void> check_budget(const std::string& name, int failures_max, Time now);
  void end(const Attempt& attempt, bool matched);

  std::mutex mutex_;
  std::set<std::string> under_way_;
  std::map<std::string, Budget> budgets_;
};

}  // namespace keywright::app
