#include "app/usage_history.h"

#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

using domain::Outcome;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using store::UsageCount;
using store::UsageRow;

// Whatever was added, added up.
class MapStore final : public store::UsageStore {
 public:
  Result<void> add(Time minute, std::span<const UsageCount> counts) override {
    const std::lock_guard lock(mutex_);
    if (broken_) return fail(Code::unavailable, "store_unavailable", "It is broken.");
    for (const UsageCount& count : counts) {
      for (const UsageStep step : store::kUsageSteps) {
        counts_[{step, store::begin_of(step, minute), count.serial, count.reason}] += count.count;
      }
    }
    return {};
  }
  Result<std::vector<UsageRow>> read(std::span<const std::int64_t> serials, UsageStep step,
                                     Time from, Time to) override {
    const std::lock_guard lock(mutex_);
    std::vector<UsageRow> rows;
    for (const auto& [name, count] : counts_) {
      const auto& [its_step, at, serial, reason] = name;
      const bool asked = std::ranges::find(serials, serial) != serials.end();
      if (its_step == step && asked && at >= from && at < to) {
        rows.push_back({at, serial, reason, count});
      }
    }
    return rows;
  }
  Result<void> drop_old(Time) override { return {}; }

  void set_broken(bool broken) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
  }

 private:
  std::mutex mutex_;
  bool broken_ = false;
  std::map<std::tuple<UsageStep, Time, std::int64_t, std::int64_t>, std::int64_t> counts_;
};

class UsageHistoryTest : public testing::Test {
 protected:
  UsageHistoryTest() {
    EXPECT_TRUE(meter_.file().grow(10));
    key_.serial = 3;
    key_.cell = 3;
    auto made = std::make_unique<MapStore>();
    store_ = made.get();
    history_.emplace(meter_, std::move(made), clock_);
  }

  void use(int times) {
    for (int i = 0; i < times; ++i) meter_.used(key_, clock_.now(), std::nullopt);
  }
  void refuse(Outcome why, int times = 1) {
    for (int i = 0; i < times; ++i) meter_.refused(key_, why);
  }
  Time minute() const { return store::begin_of(UsageStep::minute, clock_.now()); }

  UsageReport report(UsageStep step, std::optional<Time> from = {}, std::optional<Time> to = {}) {
    return *history_->report(3, *usage_window(from, to, step, clock_.now()));
  }

  TestClock clock_;
  UsageMeter meter_{test_usage_file()};
  domain::KeyRecord key_;
  MapStore* store_ = nullptr;
  std::optional<UsageHistory> history_;
};

TEST_F(UsageHistoryTest, TheRunningMinuteIsToldBeforeItIsWritten) {
  use(3);
  refuse(Outcome::expired);
  refuse(Outcome::rate_limited, 2);
  const UsageReport hours_ago = report(UsageStep::hour);
  ASSERT_EQ(hours_ago.points.size(), 24U);
  EXPECT_EQ(hours_ago.accepted, 3);
  EXPECT_EQ(hours_ago.refused, 3);
  EXPECT_EQ(hours_ago.points.back().accepted, 3);
  EXPECT_EQ(hours_ago.points.back().refused,
            (std::map<std::string, std::int64_t>{{"EXPIRED", 1}, {"RATE_LIMITED", 2}}));
}

TEST_F(UsageHistoryTest, WhatWasWrittenIsNotToldTwice) {
  use(3);
  refuse(Outcome::disabled);
  history_->write(minute());
  use(2);
  const UsageReport both = report(UsageStep::minute);
  EXPECT_EQ(both.accepted, 5);
  EXPECT_EQ(both.refused, 1);
  EXPECT_EQ(both.points.back().accepted, 5);
  EXPECT_EQ(both.points.back().refused.at("DISABLED"), 1);
}

TEST_F(UsageHistoryTest, AMinuteThatEndedIsWrittenUnderItself) {
  use(4);
  const Time first = minute();
  clock_.advance(minutes{1});
  history_->tick();
  use(1);
  history_->stop();
  const UsageReport report_of_two = report(UsageStep::minute, first, first + minutes{2});
  ASSERT_EQ(report_of_two.points.size(), 2U);
  EXPECT_EQ(report_of_two.accepted, 5);
}

TEST_F(UsageHistoryTest, AClockThatIsPutBackLosesNothing) {
  use(4);
  const Time first = minute();
  clock_.set_wall_clock(first - minutes{10});
  history_->tick();
  use(1);
  clock_.set_wall_clock(first);
  history_->tick();
  history_->stop();
  EXPECT_EQ(report(UsageStep::minute, first - minutes{20}, first + minutes{1}).accepted, 5);
}

TEST_F(UsageHistoryTest, WhatCannotBeWrittenIsWrittenLater) {
  use(4);
  refuse(Outcome::expired);
  store_->set_broken(true);
  const Time first = minute();
  history_->write(first);
  use(2);
  EXPECT_EQ(report(UsageStep::minute).accepted, 6);  // also meanwhile
  EXPECT_EQ(report(UsageStep::minute).refused, 1);
  history_->write(first + minutes{1});
  store_->set_broken(false);
  clock_.advance(minutes{2});
  history_->tick();
  history_->stop();
  const UsageReport later = report(UsageStep::hour);
  EXPECT_EQ(later.accepted, 6);
  EXPECT_EQ(later.points.back().refused.at("EXPIRED"), 1);
}

TEST_F(UsageHistoryTest, WhatCannotBeWrittenAtTheEndGoesBackToTheCells) {
  use(4);
  refuse(Outcome::expired);
  store_->set_broken(true);
  history_->stop();
  EXPECT_EQ(meter_.file().cell(3).accepted, 4U);
  EXPECT_EQ(meter_.file().cell(3).refused, 1U);
}

TEST_F(UsageHistoryTest, WhileAMinuteIsWrittenNothingIsToldTwiceOrNotAtAll) {
  for (int round = 1; round <= 300; ++round) {
    use(1);
    std::thread writer([&] { history_->write(minute()); });
    EXPECT_EQ(report(UsageStep::minute).accepted, round);
    writer.join();
  }
}

TEST_F(UsageHistoryTest, ReasonsThatAreNotKnownAnyMoreAreOther) {
  meter_.file().cell(3).refused.fetch_add(5);  // as after kill -9
  refuse(Outcome::expired, 2);
  const std::map<std::string, std::int64_t> expected{{"EXPIRED", 2}, {"OTHER", 5}};
  EXPECT_EQ(report(UsageStep::minute).points.back().refused, expected);
  history_->write(minute());
  EXPECT_EQ(report(UsageStep::minute).points.back().refused, expected);
}

TEST_F(UsageHistoryTest, EveryReasonHasANumberOfItsOwn) {
  std::int64_t reasons = 0;
  for (int i = 1; i <= static_cast<int>(Outcome::usage_exceeded); ++i) {
    refuse(static_cast<Outcome>(i));
    ++reasons;
  }
  const auto before = report(UsageStep::minute).points.back().refused;
  history_->write(minute());
  const auto after = report(UsageStep::minute).points.back().refused;
  EXPECT_EQ(before, after);
  EXPECT_EQ(static_cast<std::int64_t>(after.size()), reasons);
  EXPECT_FALSE(after.contains("OTHER"));
}

TEST_F(UsageHistoryTest, AListTellsThirtyDaysOfEachKey) {
  use(2);
  history_->write(minute() - days{29});
  use(3);
  refuse(Outcome::expired);
  history_->write(minute() - days{30});
  use(1);
  refuse(Outcome::disabled, 4);
  const std::int64_t serials[] = {5, 3};
  const auto usages = *history_->last_days(serials);
  ASSERT_EQ(usages.size(), 2U);
  EXPECT_EQ(usages[0].accepted, std::vector<std::int64_t>(30, 0));
  ASSERT_EQ(usages[1].accepted.size(), 30U);
  EXPECT_EQ(usages[1].accepted.front(), 2);
  EXPECT_EQ(usages[1].accepted.back(), 1);
  EXPECT_EQ(usages[1].refused.front(), 0);
  EXPECT_EQ(usages[1].refused.back(), 4);
}

TEST(UsageWindow, LeftOutItIsTheLastDayByTheHour) {
  const Time now = TestClock::kStart;
  const auto window = *usage_window({}, {}, UsageStep::hour, now);
  EXPECT_EQ(window.steps(), 24);
  EXPECT_EQ(window.to, store::begin_of(UsageStep::hour, now) + hours{1});
  EXPECT_EQ(usage_window({}, {}, UsageStep::minute, now)->steps(), 1440);
  EXPECT_EQ(usage_window({}, {}, UsageStep::day, now)->steps(), 30);
}

TEST(UsageWindow, IsMadeOfWholeSteps) {
  const Time now = TestClock::kStart;
  const Time hour = store::begin_of(UsageStep::hour, now);
  const auto window = *usage_window(hour + minutes{59}, hour + minutes{61}, UsageStep::hour, now);
  EXPECT_EQ(window.from, hour);
  EXPECT_EQ(window.to, hour + hours{2});
  EXPECT_EQ(usage_window(hour, hour + hours{1}, UsageStep::hour, now)->steps(), 1);
}

TEST(UsageWindow, NamesTheFieldThatIsWrong) {
  const Time now = TestClock::kStart;
  const Time minute = store::begin_of(UsageStep::minute, now);
  EXPECT_TRUE(usage_window(minute - minutes{1500}, minute, UsageStep::minute, now));
  const auto many = usage_window(now - minutes{1600}, now, UsageStep::minute, now);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().problems().front().field, "step");
  const auto backwards = usage_window(now, now - hours{1}, UsageStep::hour, now);
  ASSERT_FALSE(backwards);
  EXPECT_EQ(backwards.error().problems().front().field, "to");
  EXPECT_FALSE(usage_window(now + days{1}, {}, UsageStep::hour, now));
  EXPECT_FALSE(usage_window(kEarliestTime, kLatestTime, UsageStep::day, now));
}

}  // namespace
}  // namespace keywright::app
