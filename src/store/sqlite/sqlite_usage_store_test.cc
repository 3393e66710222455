#include "store/sqlite/sqlite_usage_store.h"

#include <filesystem>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

namespace keywright::store {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

constexpr Time kNoon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 18} + hours{12}};

class SqliteUsageStoreTest : public testing::Test {
 protected:
  SqliteUsageStoreTest()
      : directory_(std::filesystem::temp_directory_path() /
                   ("keywright_usage_store_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    open();
  }
  ~SqliteUsageStoreTest() override { std::filesystem::remove_all(directory_); }

  void open() {
    store_.reset();
    auto opened = SqliteUsageStore::open((directory_ / "usage.db").string());
    ASSERT_TRUE(opened) << opened.error().internal();
    store_ = std::move(*opened);
  }

  void add(Time minute, std::vector<UsageCount> counts) {
    ASSERT_TRUE(store_->add(minute, counts));
  }

  // Beginning of the step, in minutes after noon -> count.
  std::map<long, std::int64_t> read(UsageStep step, std::int64_t serial, std::int64_t reason,
                                    Time from = kNoon - days{800}, Time to = kNoon + days{2}) {
    std::map<long, std::int64_t> found;
    const std::int64_t serials[] = {serial};
    // Minutes of two years are many to look up.
    if (step == UsageStep::minute) from = std::max(from, kNoon - days{2});
    const auto rows = *store_->read(serials, step, from, to);
    for (const UsageRow& row : rows) {
      if (row.reason == reason) found[(row.at - kNoon) / minutes{1}] += row.count;
    }
    return found;
  }

  using Counts = std::map<long, std::int64_t>;

  const std::filesystem::path directory_;
  std::unique_ptr<SqliteUsageStore> store_;
};

TEST_F(SqliteUsageStoreTest, AMinuteIsAddedToItsHourAndItsDay) {
  add(kNoon + minutes{1}, {{7, 0, 3}, {7, 4, 1}, {8, 0, 100}});
  add(kNoon + minutes{2}, {{7, 0, 2}});
  add(kNoon + minutes{61}, {{7, 0, 10}});
  EXPECT_EQ(read(UsageStep::minute, 7, 0), (Counts{{1, 3}, {2, 2}, {61, 10}}));
  EXPECT_EQ(read(UsageStep::hour, 7, 0), (Counts{{0, 5}, {60, 10}}));
  EXPECT_EQ(read(UsageStep::day, 7, 0), (Counts{{-720, 15}}));
  EXPECT_EQ(read(UsageStep::day, 7, 4), (Counts{{-720, 1}}));
  EXPECT_EQ(read(UsageStep::day, 8, 0), (Counts{{-720, 100}}));
}

TEST_F(SqliteUsageStoreTest, TheSameMinuteTwiceIsASum) {
  add(kNoon, {{7, 0, 3}});
  add(kNoon, {{7, 0, 4}, {7, 5, 1}});
  EXPECT_EQ(read(UsageStep::minute, 7, 0), (Counts{{0, 7}}));
  EXPECT_EQ(read(UsageStep::minute, 7, 5), (Counts{{0, 1}}));
}

TEST_F(SqliteUsageStoreTest, OnlyStepsThatBeginInTheSpanAreRead) {
  for (const int minute : {0, 1, 2, 3}) add(kNoon + minutes{minute}, {{7, 0, 1}});
  EXPECT_EQ(read(UsageStep::minute, 7, 0, kNoon + minutes{1}, kNoon + minutes{3}),
            (Counts{{1, 1}, {2, 1}}));
}

TEST_F(SqliteUsageStoreTest, CountsAreThereAfterOpeningAgain) {
  add(kNoon, {{7, 0, 3}});
  open();
  EXPECT_EQ(read(UsageStep::hour, 7, 0), (Counts{{0, 3}}));
}

TEST_F(SqliteUsageStoreTest, EachStepIsKeptForItsOwnTime) {
  for (const Time at : {kNoon - days{740}, kNoon - days{700}, kNoon - days{36}, kNoon - days{30},
                        kNoon - hours{27}, kNoon - hours{25}, kNoon}) {
    add(at, {{7, 0, 1}});
  }
  // Bounded pieces: each call drops sixty steps at most beginning with the oldest.
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->drop_old(kNoon));
  EXPECT_EQ(read(UsageStep::minute, 7, 0), (Counts{{-25 * 60, 1}, {0, 1}}));
  EXPECT_EQ(read(UsageStep::hour, 7, 0),
            (Counts{{-30 * 24 * 60, 1}, {-27 * 60, 1}, {-25 * 60, 1}, {0, 1}}));
  EXPECT_EQ(read(UsageStep::day, 7, 0).size(), 5U);
}

TEST_F(SqliteUsageStoreTest, NegativeTimesBelongToTheStepBefore) {
  EXPECT_EQ(number_of(UsageStep::day, from_unix_milliseconds(-1)), -1);
  EXPECT_EQ(number_of(UsageStep::day, from_unix_milliseconds(-86'400'000)), -1);
  EXPECT_EQ(number_of(UsageStep::day, from_unix_milliseconds(0)), 0);
}

TEST_F(SqliteUsageStoreTest, AFileOfANewerProgramIsLeftAlone) {
  store_.reset();
  {
    auto database =
        Database::open((directory_ / "usage.db").string(), Database::Access::read_write, {});
    ASSERT_TRUE(database->run("PRAGMA user_version = 99"));
  }
  EXPECT_EQ(SqliteUsageStore::open((directory_ / "usage.db").string()).error().reason(),
            "usage_store_newer");
}

}  // namespace
}  // namespace keywright::store
