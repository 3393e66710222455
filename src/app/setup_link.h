// app/setup_link.h - the single-use link by which the first person takes over an empty
// installation.
//
//   Secret<std::string> token = setup_link.issue(directory, random, now);   // at start, if empty
//   if (!setup_link.redeem(directory, token, now)) ...                      // POST /setup
//
// Valid for 15 minutes, in this process only; of the token only a keyed digest is kept.
//
// Threading: any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <string_view>

#include "app/directory.h"
#include "base/random.h"
#include "base/secret.h"

namespace keywright::app {

class SetupLink {
 public:
  static constexpr std::chrono::minutes kLife{15};

  Secret<std::string> issue(const Directory& directory, Random& random, Time now);
  bool matches(const Directory& directory, std::string_view token, Time now) const;
  void spend();

 private:
  mutable std::mutex mutex_;
  crypto::Sha256 digest_{};
  Time expires_at_;
};

}  // namespace keywright::app
