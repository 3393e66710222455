// app/throttle.h - slows down guessing: 10 failures per account or address in 15 minutes.
//
//   if (int seconds = throttle.attempt(email, address, now)) return too_many(seconds);
//   ... the slow check ...
//   if (matches) throttle.succeeded(email, address);
//
// An attempt counts as failed until it succeeds, so that many at once do not pass together.
// Accounts are counted under a canonical name (lower case) whether they exist or not, so the answer
// tells nothing; addresses of IPv6 under their /64. Memory is bounded: when it is full, the entry
// that has been quiet longest goes.
//
// Threading: any thread. Cost: one lock, off the path of checks.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"

namespace keywright::app {

// Whom an address stands for when guesses are counted: itself, or its /64 for IPv6.
IpAddress home_of(const IpAddress& address);

class SignInThrottle {
 public:
  static constexpr std::size_t kFailuresMax = 10;
  static constexpr std::chrono::minutes kWindow{15};
  static constexpr std::size_t kEntriesMax = 100'000;

  // 0: go on, it is counted. Otherwise the seconds until an attempt would be looked at. An empty
  // account counts the address alone.
  int attempt(std::string_view account, const IpAddress& address, Time now);
  void succeeded(std::string_view account, const IpAddress& address);

 private:
  using Failures = std::deque<Time>;

  static std::string address_key(const IpAddress& address);
  int blocked_entry(const std::string& key, Time now);
  void note(const std::string& key, Time now);

  std::mutex mutex_;
  std::map<std::string, Failures> failures_;
};

}  // namespace keywright::app
