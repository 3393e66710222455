// app/setup_link.h - the link by which the first person takes over an empty installation.
//
//   Secret<std::string> token = setup_link.issue(directory, random, now);   // at start, if empty
//   if (!setup_link.matches(directory, token, now)) ...                     // POST /setup
//
// Nothing is kept: the token says until when it is good, how many people there were, and carries a
// MAC with the installation's key. So every node that shares the store knows it, for 15 minutes,
// and the first person spends it on all of them.
//
// Threading: any thread that may read the directory.
#pragma once

#include <chrono>
#include <string_view>

#include "app/directory.h"
#include "base/random.h"
#include "base/secret.h"

namespace keywright::app {

class SetupLink {
 public:
  static constexpr std::chrono::minutes kLife{15};

  Secret<std::string> issue(const Directory& directory, Random& random, Time now) const;
  bool matches(const Directory& directory, std::string_view token, Time now) const;
};

}  // namespace keywright::app
