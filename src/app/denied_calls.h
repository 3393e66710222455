// app/denied_calls.h - writes down that somebody tried to change what he may not.
//
//   DeniedCalls denied(app.directory, app.committer);
//   if (!done) denied.note(call, done.error());
//
// The event has the operation's name as its action, outcome "denied", and as its reason the code of
// the refusal. One event for each caller and operation in a minute is enough to see it, and keeps a
// caller who is refused all day from filling the log; so does a limit on how many are remembered at
// once, beyond which nothing is written until a minute has passed. It stands in the log of the
// organization that the key belongs to; for a person, of the one meant if he belongs to it, else
// of his oldest.
//
// Only refusals of changes by right, of a caller who was admitted: everything else is no attempt by
// anybody known.
//
// Threading: note() from any thread. Lifetime: directory and committer outlive it.
// Cost: nothing for other errors; else a lock, a look-up, and at most an event that nobody waits
// for.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "app/call_audit.h"
#include "app/operation.h"

namespace keywright::app {

class DeniedCalls {
 public:
  static constexpr std::size_t kRememberedMax = 1024;
  static constexpr std::chrono::minutes kOnceEvery{1};

  DeniedCalls(const Directory& directory, Committer& committer)
      : directory_(directory), audit_(committer) {}

  void note(const Call& call, const Error& error);

 private:
  bool is_first(std::string who_and_what, Time now);

  const Directory& directory_;
  CallAudit audit_;
  std::mutex mutex_;
  std::unordered_map<std::string, Time> noted_at_;  // guarded by mutex_
};

}  // namespace keywright::app
