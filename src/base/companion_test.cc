#include "base/companion.h"

#include <gtest/gtest.h>

namespace keywright {
namespace {

struct Wait {
  std::coroutine_handle<>& waiting;
  bool& withdrawn;
  bool resumed = false;
  Wait(std::coroutine_handle<>& place, bool& gone) : waiting(place), withdrawn(gone) {}
  Wait(const Wait&) = delete;
  ~Wait() { withdrawn = !resumed; }
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) { waiting = handle; }
  void await_resume() { resumed = true; }
};

Companion wait_once(std::coroutine_handle<>& waiting, bool& withdrawn, int& steps) {
  ++steps;
  {
    Wait wait(waiting, withdrawn);
    co_await wait;
  }
  ++steps;
}

TEST(Companion, RunsAtOnceAndTellsWhenItIsDone) {
  std::coroutine_handle<> waiting;
  bool withdrawn = false;
  int steps = 0;
  Companion companion;
  EXPECT_TRUE(companion.is_done());
  companion = wait_once(waiting, withdrawn, steps);
  EXPECT_EQ(steps, 1);
  EXPECT_FALSE(companion.is_done());
  waiting.resume();
  EXPECT_EQ(steps, 2);
  EXPECT_TRUE(companion.is_done());
}

TEST(Companion, WithdrawsWhatItWaitsForWhenItIsDestroyed) {
  std::coroutine_handle<> waiting;
  bool withdrawn = false;
  int steps = 0;
  {
    const Companion companion = wait_once(waiting, withdrawn, steps);
    EXPECT_FALSE(withdrawn);
  }
  EXPECT_TRUE(withdrawn);
  EXPECT_EQ(steps, 1);
}

}  // namespace
}  // namespace keywright
