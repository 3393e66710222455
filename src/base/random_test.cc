#include "base/random.h"

#include <gtest/gtest.h>

namespace keywright {
namespace {

TEST(SeededRandom, TheSameSeedGivesTheSameBytes) {
  SeededRandom one(7);
  SeededRandom same(7);
  SeededRandom other(8);
  auto bytes = random_bytes<33>(one);
  EXPECT_EQ(bytes, random_bytes<33>(same));
  EXPECT_NE(bytes, random_bytes<33>(other));
  EXPECT_NE(bytes, random_bytes<33>(one));
}

TEST(SystemRandom, FillsEveryByteAndNeverRepeats) {
  SystemRandom random;
  auto first = random_bytes<64>(random);
  EXPECT_NE(first, random_bytes<64>(random));
  std::array<bool, 16> touched{};
  for (int round = 0; round < 20; ++round) {
    auto bytes = random_bytes<16>(random);
    for (std::size_t i = 0; i < bytes.size(); ++i) touched[i] |= bytes[i] != 0;
  }
  for (bool touched_byte : touched) EXPECT_TRUE(touched_byte);
}

TEST(RandomBelow, StaysBelowAndReachesEveryValue) {
  SeededRandom random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7'000; ++i) {
    std::uint64_t value = random_below(random, 7);
    ASSERT_LT(value, 7U);
    ++seen[value];
  }
  for (int count : seen) EXPECT_NEAR(count, 1'000, 200);
  EXPECT_EQ(random_below(random, 1), 0U);
  EXPECT_EQ(random_below(random, 0), 0U);
}

}  // namespace
}  // namespace keywright
