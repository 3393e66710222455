// app/found_idle.h - keys that a check found idle for the first time: to be recorded, so that they
// stay expired whatever happens to the memory of their last use.
//
//   directory.found_idle().note(key.id);          // io thread, after Outcome::idle_timeout
//   record_found_idle(directory, committer);      // once a second, on any thread but io threads
//
// Threading: note() and take() from any thread. Cost: one lock, and only for such refusals. At most
// kKeysMax wait; further ones are found again by their next use.
#pragma once

#include <mutex>
#include <set>
#include <vector>

#include "domain/keys/key_id.h"

namespace keywright::app {

class Committer;
class Directory;

class FoundIdle {
 public:
  static constexpr std::size_t kKeysMax = 10'000;

  void note(const domain::KeyId& id) {
    const std::lock_guard lock(mutex_);
    if (ids_.size() < kKeysMax) ids_.insert(id);
  }

  std::vector<domain::KeyId> take() {
    const std::lock_guard lock(mutex_);
    std::vector<domain::KeyId> ids(ids_.begin(), ids_.end());
    ids_.clear();
    return ids;
  }

 private:
  std::mutex mutex_;
  std::set<domain::KeyId> ids_;
};

void record_found_idle(Directory& directory, Committer& committer);

}  // namespace keywright::app
