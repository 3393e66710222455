// app/barrier.h - waits until every io thread has finished what it was doing.
//
//   barrier.pass();      // writer, after publishing: no io thread still acts on the records before
//
// An io thread never suspends between deciding and putting the first byte of an answer into the
// output, and it runs the barrier's work between two pieces of its own. So once every thread has
// run it, no answer that was decided on older records can still leave, and no thread holds a
// pointer to a record that was unpublished before. This is what "revoked before the call returns"
// rests on.
//
// Threading: pass() blocks the calling thread, which is never an io thread.
// Cost: one wake-up of each io thread, about 50 µs when they are idle.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "app/scheduler.h"

namespace keywright::app {

class Barrier {
 public:
  // `on_each` runs on every io thread as it passes: streams look again at what they are allowed.
  explicit Barrier(std::function<void()> on_each = {}) : on_each_(std::move(on_each)) {}

  // Before the first request is served. No threads: pass() returns at once.
  void add(Scheduler& thread);
  // The io threads are about to stop; from now on pass() returns at once.
  void disband();

  void pass();

 private:
  std::function<void()> on_each_;
  std::mutex mutex_;
  std::vector<Scheduler*> threads_;
};

}  // namespace keywright::app
