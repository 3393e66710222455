#include "json/writer.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "json/document.h"

namespace keywright::json {
namespace {

std::string written(std::string_view text) {
  std::string out;
  Writer(out).string(text);
  return out;
}

std::string number(double value) {
  std::string out;
  Writer(out).number(value);
  return out;
}

TEST(Writer, PutsCommasWhereTheyBelong) {
  std::string out;
  Writer writer(out);
  writer.begin_object().key("a").integer(-1).key("b").begin_array().boolean(true).null();
  writer.begin_object().end_object().begin_array().end_array().unsigned_integer(2).end_array();
  writer.key("c").raw(R"({"d":1})").key("e").string("f").end_object();
  EXPECT_EQ(out, R"({"a":-1,"b":[true,null,{},[],2],"c":{"d":1},"e":"f"})");
}

TEST(Writer, AppendsToWhatIsThere) {
  std::string out = "data: ";
  Writer(out).begin_array().end_array();
  EXPECT_EQ(out, "data: []");
}

TEST(Writer, EscapesWhatJsonAsksFor) {
  EXPECT_EQ(written("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(written("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(written(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(written("für 日本 🔑"), "\"für 日本 🔑\"");
  EXPECT_EQ(written(""), R"("")");
}

TEST(Writer, EscapesInLongStringsAndKeysToo) {
  const std::string clean(200, 'x');
  EXPECT_EQ(written(clean + "\n" + clean), "\"" + clean + "\\n" + clean + "\"");
  std::string out;
  Writer(out).begin_object().key("a\n").integer(1).key(clean + "\"").integer(2).end_object();
  EXPECT_EQ(out, "{\"a\\n\":1,\"" + clean + "\\\"\":2}");
}

TEST(Writer, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(written("a\xff"
                    "b"),
            "\"a\uFFFD"
            "b\"");
  EXPECT_EQ(written("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
  EXPECT_EQ(written("\xe6\x97"), "\"\uFFFD\uFFFD\"");            // cut short
}

TEST(Writer, EveryByteReadsBackAsItself) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text(3, static_cast<char>(c));
    const auto document = Document::parse(written(text));
    ASSERT_TRUE(document) << c;
    EXPECT_EQ(document->root().as_string(), text);
  }
}

TEST(Writer, IntegersReachTheirLimits) {
  std::string out;
  Writer writer(out);
  writer.begin_array();
  writer.integer(std::numeric_limits<std::int64_t>::min());
  writer.unsigned_integer(std::numeric_limits<std::uint64_t>::max()).end_array();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615]");
}

TEST(Writer, NumbersReadBackAsTheSameDouble) {
  const double values[] = {0.1,     -0.0,
                           1.0,     1e21,
                           1e-7,    123456789012345680000.0,
                           5e-324,  1.7976931348623157e308,
                           1.0 / 3, 9007199254740993.0};
  for (const double value : values) {
    const auto document = Document::parse(number(value));
    ASSERT_TRUE(document) << number(value);
    EXPECT_EQ(document->root().kind(), ValueKind::number) << number(value);
    EXPECT_EQ(document->root().as_double(), value);
  }
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(1), "1.0");
}

TEST(Writer, WhatJsonCannotSayIsNull) {
  EXPECT_EQ(number(std::nan("")), "null");
  EXPECT_EQ(number(-HUGE_VAL), "null");
}

TEST(Writer, TextIsEscapedAfterwardsIfItHasToBe) {
  const auto append = [](const void* object, std::string& out) {
    out += *static_cast<const std::string*>(object);
  };
  const std::string plain = "2026";
  const std::string odd = "a\"b";
  std::string out;
  Writer(out).begin_array().text(&plain, append).text(&odd, append).end_array();
  EXPECT_EQ(out, R"(["2026","a\"b"])");
}

}  // namespace
}  // namespace keywright::json
