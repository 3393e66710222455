#include "domain/keys/key_id.h"

#include <set>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace keywright::domain {
namespace {

TEST(KeyId, GeneratedIdsAreTwelveUrlSafeCharactersAndDiffer) {
  SeededRandom random(1);
  KeyId first = KeyId::generate(TestClock::kStart, random);
  KeyId second = KeyId::generate(TestClock::kStart, random);
  EXPECT_EQ(first.view().size(), 12u);
  EXPECT_NE(first, second);
  EXPECT_EQ(KeyId::parse(first.view()), first);
  EXPECT_NE(std::hash<KeyId>()(first), std::hash<KeyId>()(second));
}

TEST(KeyId, IdsSortByTheTimeTheyWereMadeAt) {
  SeededRandom random(3);
  Time time = TestClock::kStart;
  std::string last = KeyId::generate(time, random).to_string();
  for (int i = 0; i < 2000; ++i) {
    time += std::chrono::milliseconds(1 + i * i % 100'000);
    const std::string next = KeyId::generate(time, random).to_string();
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(KeyId, NeverBeginsWithAHyphen) {
  SeededRandom random(4);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(KeyId::arbitrary(random).text[0], '-');
  EXPECT_NE(KeyId::generate(Time{}, random).text[0], '-');
}

TEST(KeyId, IdsOfOneMomentHaveDifferentHashes) {
  SeededRandom random(5);
  std::set<std::uint32_t> high;
  for (int i = 0; i < 10'000; ++i) {
    const KeyId id = KeyId::generate(TestClock::kStart + std::chrono::milliseconds(i / 10), random);
    high.insert(static_cast<std::uint32_t>(std::hash<KeyId>()(id) >> 32));
  }
  EXPECT_GT(high.size(), 9'990u);
}

TEST(KeyId, EveryCharacterOfTheAlphabetOccurs) {
  SeededRandom random(2);
  std::string seen;
  for (int i = 0; i < 200; ++i) seen += KeyId::arbitrary(random).to_string();
  for (char c : std::string("ABCXYZabcxyz0189-_")) {
    EXPECT_NE(seen.find(c), std::string::npos) << c;
  }
}

TEST(KeyId, OtherTextsAreNoIds) {
  EXPECT_TRUE(KeyId::parse("AZaz09-_AZaz"));
  for (const char* text : {"", "AZaz09-_AZa", "AZaz09-_AZazx", "AZaz09-_AZa.", "AZaz09-_AZa/",
                           "AZaz09-_AZa ", "AZaz09-_AZ\xC3\xA9"}) {
    EXPECT_FALSE(KeyId::parse(text)) << text;
  }
}

}  // namespace
}  // namespace keywright::domain
