#include "net/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace keywright::net {
namespace {

using std::chrono::milliseconds;

TEST(Loop, PostedFunctionsRunInOrderAndNotInsidePost) {
  Loop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  loop.post([&] {
    order += 'b';
    loop.post([&] {
      order += 'd';
      loop.stop();
    });
    order += 'c';
  });
  EXPECT_EQ(order, "");
  loop.run();
  EXPECT_EQ(order, "abcd");
}

TEST(Loop, MoveOnlyFunctionsAreWelcomeAndDroppedWithTheLoop) {
  auto guard = std::make_shared<int>(1);
  std::weak_ptr<int> watch = guard;
  {
    Loop loop;
    loop.post([owned = std::make_unique<std::shared_ptr<int>>(std::move(guard))] { FAIL(); });
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Loop, PostsFromManyThreadsAllArrive) {
  LoopGroup loops(1);
  loops.start();
  std::atomic<int> ran = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) loops[0].post([&] { ++ran; });
    });
  }
  for (auto& thread : threads) thread.join();
  while (ran != 4000) std::this_thread::yield();
  EXPECT_EQ(ran, 4000);
}

TEST(Loop, TimersRunInTheOrderOfTheirTimesAndCanBeCancelled) {
  Loop loop;
  std::string order;
  loop.run_after(milliseconds(3), [&] {
    order += 'c';
    loop.stop();
  });
  loop.run_after(milliseconds(1), [&] { order += 'a'; });
  loop.run_after(milliseconds(2), [&] { order += 'b'; });
  const TimerId cancelled = loop.run_after(milliseconds(1), [&] { order += 'x'; });
  EXPECT_TRUE(loop.cancel(cancelled));
  EXPECT_FALSE(loop.cancel(cancelled));
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(Loop, TimerMayCancelAnotherThatIsDue) {
  Loop loop;
  bool ran = false;
  TimerId second = TimerId::none;
  loop.run_after(Duration::zero(), [&] { EXPECT_TRUE(loop.cancel(second)); });
  second = loop.run_after(Duration::zero(), [&] { ran = true; });
  loop.run_once(Duration::zero());
  EXPECT_FALSE(ran);
}

Task<int> add_on(Loop& there, Loop& here, int a, int b) {
  co_await there.switch_to();
  const int sum = Loop::current() == &there ? a + b : -1;
  co_await here.switch_to();
  co_return Loop::current() == &here ? sum : -2;
}

TEST(Loop, CoroutinesGoToAnotherLoopAndBack) {
  LoopGroup others(1);
  others.start();
  Loop loop;
  EXPECT_EQ(run(add_on(others[0], loop, 2, 3), loop), 5);
}

Task<Result<std::string>> slept(Loop& loop) {
  const Ticks before = loop.read_clock();
  co_await loop.sleep(milliseconds(5));
  if (loop.read_clock() - before < milliseconds(5)) {
    co_return fail(Code::internal, "early", "woke too early");
  }
  co_await loop.yield();
  co_return "woke";
}

TEST(Loop, SleepLastsAtLeastAsLongAsAsked) {
  Loop loop;
  auto result = run(slept(loop), loop);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, "woke");
}

TEST(Loop, SleepThatIsDestroyedTakesItsTimerAlong) {
  Loop loop;
  {
    Loop::Sleep sleep = loop.sleep(milliseconds(1));
    sleep.await_suspend(std::noop_coroutine());
  }
  bool later = false;
  loop.run_after(milliseconds(2), [&] {
    later = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(later);
}

TEST(Loop, CurrentIsTheLoopThatRuns) {
  EXPECT_EQ(Loop::current(), nullptr);
  Loop loop;
  loop.post([&] {
    EXPECT_EQ(Loop::current(), &loop);
    EXPECT_TRUE(loop.is_current());
  });
  loop.run_once(Duration::zero());
  EXPECT_EQ(Loop::current(), nullptr);
}

TEST(LoopGroup, StopEndsEveryThread) {
  LoopGroup loops(3);
  loops.start();
  EXPECT_TRUE(loops.is_running());
  loops.stop();
  EXPECT_FALSE(loops.is_running());
}

}  // namespace
}  // namespace keywright::net
