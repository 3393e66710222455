#include "domain/keys/key_id.h"

#include <gtest/gtest.h>

namespace keywright::domain {
namespace {

TEST(KeyId, GeneratedIdsAreTwelveUrlSafeCharactersAndDiffer) {
  SeededRandom random(1);
  KeyId first = KeyId::generate(random);
  KeyId second = KeyId::generate(random);
  EXPECT_EQ(first.view().size(), 12u);
  EXPECT_NE(first, second);
  EXPECT_EQ(KeyId::parse(first.view()), first);
  EXPECT_NE(std::hash<KeyId>()(first), std::hash<KeyId>()(second));
}

TEST(KeyId, EveryCharacterOfTheAlphabetOccurs) {
  SeededRandom random(2);
  std::string seen;
  for (int i = 0; i < 200; ++i) seen += KeyId::generate(random).to_string();
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
