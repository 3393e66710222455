#include "base/uuid.h"

#include <thread>
#include <unordered_set>

#include <gtest/gtest.h>

namespace keywright {
namespace {

// Every bit one: the successor of its last id overflows at once.
class FullRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte{0xFF};
  }
};

std::uint64_t milliseconds_in(const Uuid& id) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) value = value << 8 | id.bytes[i];
  return value;
}

TEST(Uuid, Version7HoldsTimeVersionAndVariant) {
  SeededRandom random(1);
  Uuid id = Uuid::version7(from_unix_milliseconds(0x0123456789AB), random);
  EXPECT_EQ(id.to_string().substr(0, 15), "01234567-89ab-7");
  EXPECT_EQ(id.bytes[8] & 0xC0, 0x80);
}

TEST(Uuid, TextOfEitherCaseIsReadAndLowerIsWritten) {
  std::string text = "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8";
  Uuid id = Uuid::parse("019A3F5C-0D2E-7C41-9F7A-3B1D6A0C52E8").value();
  EXPECT_EQ(id.to_string(), text);
  EXPECT_EQ(Uuid::parse(text).value(), id);
}

TEST(Uuid, OtherShapesAreRefused) {
  for (std::string_view text :
       {"", "019a3f5c0d2e7c419f7a3b1d6a0c52e8", "{019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8}",
        "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e", "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e80",
        "019a3f5c-0d2e-7c41-9f7a_3b1d6a0c52e8", "019a3f5-c0d2e-7c41-9f7a-3b1d6a0c52e8",
        "g19a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8", "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52-8"}) {
    ASSERT_FALSE(Uuid::parse(text)) << text;
    EXPECT_EQ(Uuid::parse(text).error().reason(), "invalid_id");
  }
}

TEST(Uuid, DefaultIsNil) {
  EXPECT_TRUE(Uuid{}.is_nil());
  EXPECT_EQ(Uuid{}.to_string(), "00000000-0000-0000-0000-000000000000");
}

TEST(UuidGenerator, IdsIncreaseWithinOneMillisecond) {
  TestClock clock;
  SeededRandom random(2);
  UuidGenerator ids(clock, random);
  Uuid last = ids.next();
  for (int i = 0; i < 10'000; ++i) {
    Uuid next = ids.next();
    ASSERT_LT(last, next);
    ASSERT_LT(last.to_string(), next.to_string());
    last = next;
  }
  EXPECT_EQ(milliseconds_in(last), static_cast<std::uint64_t>(to_unix_milliseconds(clock.now())));
}

TEST(UuidGenerator, IdsIncreaseWhenTheClockStepsBack) {
  TestClock clock;
  SeededRandom random(2);
  UuidGenerator ids(clock, random);
  Uuid before = ids.next();
  clock.set_wall_clock(clock.now() - std::chrono::hours(1));
  EXPECT_LT(before, ids.next());
}

TEST(UuidGenerator, AFullMillisecondRunsOverIntoTheNext) {
  TestClock clock;
  FullRandom random;
  UuidGenerator ids(clock, random);
  Uuid first = ids.next();
  Uuid second = ids.next();
  EXPECT_LT(first, second);
  EXPECT_EQ(milliseconds_in(second), milliseconds_in(first) + 1);
}

TEST(UuidGenerator, ThreadsNeverShareAnId) {
  TestClock clock;
  SeededRandom random(4);
  UuidGenerator ids(clock, random);
  std::vector<Uuid> left(2'000);
  std::vector<Uuid> right(2'000);
  std::thread other([&] {
    for (Uuid& id : right) id = ids.next();
  });
  for (Uuid& id : left) id = ids.next();
  other.join();
  std::unordered_set<Uuid> all(left.begin(), left.end());
  all.insert(right.begin(), right.end());
  EXPECT_EQ(all.size(), 4'000U);
}

TEST(Id, IsATypeOfItsOwnThatReadsAndHashesLikeItsUuid) {
  using ProjectId = Id<struct ProjectTag>;
  using TargetId = Id<struct TargetTag>;
  static_assert(!std::is_convertible_v<ProjectId, TargetId>);
  static_assert(!std::is_convertible_v<Uuid, ProjectId> || std::is_aggregate_v<ProjectId>);
  std::string text = "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8";
  ProjectId id = ProjectId::parse(text).value();
  EXPECT_EQ(id.to_string(), text);
  EXPECT_FALSE(id.is_nil());
  EXPECT_TRUE(ProjectId{}.is_nil());
  EXPECT_LT(ProjectId{}, id);
  EXPECT_EQ(std::hash<ProjectId>{}(id), std::hash<Uuid>{}(id.value));
  EXPECT_FALSE(ProjectId::parse("x"));
}

}  // namespace
}  // namespace keywright
