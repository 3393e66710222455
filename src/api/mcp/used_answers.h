// api/mcp/used_answers.h - a person's yes, which is good for one call.
//
//   if (!used.take(state, expiry, now)) return refuse("asked and answered before");
//
// What was taken is remembered until it is too old to be taken anyway. Each node remembers its own:
// the state names the call to the last argument, so that a second one elsewhere can do no more than
// the same again.
//
// Threading: any thread. Cost: a lock, and a look at what was taken in the last minutes.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/time.h"

namespace keywright::api_mcp {

class UsedAnswers {
 public:
  // False if it was taken before.
  bool take(const std::string& state, Time expiry, Time now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(taken_, [now](const auto& each) { return each.second <= now; });
    return taken_.emplace(state, expiry).second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Time> taken_;
};

}  // namespace keywright::api_mcp
