#include "json/surrogates.h"

#include <gtest/gtest.h>

namespace keywright::json {
namespace {

// "" if nothing was mended.
std::string mended(std::string text) { return mend_surrogates(text) ? text : std::string(); }

TEST(Surrogates, ALoneOneIsReplaced) {
  EXPECT_EQ(mended(R"("cut \ud83d")"), R"("cut \ufffd")");
  EXPECT_EQ(mended(R"("\uDE00 cut")"), R"("\ufffd cut")");
  EXPECT_EQ(mended(R"("\ud83d\ud83d\ude00")"), R"("\ufffd\ud83d\ude00")");
  EXPECT_EQ(mended(R"("\ude00\ud83d")"), R"("\ufffd\ufffd")");
  EXPECT_EQ(mended(R"("\ud83d\n")"), R"("\ufffd\n")");
  EXPECT_EQ(mended(R"("\\\ud83d")"), R"("\\\ufffd")");
}

TEST(Surrogates, EverythingElseIsLeftAlone) {
  for (const char* text : {R"("\ud83d\ude00")", R"("\\ud83d")", R"("\u00e9\n\"")", R"("\ud8)", "\\",
                           "\\u", R"("\ud83)", R"("\ud8zz")", ""}) {
    EXPECT_EQ(mended(text), "") << text;
  }
}

}  // namespace
}  // namespace keywright::json
