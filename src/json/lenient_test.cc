#include "json/lenient.h"

#include <string>

#include <gtest/gtest.h>

namespace keywright::json {
namespace {

std::string first_of(std::string_view text) {
  const auto document = parse_leniently(text);
  if (!document) return "refused: " + document.error().detail();
  for (const Value item : document->root().items()) return std::string(item.as_string().value());
  return "empty";
}

TEST(Lenient, ReadsHalfASurrogatePairAsTheReplacementCharacter) {
  EXPECT_EQ(first_of(R"(["cut \ud83d"])"), "cut \xEF\xBF\xBD");
  EXPECT_EQ(first_of(R"(["\ud83dx\udd11"])"), "\xEF\xBF\xBDx\xEF\xBF\xBD");
  EXPECT_EQ(first_of(R"(["\ud83d\ud83d\udd11"])"), "\xEF\xBF\xBD\xF0\x9F\x94\x91");
  EXPECT_EQ(first_of(R"(["\\ud83d\udc00"])"), "\\ud83d\xEF\xBF\xBD");
}

TEST(Lenient, ReadsControlCharactersAsSpacesAndSkipsAByteOrderMark) {
  EXPECT_EQ(first_of("[\"a\tb\"]"), "a b");
  EXPECT_EQ(first_of("\xEF\xBB\xBF[\"a\"]"), "a");
  EXPECT_EQ(first_of("[\n\"a\"\t]"), "a");
}

TEST(Lenient, LeavesWhatIsJsonAsItIsAndRefusesTheRest) {
  EXPECT_EQ(first_of(R"(["\ud83d\udd11\n"])"), "\xF0\x9F\x94\x91\n");
  for (const std::string_view text :
       {"", "[", "[\"a", "[\"\\", "[\"\\u", "[\"\\ud8", "[\"\\ud83d", "[\"\\ud83d\\u", "[\"\xff\"]",
        "[\"\\x\"]", "[1,]", "{\"a\":1,\"a\":2}"}) {
    EXPECT_TRUE(first_of(text).starts_with("refused")) << text;
  }
}

}  // namespace
}  // namespace keywright::json
