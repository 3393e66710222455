#include "app/usage.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/clock.h"

namespace keywright::app {
namespace {

using domain::KeyRecord;
using domain::LimitAlgorithm;
using domain::RefillInterval;

constexpr Time kNow = TestClock::kStart;  // a Wednesday
constexpr std::int64_t kSerialsInFirstStep = (4 << 20) / sizeof(UsageCell);

class UsageFileTest : public testing::Test {
 protected:
  UsageFileTest()
      : path_((std::filesystem::temp_directory_path() /
               ("keywright_usage_test_" + std::to_string(::getpid())))
                  .string()) {
    std::filesystem::remove(path_);
  }
  ~UsageFileTest() override {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".pending");
  }

  std::unique_ptr<UsageFile> open() { return std::move(*UsageFile::open(path_)); }

  const std::string path_;
};

TEST_F(UsageFileTest, CellsSurviveAReopen) {
  const std::int64_t last = kSerialsInFirstStep * 3;
  {
    const auto file = open();
    ASSERT_TRUE(file->grow(last).has_value());
    for (std::int64_t serial = 1; serial <= last; ++serial) {
      file->cell(serial).credits.store(serial * 7, std::memory_order_relaxed);
    }
    file->flush();
  }
  const auto file = open();
  ASSERT_GT(file->cells(), last);
  for (std::int64_t serial = 1; serial <= last; ++serial) {
    ASSERT_EQ(file->cell(serial).credits.load(), serial * 7) << serial;
  }
}

TEST_F(UsageFileTest, OpeningItAgainDoesNotMakeItLarger) {
  ASSERT_TRUE(open()->grow(10).has_value());
  const auto size = std::filesystem::file_size(path_);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open()->grow(10).has_value());
  EXPECT_EQ(std::filesystem::file_size(path_), size);
}

TEST_F(UsageFileTest, ItsOwnerAloneMayReadIt) {
  open();
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(UsageFileTest, AFileThatCannotBeOpenedIsAnError) {
  const auto file = UsageFile::open("/nonexistent/usage");
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code(), Code::unavailable);
}

TEST_F(UsageFileTest, AFileOfAnotherLayoutIsSetAside) {
  open();
  {
    std::ofstream file(path_, std::ios::trunc | std::ios::binary);
    file << std::string(40 * 100, '\1');
  }
  EXPECT_EQ(open()->cell(7).last_used_at.load(), 0);
  EXPECT_EQ(std::filesystem::file_size(path_ + ".old"), 4000U);
  std::filesystem::remove(path_ + ".old");
}

TEST_F(UsageFileTest, WhatAKilledProcessHadPendingIsCounted) {
  {
    UsageMeter meter(open());
    ASSERT_TRUE(meter.file().grow(10).has_value());
    meter.file().pending()[5].add({.serial = 3, .cell = 4, .used_at = 1234});
    std::filesystem::copy_file(path_ + ".pending", path_ + ".kept");
  }
  std::filesystem::rename(path_ + ".kept", path_ + ".pending");
  const auto file = open();
  EXPECT_EQ(file->cell(3).last_used_at.load(), 1234);
  EXPECT_EQ(file->cell(4).last_used_at.load(), 1234);
  EXPECT_EQ(file->pending()[5].count(), 0U);
}

TEST_F(UsageFileTest, PendingUsesOfCellsThatDoNotExistAreLeftOut) {
  const auto file = open();
  file->pending()[0].add({.serial = 4'000'000'000U, .cell = 1, .used_at = 1234});
  file->write(file->pending()[0]);
  EXPECT_EQ(file->pending()[0].count(), 0U);
  EXPECT_EQ(file->cell(1).last_used_at.load(), 0);
}

// A cell may lie across the end of what was mapped before.
TEST(UsageMemory, CellsStayWhereTheyAreAndKeepTheirValuesWhenItGrows) {
  const auto file = std::move(*UsageFile::open(""));
  std::vector<UsageCell*> addresses;
  const std::int64_t last = kSerialsInFirstStep * 4;
  for (std::int64_t serial = 1; serial <= last; ++serial) {
    ASSERT_TRUE(file->grow(serial).has_value());
    ASSERT_GT(file->cells(), serial);
    addresses.push_back(&file->cell(serial));
    addresses.back()->credits.store(serial, std::memory_order_relaxed);
    addresses.back()->address_low.store(static_cast<std::uint64_t>(serial),
                                        std::memory_order_relaxed);
  }
  for (std::int64_t serial = 1; serial <= last; ++serial) {
    const UsageCell& cell = file->cell(serial);
    ASSERT_EQ(&cell, addresses[static_cast<std::size_t>(serial - 1)]);
    ASSERT_EQ(cell.credits.load(), serial);
    ASSERT_EQ(cell.address_low.load(), static_cast<std::uint64_t>(serial));
  }
}

class UsageMeterTest : public testing::Test {
 protected:
  UsageMeterTest() {
    EXPECT_TRUE(meter.file().grow(10).has_value());
    key.serial = 3;
    key.cell = 3;
    key.policy = &policy;
  }

  void give_limits(std::vector<domain::Limit> limits) {
    policy.limits = std::move(limits);
    key.limits = meter.limit_cells().allocate(policy.limits.size());
  }
  void give_credits(std::int64_t count, std::optional<domain::Refill> refill = {}) {
    policy.has_credits = true;
    policy.refill = refill;
    meter.set_credits(key.serial, count, kNow);
  }
  bool take_credits(std::int64_t cost, Time now = kNow) {
    return meter.take_credits(key, now, cost, remaining);
  }
  // How many of many takes at once are allowed.
  template <class Take>
  int allowed_at_once(Take take) {
    constexpr int kThreads = 4;
    std::atomic<int> allowed = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) {
          if (take()) ++allowed;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return allowed;
  }

  UsageMeter meter{std::move(*UsageFile::open(""))};
  domain::Policy policy;
  KeyRecord key;
  std::int64_t remaining = 0;
};

TEST_F(UsageMeterTest, AUseIsSeenBySerialWithItsAddress) {
  EXPECT_EQ(meter.last_used_at(key), Time{});
  EXPECT_EQ(meter.last_used_address(3), std::nullopt);
  meter.used(key, kNow, IpAddress::from_v4(192, 0, 2, 7));
  EXPECT_EQ(meter.last_used_at(key), kNow);
  EXPECT_EQ(meter.last_used_at(std::int64_t{3}), kNow);
  EXPECT_EQ(meter.last_used_address(3)->to_string(), "192.0.2.7");
  EXPECT_EQ(meter.last_used_at(std::int64_t{4}), Time{});
}

TEST_F(UsageMeterTest, ARotatedSecretHasALastUseOfItsOwn) {
  key.cell = 8;
  meter.used(key, kNow, std::nullopt);
  EXPECT_EQ(meter.last_used_at(std::int64_t{8}), kNow);
  EXPECT_EQ(meter.last_used_at(std::int64_t{3}), kNow);  // the key as a whole
}

TEST_F(UsageMeterTest, AKeyWithoutACellYetWasNeverUsed) {
  const std::int64_t beyond = meter.file().cells() + 5;
  EXPECT_EQ(meter.last_used_at(beyond), Time{});
  EXPECT_EQ(meter.last_used_address(beyond), std::nullopt);
  EXPECT_EQ(meter.credits_as_of(beyond), Time{});
}

TEST_F(UsageMeterTest, ADeferredUseIsSeenAtOnceByEveryThread) {
  meter.defer_on_this_thread();
  key.cell = 5;
  meter.used(key, kNow, IpAddress::from_v4(192, 0, 2, 7));
  EXPECT_EQ(meter.file().cell(3).last_used_at.load(), 0);
  std::thread([this] {
    EXPECT_EQ(meter.last_used_at(3), kNow);
    EXPECT_EQ(meter.last_used_at(5), kNow);
    EXPECT_EQ(meter.last_used_address(3), IpAddress::from_v4(192, 0, 2, 7));
    EXPECT_EQ(meter.last_used_at(4), Time{});
  }).join();
  EXPECT_TRUE(meter.has_pending());
  meter.write_pending();
  EXPECT_FALSE(meter.has_pending());
  EXPECT_EQ(meter.last_used_at(3), kNow);
  EXPECT_EQ(meter.last_used_at(5), kNow);
  EXPECT_EQ(meter.last_used_address(3), IpAddress::from_v4(192, 0, 2, 7));
}

TEST_F(UsageMeterTest, AThreadWritesWhatItDeferredWhenThereIsNoRoomForMore) {
  meter.defer_on_this_thread();
  for (std::uint32_t i = 0; i < PendingUses::kUsesMax; ++i) meter.used(key, kNow, std::nullopt);
  EXPECT_FALSE(meter.has_pending());
  EXPECT_EQ(meter.take_counts().keys[0].accepted, PendingUses::kUsesMax);
}

TEST_F(UsageMeterTest, AKeyThatMayBecomeIdleIsNeverDeferred) {
  meter.defer_on_this_thread();
  key.idle_timeout_seconds = 60;
  meter.used(key, kNow, std::nullopt);
  EXPECT_EQ(meter.last_used_at(key), kNow);
  EXPECT_FALSE(meter.has_pending());
}

TEST_F(UsageMeterTest, CountsAreTakenOnceWithTheReasonsOfRefusals) {
  meter.used(key, kNow, std::nullopt);
  meter.used(key, kNow, std::nullopt);
  meter.refused(key, domain::Outcome::expired);
  meter.refused(key, domain::Outcome::rate_limited);
  meter.refused(key, domain::Outcome::expired);
  const TakenCounts taken = meter.take_counts();
  ASSERT_EQ(taken.keys.size(), 1U);
  EXPECT_EQ(taken.keys[0].serial, 3);
  EXPECT_EQ(taken.keys[0].accepted, 2U);
  EXPECT_EQ(taken.keys[0].refused, 3U);
  std::map<domain::Outcome, std::uint32_t> reasons;
  for (const RefusalCount& refusal : taken.refusals) reasons[refusal.why] += refusal.count;
  EXPECT_EQ(reasons, (std::map<domain::Outcome, std::uint32_t>{
                         {domain::Outcome::expired, 2}, {domain::Outcome::rate_limited, 1}}));
  EXPECT_TRUE(meter.take_counts().keys.empty());
  EXPECT_TRUE(meter.take_counts().refusals.empty());
}

TEST_F(UsageMeterTest, NoCountIsLostWhileOthersTakeThem) {
  constexpr std::uint32_t kEach = 20'000;
  std::atomic<bool> done = false;
  std::uint64_t accepted = 0;
  std::uint64_t reasons = 0;
  const auto take = [&] {
    const TakenCounts taken = meter.take_counts();
    for (const KeyCounts& counts : taken.keys) accepted += counts.accepted;
    for (const RefusalCount& refusal : taken.refusals) reasons += refusal.count;
  };
  std::thread taker([&] {
    while (!done) take();
  });
  std::vector<std::thread> users;
  for (int i = 0; i < 2; ++i) {
    users.emplace_back([&] {
      meter.defer_on_this_thread();
      for (std::uint32_t n = 0; n < kEach; ++n) {
        meter.used(key, kNow, IpAddress::from_v4(192, 0, 2, 7));
        meter.refused(key, domain::Outcome::disabled);
        EXPECT_LE(meter.last_used_at(3), kNow);
      }
      meter.write_pending();
    });
  }
  for (std::thread& user : users) user.join();
  done = true;
  taker.join();
  take();
  EXPECT_EQ(accepted, 2U * kEach);
  EXPECT_EQ(reasons, 2U * kEach);
}

TEST_F(UsageMeterTest, CreditsAreSpentToTheLastAndNoFurther) {
  give_credits(5);
  EXPECT_TRUE(take_credits(3));
  EXPECT_EQ(remaining, 2);
  EXPECT_FALSE(take_credits(3));
  EXPECT_EQ(remaining, 2);
  EXPECT_TRUE(take_credits(2));
  EXPECT_EQ(meter.peek_credits(key, kNow), 0);
  EXPECT_FALSE(take_credits(1));
}

TEST_F(UsageMeterTest, OldNewsAboutCreditsDoesNotUndoWhatWasSpent) {
  give_credits(5);
  EXPECT_TRUE(take_credits(4));
  meter.set_credits(key.serial, 5, kNow);  // the record is loaded again at a start
  EXPECT_EQ(meter.peek_credits(key, kNow), 1);
  meter.set_credits(key.serial, 9, kNow + std::chrono::milliseconds{1});
  EXPECT_EQ(meter.peek_credits(key, kNow), 9);
}

TEST_F(UsageMeterTest, ARefillRaisesToTheAmountOnceForEachBoundary) {
  give_credits(2, domain::Refill{10, RefillInterval::daily});
  EXPECT_TRUE(take_credits(2));
  EXPECT_FALSE(take_credits(1));
  const Time tomorrow = kNow + std::chrono::hours{24};
  EXPECT_EQ(meter.peek_credits(key, tomorrow), 10);
  EXPECT_TRUE(take_credits(4, tomorrow));
  EXPECT_EQ(remaining, 6);
  EXPECT_TRUE(take_credits(6, tomorrow + std::chrono::seconds{1}));
  EXPECT_FALSE(take_credits(1, tomorrow + std::chrono::hours{1}));
  EXPECT_EQ(meter.peek_credits(key, tomorrow + std::chrono::hours{1}), 0);
}

TEST_F(UsageMeterTest, ARefillTakesNothingFromWhoHasMore) {
  give_credits(50, domain::Refill{10, RefillInterval::weekly});
  EXPECT_TRUE(take_credits(1, kNow + std::chrono::hours{24 * 8}));
  EXPECT_EQ(remaining, 49);
}

TEST_F(UsageMeterTest, WhatIsGivenBackCanBeTakenAgain) {
  for (const auto algorithm : {LimitAlgorithm::gcra, LimitAlgorithm::fixed}) {
    give_limits({{"one", 3, 3600, algorithm}});
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(meter.take(key, 0, kNow, 1).allowed);
    EXPECT_FALSE(meter.take(key, 0, kNow, 1).allowed);
    meter.give_back(key, 0, 2);
    EXPECT_TRUE(meter.peek(key, 0, kNow, 2).allowed);
    EXPECT_TRUE(meter.take(key, 0, kNow, 2).allowed);
    EXPECT_FALSE(meter.take(key, 0, kNow, 1).allowed);
  }
}

TEST_F(UsageMeterTest, LimitsOfOneKeyAreCountedApart) {
  give_limits({{"small", 1, 60}, {"large", 2, 60}});
  EXPECT_TRUE(meter.take(key, 0, kNow, 1).allowed);
  EXPECT_FALSE(meter.take(key, 0, kNow, 1).allowed);
  EXPECT_TRUE(meter.take(key, 1, kNow, 2).allowed);
  EXPECT_FALSE(meter.take(key, 1, kNow, 1).allowed);
}

TEST_F(UsageMeterTest, ManyAtOnceNeverTakeMoreThanTheLimit) {
  give_limits(
      {{"gcra", 700, 3600, LimitAlgorithm::gcra}, {"fixed", 900, 3600, LimitAlgorithm::fixed}});
  EXPECT_EQ(allowed_at_once([&] { return meter.take(key, 0, kNow, 1).allowed; }), 700);
  EXPECT_EQ(allowed_at_once([&] { return meter.take(key, 1, kNow, 1).allowed; }), 900);
}

TEST_F(UsageMeterTest, ManyAtOnceNeverSpendMoreCreditsThanThereAre) {
  give_credits(1234);
  EXPECT_EQ(allowed_at_once([&] {
              std::int64_t left = 0;
              return meter.take_credits(key, kNow, 1, left);
            }),
            1234);
  EXPECT_EQ(meter.peek_credits(key, kNow), 0);
}

TEST_F(UsageMeterTest, ManyAtOnceRefillOnlyOnce) {
  give_credits(0, domain::Refill{800, RefillInterval::daily});
  const Time tomorrow = kNow + std::chrono::hours{24};
  EXPECT_EQ(allowed_at_once([&] {
              std::int64_t left = 0;
              return meter.take_credits(key, tomorrow, 1, left);
            }),
            800);
}

TEST(LimitCells, ReleasedCellsComeBackEmptyAndNeverAsNumberZero) {
  LimitCells cells;
  const std::uint32_t first = cells.allocate(3);
  EXPECT_NE(first, 0u);
  cells.at(first + 2).store(9);
  cells.release(first, 3);
  EXPECT_NE(cells.allocate(2), first);
  EXPECT_EQ(cells.allocate(3), first);
  EXPECT_EQ(cells.at(first + 2).load(), 0);
}

TEST(LimitCells, BlocksAcrossTheEndOfAChunkAreWhole) {
  LimitCells cells;
  std::vector<std::uint32_t> blocks;
  for (int i = 0; i < 5000; ++i) blocks.push_back(cells.allocate(7));
  for (const std::uint32_t block : blocks) {
    for (std::uint32_t i = 0; i < 7; ++i) cells.at(block + i).store(block + i);
  }
  for (const std::uint32_t block : blocks) {
    for (std::uint32_t i = 0; i < 7; ++i) ASSERT_EQ(cells.at(block + i).load(), block + i);
  }
}

}  // namespace
}  // namespace keywright::app
