#include "base/text.h"

#include <gtest/gtest.h>

namespace keywright {
namespace {

TEST(AsciiLower, LeavesEverythingButAToZ) {
  EXPECT_EQ(to_ascii_lower("X-API-Key @[`{\xC3\x84"), "x-api-key @[`{\xC3\x84");
  EXPECT_TRUE(is_ascii_alpha('Z'));
  EXPECT_FALSE(is_ascii_alpha('['));
  EXPECT_FALSE(is_ascii_alpha('@'));
}

TEST(EqualsIgnoringCase, ComparesTheWholeText) {
  EXPECT_TRUE(equals_ignoring_case("Bearer", "bEARER"));
  EXPECT_FALSE(equals_ignoring_case("Bearer", "Bearer "));
  EXPECT_FALSE(equals_ignoring_case("Beare", "Bearer"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  EXPECT_TRUE(equals_ignoring_case("", ""));
}

// Whatever stands beside them, and however long the text is.
TEST(EqualsIgnoringCase, AnyTwoBytesAreOneLetterOrTheSame) {
  for (const std::size_t size : {1, 3, 4, 7, 8, 13, 21}) {
    for (unsigned pair = 0; pair < 0x10000; ++pair) {
      const char a = static_cast<char>(pair >> 8);
      const char b = static_cast<char>(pair & 0xff);
      std::string left(size, pair % 3 == 0 ? '\xff' : 'z');
      std::string right = left;
      left[pair % size] = a;
      right[pair % size] = b;
      ASSERT_EQ(equals_ignoring_case(left, right), ascii_lower(a) == ascii_lower(b))
          << pair << " in " << size;
    }
  }
}

TEST(Trim, RemovesBlanksAtBothEndsOnly) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Utf8, WellFormedTextIsAccepted) {
  for (std::string_view text : {"", "ascii", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_valid_utf8(text));
  }
}

TEST(Utf8, MalformedTextIsRefused) {
  for (std::string_view text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF",
                                "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80", "\xFF", "a\xC3(", "\xE2\x28\xA1"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Utf8, CharactersAreCountedNotBytes) {
  EXPECT_EQ(count_utf8_characters("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x91"), 4U);
}

}  // namespace
}  // namespace keywright
