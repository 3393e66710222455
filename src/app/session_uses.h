// app/session_uses.h - when each session was last used. In memory only: after a restart a session
// counts as used when the process started.
//
// Threading: any thread. Cost: a shared lock; an exclusive one at most once a minute per session.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/time.h"
#include "base/uuid.h"

namespace keywright::app {

class SessionUses {
 public:
  explicit SessionUses(Time started_at) : started_at_(started_at) {}

  Time last_used_at(const Uuid& session) const {
    const std::shared_lock lock(mutex_);
    const auto found = used_at_.find(session);
    return found == used_at_.end() ? started_at_ : found->second;
  }

  void touch(const Uuid& session, Time now) {
    if (now - last_used_at_or_never(session) < std::chrono::minutes{1}) return;
    const std::unique_lock lock(mutex_);
    used_at_[session] = now;
  }

  void forget(const Uuid& session) {
    const std::unique_lock lock(mutex_);
    used_at_.erase(session);
  }

 private:
  Time last_used_at_or_never(const Uuid& session) const {
    const std::shared_lock lock(mutex_);
    const auto found = used_at_.find(session);
    return found == used_at_.end() ? Time{} : found->second;
  }

  const Time started_at_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<Uuid, Time> used_at_;
};

}  // namespace keywright::app
