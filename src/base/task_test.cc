#include "base/task.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/result.h"

namespace keywright {
namespace {

// Suspends until resume() is called.
struct Gate {
  std::coroutine_handle<> waiting;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  void await_resume() const noexcept {}
};

Task<int> wait_and_answer(Gate& gate, int answer) {
  co_await gate;
  co_return answer;
}

Task<void> store_sum(Gate& first, Gate& second, int& sum) {
  int left = co_await wait_and_answer(first, 20);
  int right = co_await wait_and_answer(second, 22);
  sum = left + right;
}

TEST(Task, DoesNotStartBeforeItIsAwaited) {
  bool started = false;
  auto make = [](bool& flag) -> Task<void> {
    flag = true;
    co_return;
  };
  Task<void> task = make(started);
  EXPECT_FALSE(started);
  start_detached(std::move(task));
  EXPECT_TRUE(started);
}

TEST(Task, ResumesTheAwaiterWhenEachStepIsDone) {
  Gate first;
  Gate second;
  int sum = 0;
  start_detached(store_sum(first, second, sum));
  EXPECT_EQ(sum, 0);
  first.waiting.resume();
  EXPECT_EQ(sum, 0);
  second.waiting.resume();
  EXPECT_EQ(sum, 42);
}

Task<int> count_down(int from) {
  if (from == 0) co_return 0;
  co_return 1 + co_await count_down(from - 1);
}

TEST(Task, ALoopOfFinishedTasksDoesNotGrowTheStack) {
#if !defined(__clang__)
  GTEST_SKIP() << "g++ 12 makes symmetric transfer a tail call only from -O2 on";
#endif
  int total = 0;
  auto loop = [](int& sum) -> Task<void> {
    for (int i = 0; i < 200'000; ++i) sum += co_await count_down(1);
  };
  start_detached(loop(total));
  EXPECT_EQ(total, 200'000);
}

TEST(Task, DestroyingAnUnstartedTaskFreesItsArguments) {
  auto held = std::make_shared<int>(1);
  auto keep = [](std::shared_ptr<int> value) -> Task<int> { co_return *value; };
  {
    Task<int> task = keep(held);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

Result<int> refuse_or(int value) {
  if (value < 0) return fail(Code::invalid_argument, "negative", "Below zero.");
  return value;
}

Task<Result<std::string>> describe(int value) {
  KW_CO_CHECK_OK(refuse_or(value));
  KW_CO_TRY(int known, refuse_or(value));
  co_return std::to_string(known);
}

TEST(Task, CoTryReturnsTheErrorFromTheCoroutine) {
  std::string good;
  std::string bad;
  auto run = [](std::string& value, std::string& reason) -> Task<void> {
    Result<std::string> first = co_await describe(7);
    value = first.value();
    Result<std::string> second = co_await describe(-1);
    reason = second.error().reason();
  };
  start_detached(run(good, bad));
  EXPECT_EQ(good, "7");
  EXPECT_EQ(bad, "negative");
}

}  // namespace
}  // namespace keywright
