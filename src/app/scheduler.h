// app/scheduler.h - how work done elsewhere comes back to the io thread that waits for it.
//
//   Scheduler* home = Scheduler::current();     // on an io thread
//   ... on another thread:  home->post([handle] { handle.resume(); });
//
// The server makes one Scheduler for each io thread, over its loop. Unit tests use none: then work
// runs on the spot.
//
// Threading: post() from any thread. Lifetime: schedulers outlive everything that was posted.
#pragma once

#include <functional>
#include <span>

namespace keywright::app {

class Scheduler {
 public:
  virtual void post(std::function<void()> work) = 0;

  // The scheduler of the calling io thread; null on any other thread.
  static Scheduler* current();
  static void set_current(Scheduler* scheduler);

 protected:
  ~Scheduler() = default;
};

}  // namespace keywright::app
