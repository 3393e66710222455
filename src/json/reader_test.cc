#include "json/reader.h"

#include <gtest/gtest.h>

#include "json/document.h"

namespace keywright::json {
namespace {

bool accepts(const std::string& text) {
  Reader in(text);
  in.skip();
  return in.finished();
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Reader, GivesWhatStandsThere) {
  const std::string text =
      R"( {"a": null, "b": true, "c": -7, "d": 1.5e1, "e": "x\u00e9\n", "f": [1, "2"], "g" : {}} )";
  Reader in(text);
  std::string told;
  Members members(in);
  while (members.next()) {
    told += members.key();
    told += in.here();
    if (members.key() == "a") {
      EXPECT_TRUE(in.take_null());
    } else if (members.key() == "b") {
      EXPECT_TRUE(in.boolean());
    } else if (members.key() == "c") {
      EXPECT_EQ(in.number().as_int64(), -7);
    } else if (members.key() == "d") {
      const Reader::Number number = in.number();
      EXPECT_EQ(number.raw, "1.5e1");
      EXPECT_EQ(number.as_uint64(), 15u);
    } else if (members.key() == "e") {
      const Reader::Text string = in.string();
      EXPECT_EQ(string.raw, R"(x\u00e9\n)");
      EXPECT_EQ(in.view(string), "xé\n");
    } else {
      const std::string_view slice = in.slice();
      EXPECT_EQ(slice, members.key() == "f" ? R"([1, "2"])" : "{}");
    }
  }
  EXPECT_EQ(told, "anbtc-d1e\"f[g{");
  EXPECT_TRUE(in.finished());
}

TEST(Reader, AnExpectedKeyIsTheSameAsAnyOther) {
  const std::string text = R"({"a":1,"b" :2,"\u0063":3})";
  Reader in(text);
  Members members(in);
  std::string told;
  for (const char* expected : {"\"a\":", "\"b\":", "\"c\":"}) {
    ASSERT_TRUE(members.next(expected));
    told.append(members.key()).append(members.is_expected() ? "+" : "-");
    in.skip();
  }
  EXPECT_EQ(told, "a+b-c-");
  EXPECT_FALSE(members.next("\"d\":"));
  EXPECT_TRUE(in.finished());
  const std::string twice = R"({"a":1,"a":2})";
  Reader again(twice);
  Members same(again);
  EXPECT_TRUE(same.next("\"a\":"));
  again.skip();
  EXPECT_FALSE(same.next("\"a\":"));
  EXPECT_TRUE(again.failed());
}

TEST(Reader, GoesBackToAMark) {
  const std::string text = R"([{"a":[1,[2]]},5])";
  Reader in(text);
  Items items(in);
  ASSERT_TRUE(items.next());
  const Reader::Mark mark = in.mark();
  {
    Members members(in);
    ASSERT_TRUE(members.next());
    Items inner(in);
    ASSERT_TRUE(inner.next());
  }
  in.go_back(mark);
  EXPECT_EQ(in.slice(), R"({"a":[1,[2]]})");
  ASSERT_TRUE(items.next());
  in.skip();
  EXPECT_FALSE(items.next());
  EXPECT_TRUE(in.finished());
}

TEST(Reader, TheFirstFaultEndsTheWalk) {
  const std::string text = R"({"a":[tru],"b":1})";
  Reader in(text);
  Members members(in);
  ASSERT_TRUE(members.next());
  in.skip();
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.here(), '\0');
  EXPECT_FALSE(members.next());
  EXPECT_TRUE(in.slice().empty());
  EXPECT_FALSE(in.finished());
  EXPECT_EQ(malformed_json(text).reason(), "malformed_json");
}

std::vector<std::string> values_right_and_wrong() {
  return {
      "",
      " ",
      "null",
      "nul",
      "nulll",
      "truefalse",
      "tru",
      "[]",
      "[,]",
      "[1,]",
      "[1 2]",
      "[1]]",
      "{}",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":1,}",
      "{,\"a\":1}",
      "{a:1}",
      "{\"a\":1 \"b\":2}",
      "{\"a\":1}x",
      "0",
      "-0",
      "-",
      "01",
      "1.",
      ".5",
      "1.e1",
      "1e",
      "1e+",
      "1E-5",
      "+1",
      "0x1",
      "9223372036854775808",
      "18446744073709551615",
      "18446744073709551616",
      "-9223372036854775808",
      "-9223372036854775809",
      "1e308",
      "1e309",
      "-1e309",
      "1e-400",
      repeated("9", 400) + ".5",
      repeated("9", 400),
      "[" + repeated("9", 308) + ",-" + repeated("9", 300) + "]",
      "NaN",
      "Infinity",
      "{\"a\":1,\"a\":2}",
      "{\"a\":1,\"\\u0061\":2}",
      "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
      "{\"\":1,\"\":2}",
      repeated("[", 64) + repeated("]", 64),
      repeated("[", 65) + repeated("]", 65),
      repeated("{\"a\":", 63) + "{}" + repeated("}", 63),
      repeated("{\"a\":", 64) + "{}" + repeated("}", 64),
      repeated("[", 100'000),
  };
}

std::vector<std::string> texts_right_and_wrong() {
  const std::string long_text(100, 'x');
  return {
      "\"",
      "\"\\\"",
      "\"\\x\"",
      "\"\\u12\"",
      "\"\\u12g4\"",
      "\"\\ud800\"",
      "\"\\ud800\\u0041\"",
      "\"\\ud83d\\ude00\"",
      "\"\\udc00\"",
      "\"a\tb\"",
      "\"" + long_text + "\"",
      "\"" + long_text + "\n\"",
      "\"" + long_text + "\\n" + long_text + "\"",
      "\"" + long_text + "\\q" + long_text + "\"",
      "\"" + long_text + "\xc3\xa9" + long_text + "\"",
      "\"" + long_text + "\xc3" + long_text + "\"",
      "\"\xed\xa0\x80\"",
      "\"\xc0\x80\"",
      "\xef\xbb\xbf{}",
      std::string("\"a\0b\"", 5),
      std::string("1\0", 2),
      "\x0b 1",
  };
}

// The last key is that of the first, of the one before, or a new one.
std::vector<std::string> with_last_keys() {
  std::vector<std::string> texts;
  for (const int last : {5, 11, 12, 13, 40}) {
    std::string object = "{";
    for (int i = 0; i < last; ++i) object += "\"k" + std::to_string(i) + "\":0,";
    texts.push_back(object + "\"k0\":0}");
    texts.push_back(object + "\"k" + std::to_string(last - 1) + "\":0}");
    texts.push_back(object + "\"new\":0}");
  }
  return texts;
}

TEST(Reader, IsAsStrictAsTheDocument) {
  for (const auto& texts : {values_right_and_wrong(), texts_right_and_wrong(), with_last_keys()}) {
    for (const std::string& text : texts) {
      EXPECT_EQ(accepts(text), Document::parse(text).has_value()) << text.substr(0, 200);
    }
  }
}

TEST(Reader, IsAsStrictAsTheDocumentWhereverATextIsCutOrChanged) {
  const std::string whole =
      R"({"a":[1,-2.5e3,{"b":"cé\u00e9\ud83d\ude00"},true,false,null],"d":"x"})";
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const std::string cut = whole.substr(0, i);
    EXPECT_EQ(accepts(cut), Document::parse(cut).has_value()) << cut;
    for (const char c : {'"', '\\', ',', ':', '{', '}', '[', ']', ' ', '0', 'a', '\0', '\xff'}) {
      std::string changed = whole;
      changed[i] = c;
      EXPECT_EQ(accepts(changed), Document::parse(changed).has_value()) << changed;
    }
  }
}

}  // namespace
}  // namespace keywright::json
