// server/loop_scheduler.h - an io thread's loop as the Scheduler that app/ posts to.
//
//   LoopScheduler scheduler(loops[0]);
//   loops[0].post([&] { app::Scheduler::set_current(&scheduler); });   // first of all
//   barrier.add(scheduler);
#pragma once

#include <functional>
#include <utility>

#include "app/scheduler.h"
#include "net/loop.h"

namespace keywright::server {

class LoopScheduler final : public app::Scheduler {
 public:
  explicit LoopScheduler(net::Loop& loop) : loop_(loop) {}

  void post(std::function<void()> work) override { loop_.post(std::move(work)); }

 private:
  net::Loop& loop_;
};

}  // namespace keywright::server
