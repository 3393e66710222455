#include "domain/limits/limits.h"

#include <chrono>
#include <limits>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "domain/limits/share.h"

namespace keywright::domain {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

Time at(std::string_view text) { return *parse_rfc3339(text); }

// 2027-01-15T08:00:00Z: a multiple of 3600 seconds.
constexpr Time kNow = from_unix_milliseconds(1'800'000'000'000);

Limit gcra(std::int64_t limit, std::int64_t window) {
  return {"g", limit, window, LimitAlgorithm::gcra};
}
Limit fixed(std::int64_t limit, std::int64_t window) {
  return {"f", limit, window, LimitAlgorithm::fixed};
}

struct Step {
  std::int64_t after_milliseconds;  // since the first step
  std::int64_t cost;
  bool allowed;
  std::int64_t remaining, reset_seconds, retry_after_seconds;
};

void expect_steps(const Limit& limit, const std::vector<Step>& steps) {
  std::int64_t state = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const Time now = kNow + milliseconds(step.after_milliseconds);
    const std::int64_t before = state;
    const LimitAnswer looked = peek(limit, state, now, step.cost);
    const LimitAnswer answer = take(limit, state, now, step.cost);
    EXPECT_EQ(looked.allowed, answer.allowed) << "step " << i;
    EXPECT_EQ(answer.allowed, step.allowed) << "step " << i;
    EXPECT_EQ(answer.remaining, step.remaining) << "step " << i;
    EXPECT_EQ(answer.reset_seconds, step.reset_seconds) << "step " << i;
    EXPECT_EQ(answer.retry_after_seconds, step.retry_after_seconds) << "step " << i;
    if (!step.allowed || step.cost == 0) {
      EXPECT_EQ(state, before) << "step " << i;
    }
  }
}

TEST(Gcra, ABurstOfTheLimitPassesThenOneAtATime) {
  expect_steps(gcra(3, 60), {
                                {0, 1, true, 2, 20, 0},
                                {0, 1, true, 1, 40, 0},
                                {0, 1, true, 0, 60, 0},
                                {0, 1, false, 0, 60, 20},
                                {19'000, 1, false, 0, 41, 1},
                                {19'999, 1, false, 0, 41, 1},
                                {20'000, 1, true, 0, 60, 0},
                                {80'000, 1, true, 2, 20, 0},
                            });
}

TEST(Gcra, CostsAreSpentAtOnceOrNotAtAll) {
  expect_steps(gcra(10, 10), {
                                 {0, 7, true, 3, 7, 0},
                                 {0, 4, false, 3, 7, 1},
                                 {0, 0, true, 3, 7, 0},
                                 {0, 3, true, 0, 10, 0},
                                 {0, 0, true, 0, 10, 0},
                                 {0, 5, false, 0, 10, 5},
                                 {500, 5, false, 0, 10, 5},
                                 {5'000, 5, true, 0, 10, 0},
                                 {5'000, 11, false, 0, 10, 10},
                             });
}

TEST(Fixed, TheWindowsAreAlignedToTheEpoch) {
  expect_steps(fixed(2, 60), {
                                 {30'000, 1, true, 1, 30, 0},
                                 {30'500, 1, true, 0, 30, 0},
                                 {30'500, 1, false, 0, 30, 30},
                                 {59'999, 1, false, 0, 1, 1},
                                 {60'000, 1, true, 1, 60, 0},
                                 {60'000, 2, false, 1, 60, 60},
                                 {60'000, 0, true, 1, 60, 0},
                                 {120'000, 0, true, 2, 0, 0},
                                 {120'000, 3, false, 2, 0, 60},
                             });
}

TEST(Limits, AnUnusedLimitIsWhole) {
  for (const Limit& limit : {gcra(5, 10), fixed(5, 10)}) {
    const LimitAnswer answer = peek(limit, 0, kNow, 1);
    EXPECT_TRUE(answer.allowed);
    EXPECT_EQ(answer.remaining, 5);
    EXPECT_EQ(answer.reset_seconds, 0);
  }
}

TEST(Limits, ABurstIsExactlyTheLimitForAnyLimitAndWindow) {
  for (std::int64_t limit : {1, 3, 7, 10, 1000, 999'999, 16'777'215}) {
    for (std::int64_t window : {1, 7, 60, 3600, 31'536'000}) {
      for (const Limit& each : {gcra(limit, window), fixed(limit, window)}) {
        std::int64_t state = 0;
        ASSERT_TRUE(take(each, state, kNow, limit).allowed) << limit << " in " << window;
        ASSERT_FALSE(take(each, state, kNow, 1).allowed) << limit << " in " << window;
        std::int64_t one_less = 0;
        LimitAnswer answer = take(each, one_less, kNow, limit - 1);
        ASSERT_TRUE(answer.allowed);
        ASSERT_EQ(answer.remaining, 1) << limit << " in " << window;
      }
    }
  }
}

TEST(Limits, WaitingAsLongAsToldIsAlwaysEnough) {
  SeededRandom random(3);
  for (int round = 0; round < 2000; ++round) {
    const auto limit = static_cast<std::int64_t>(1 + random_below(random, 50));
    const auto window = static_cast<std::int64_t>(1 + random_below(random, 100));
    const auto cost = static_cast<std::int64_t>(1 + random_below(random, 1 + limit / 2));
    const Limit each = round % 2 ? gcra(limit, window) : fixed(limit, window);
    Time now = kNow + milliseconds(random_below(random, 100'000));
    std::int64_t state = 0;
    LimitAnswer answer;
    do {
      now += milliseconds(random_below(random, 20));
      answer = take(each, state, now, cost);
    } while (answer.allowed);
    ASSERT_GE(answer.retry_after_seconds, 1);
    ASSERT_TRUE(peek(each, state, now + seconds(answer.retry_after_seconds), cost).allowed);
    if (answer.retry_after_seconds > 1) {
      ASSERT_FALSE(peek(each, state, now + seconds(answer.retry_after_seconds - 1), cost).allowed);
    }
    const LimitAnswer later = peek(each, state, now + seconds(answer.reset_seconds), 0);
    ASSERT_EQ(later.remaining, limit);
  }
}

TEST(Gcra, AWindowThatTheLimitDoesNotDivideIsNoLongerThanItIs) {
  std::int64_t state = 0;
  EXPECT_EQ(take(gcra(7, 60), state, kNow, 7).reset_seconds, 60);
  EXPECT_EQ(peek(gcra(7, 60), state, kNow, 7).retry_after_seconds, 60);
  EXPECT_EQ(peek(gcra(7, 60), state, kNow, 1).retry_after_seconds, 9) << "8.57 s, rounded up";
  // Its ticks are a little longer than microseconds: a million of them take a little over a second.
  const std::int64_t now_in_ticks = to_unix_milliseconds(kNow) / 60'000 * 59'999'996;
  EXPECT_EQ(peek(gcra(7, 60), now_in_ticks + 1'000'000, kNow, 0).reset_seconds, 2);
}

__extension__ typedef __int128 Int128;

// GCRA the long way: the arrival time as an exact fraction with `limit` as its denominator.
struct NaiveGcra {
  const Limit& limit;
  Int128 arrival = 0;

  bool take(Time now, std::int64_t cost) {
    const Int128 unit = Int128{limit.window_seconds} * 1000;  // one use, in 1/limit ms
    const Int128 here = Int128{to_unix_milliseconds(now)} * limit.limit;
    const Int128 from = arrival > here ? arrival : here;
    if (from + unit * cost - here > unit * limit.limit) return false;
    arrival = from + unit * cost;
    return true;
  }
};

struct NaiveFixed {
  const Limit& limit;
  std::int64_t window = -1, uses = 0;

  bool take(Time now, std::int64_t cost) {
    const std::int64_t here = to_unix_milliseconds(now) / 1000 / limit.window_seconds;
    if (here != window) uses = 0;
    window = here;
    if (uses + cost > limit.limit) return false;
    uses += cost;
    return true;
  }
};

template <class Naive>
void expect_agreement(LimitAlgorithm algorithm, std::uint64_t seed) {
  SeededRandom random(seed);
  auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(random_below(random, bound));
  };
  for (int round = 0; round < 300; ++round) {
    // Limits that divide the window in microseconds: then our ticks are exact too.
    const std::int64_t limits[] = {1, 2, 4, 5, 8, 10, 25, 40, 64, 100};
    const Limit limit{"x", limits[below(10)], 1 + below(90), algorithm};
    Naive naive{limit};
    std::int64_t state = 0;
    Time now = kNow + milliseconds(below(1'000'000));
    for (int step = 0; step < 200; ++step) {
      now += milliseconds(below(3) == 0 ? below(limit.window_seconds * 1500)
                                        : below(limit.window_seconds * 1000 / limit.limit + 2));
      const std::int64_t cost = 1 + below(3);
      ASSERT_EQ(take(limit, state, now, cost).allowed, naive.take(now, cost))
          << limit.limit << " in " << limit.window_seconds << ", step " << step;
    }
  }
}

TEST(Gcra, AgreesWithTheLongWay) { expect_agreement<NaiveGcra>(LimitAlgorithm::gcra, 11); }
TEST(Fixed, AgreesWithTheLongWay) { expect_agreement<NaiveFixed>(LimitAlgorithm::fixed, 12); }

TEST(Gcra, OddLimitsKeepTheirRateInTheLongRun) {
  for (std::int64_t limit : {3, 7, 13, 997, 1'000'003}) {
    const Limit each = gcra(limit, 10);
    std::int64_t state = 0, accepted = 0;
    const std::int64_t chunk = 1 + limit / 500;
    const int windows = 20;
    for (int step = 0; step < windows * 10'000; step += 5) {
      const Time now = kNow + milliseconds(step);
      while (take(each, state, now, chunk).allowed) accepted += chunk;
    }
    EXPECT_LE(accepted, limit * (windows + 1));
    EXPECT_GE(accepted, limit * (windows + 1) - limit / 50 - 2 * chunk) << limit;
  }
}

TEST(Limits, GivingBackUndoesTaking) {
  SeededRandom random(5);
  for (int round = 0; round < 500; ++round) {
    const auto limit = static_cast<std::int64_t>(2 + random_below(random, 100));
    const Limit each = round % 2 ? gcra(limit, 60) : fixed(limit, 60);
    const auto first = static_cast<std::int64_t>(1 + random_below(random, limit - 1));
    std::int64_t state = 0;
    ASSERT_TRUE(take(each, state, kNow, first).allowed);
    const LimitAnswer before = peek(each, state, kNow, 1);
    ASSERT_TRUE(take(each, state, kNow, 1).allowed);
    state = give_back(each, state, 1);
    const LimitAnswer after = peek(each, state, kNow, 1);
    ASSERT_EQ(before.remaining, after.remaining);
    ASSERT_EQ(before.reset_seconds, after.reset_seconds);
  }
}

TEST(Limits, GivingBackMoreThanWasTakenGivesNoMoreThanTheLimit) {
  for (const Limit& each : {gcra(5, 60), fixed(5, 60)}) {
    std::int64_t state = 0;
    take(each, state, kNow, 2);
    state = give_back(each, state, kMax);
    EXPECT_EQ(peek(each, state, kNow, 1).remaining, 5);
    EXPECT_EQ(give_back(each, 0, 3), 0);
    EXPECT_EQ(give_back(each, state, -7), state);
  }
}

TEST(Limits, AClockSetBackLocksNobodyOutForLongerThanAWindow) {
  for (const Limit& each : {gcra(5, 60), fixed(5, 60)}) {
    std::int64_t state = 0;
    take(each, state, kNow + std::chrono::hours(24), 5);
    const LimitAnswer answer = take(each, state, kNow, 1);
    EXPECT_FALSE(answer.allowed);
    EXPECT_LE(answer.retry_after_seconds, 60);
  }
  std::int64_t state = 0;
  take(fixed(5, 60), state, kNow + std::chrono::hours(24), 1);
  ASSERT_TRUE(take(fixed(5, 60), state, kNow, 1).allowed);
  EXPECT_EQ(peek(fixed(5, 60), state, kNow + seconds(60), 1).remaining, 5);
}

TEST(Limits, NoNumberOverflows) {
  for (std::int64_t limit : {kMin, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, kMax}) {
    for (std::int64_t window : {kMin, std::int64_t{0}, std::int64_t{1}, kMax}) {
      for (std::int64_t start : {kMin, std::int64_t{-1}, std::int64_t{0}, kMax}) {
        for (std::int64_t cost : {kMin, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, kMax}) {
          for (Time now : {kEarliestTime, Time{}, kNow, kLatestTime}) {
            for (const Limit& each : {gcra(limit, window), fixed(limit, window)}) {
              std::int64_t state = start;
              const LimitAnswer answer = take(each, state, now, cost);
              ASSERT_GE(answer.remaining, 0);
              ASSERT_GE(answer.reset_seconds, 0);
              ASSERT_EQ(answer.allowed, answer.retry_after_seconds == 0);
              if (cost <= 0) {
                ASSERT_TRUE(answer.allowed);
                ASSERT_EQ(state, start);
              }
              give_back(each, state, cost);
            }
          }
        }
      }
    }
  }
}

TEST(Limits, ALoweredLimitNeverShowsLessThanNothing) {
  std::int64_t state = 0;
  take(fixed(10, 60), state, kNow, 9);
  LimitAnswer answer = peek(fixed(3, 60), state, kNow, 1);
  EXPECT_FALSE(answer.allowed);
  EXPECT_EQ(answer.remaining, 0);
  EXPECT_TRUE(peek(fixed(3, 60), state, kNow, 0).allowed);
}

struct Boundary {
  RefillInterval interval;
  const char* now;
  const char* last;
  const char* next;
};

TEST(Refill, BoundariesAreUtcMidnightMondayAndTheFirst) {
  constexpr Boundary kBoundaries[] = {
      {RefillInterval::daily, "2026-11-20T22:33:51.123Z", "2026-11-20T00:00:00Z",
       "2026-11-21T00:00:00Z"},
      {RefillInterval::daily, "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z",
       "2026-11-21T00:00:00Z"},
      {RefillInterval::weekly, "2026-11-20T22:33:51Z", "2026-11-16T00:00:00Z",
       "2026-11-23T00:00:00Z"},
      {RefillInterval::weekly, "2026-11-22T23:59:59.999Z", "2026-11-16T00:00:00Z",
       "2026-11-23T00:00:00Z"},
      {RefillInterval::weekly, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z",
       "2026-11-30T00:00:00Z"},
      {RefillInterval::monthly, "2026-11-20T22:33:51Z", "2026-11-01T00:00:00Z",
       "2026-12-01T00:00:00Z"},
      {RefillInterval::monthly, "2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00Z",
       "2027-01-01T00:00:00Z"},
      {RefillInterval::monthly, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z",
       "2028-03-01T00:00:00Z"},
      {RefillInterval::monthly, "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z",
       "1970-01-01T00:00:00Z"},
  };
  for (const Boundary& line : kBoundaries) {
    EXPECT_EQ(refill_boundary(line.interval, at(line.now)), at(line.last)) << line.now;
    EXPECT_EQ(next_refill_boundary(line.interval, at(line.now)), at(line.next)) << line.now;
  }
}

TEST(Refill, CreditsAreRaisedOnceABoundaryIsPassedAndNeverLowered) {
  const Refill refill{100, RefillInterval::daily};
  const Time noon = at("2026-11-20T12:00:00Z");
  EXPECT_EQ(refilled(3, refill, noon, at("2026-11-20T23:59:59.999Z")), 3);
  EXPECT_EQ(refilled(3, refill, noon, at("2026-11-21T00:00:00Z")), 100);
  EXPECT_EQ(refilled(3, refill, noon, at("2026-12-25T08:00:00Z")), 100);
  EXPECT_EQ(refilled(500, refill, noon, at("2026-11-21T00:00:00Z")), 500);
  EXPECT_EQ(refilled(3, std::nullopt, noon, at("2027-11-21T00:00:00Z")), 3);
  EXPECT_EQ(refilled(3, refill, at("2026-11-20T00:00:00Z"), noon), 3) << "counted from midnight on";
  EXPECT_EQ(refilled(3, refill, noon, at("2026-11-19T12:00:00Z")), 3) << "clock set back";
}

TEST(Share, TheWholeIsTheLimitItself) {
  for (const Limit& limit : {gcra(7, 60), fixed(7, 60)}) {
    std::int64_t alone = 0;
    std::int64_t shared = 0;
    for (int i = 0; i < 20; ++i) {
      const Time now = kNow + seconds(3 * i);
      const LimitAnswer a = take(limit, alone, now, 1 + i % 3);
      const LimitAnswer b = take(limit, shared, now, 1 + i % 3, kWholeShare);
      EXPECT_EQ(a.allowed, b.allowed);
      EXPECT_EQ(a.remaining, b.remaining);
      EXPECT_EQ(a.retry_after_seconds, b.retry_after_seconds);
      EXPECT_EQ(alone, shared);
    }
  }
}

TEST(Share, SharesAcceptTogetherWhatTheLimitSays) {
  for (const Limit& limit :
       {gcra(100, 60), fixed(100, 60), gcra(9'999, 3600), fixed(9'999, 3600)}) {
    const std::int64_t parts[] = {kWholeShare / 2, kWholeShare / 3,
                                  kWholeShare - kWholeShare / 2 - kWholeShare / 3};
    std::int64_t accepted = 0;
    for (const std::int64_t share : parts) {
      std::int64_t state = 0;
      while (take(limit, state, kNow, 1, share).allowed) ++accepted;
    }
    EXPECT_LE(accepted, limit.limit);
    EXPECT_GE(accepted, limit.limit - 3);
  }
}

TEST(Share, MovingPartsNeitherForgetsUsesNorInventsRoom) {
  for (const Limit& limit : {gcra(1'000, 60), fixed(1'000, 60)}) {
    std::int64_t giver = 0;
    std::int64_t taker = 0;
    std::int64_t accepted = 0;
    const std::int64_t half = kWholeShare / 2;
    for (int i = 0; i < 100; ++i) accepted += take(limit, giver, kNow, 1, half).allowed ? 1 : 0;
    const std::int64_t unused = unused_parts(limit, giver, kNow, half);
    EXPECT_NEAR(static_cast<double>(unused) / kWholeShare, 0.4, 0.01);
    giver = with_share(limit, giver, kNow, half, half - unused);
    taker = with_share(limit, taker, kNow, half, half + unused);
    while (take(limit, giver, kNow, 1, half - unused).allowed) ++accepted;
    while (take(limit, taker, kNow, 1, half + unused).allowed) ++accepted;
    EXPECT_LE(accepted, 1'001);
    EXPECT_GE(accepted, 997);
  }
}

TEST(Share, TheSmallestShareLetsOneUseThroughInAWindow) {
  for (const Limit& limit : {gcra(10, 60), fixed(10, 60)}) {
    std::int64_t state = 0;
    EXPECT_TRUE(take(limit, state, kNow, 1, 1).allowed);
    EXPECT_FALSE(take(limit, state, kNow, 1, 1).allowed);
    EXPECT_TRUE(take(limit, state, kNow + seconds(60), 1, 1).allowed);
  }
}

}  // namespace
}  // namespace keywright::domain
