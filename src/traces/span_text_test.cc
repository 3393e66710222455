#include "traces/span_text.h"

#include <limits>

#include <gtest/gtest.h>

#include "json/writer.h"

namespace keywright::traces {
namespace {

TEST(SpanText, CommasStandWhereTheyBelong) {
  SpanText text(0);
  text.open('{').key(",\"a\":").number(std::int64_t{-1}).key(",\"b\":").open('[');
  text.plain("x").plain("").number(std::uint64_t{7}).raw("true").open('{').close('}').close(']');
  text.key(",\"c\":").quoted(std::numeric_limits<std::uint64_t>::max());
  text.key(",\"d\":").quoted(std::numeric_limits<std::int64_t>::min()).close('}');
  EXPECT_EQ(text.view(), R"({"a":-1,"b":["x","",7,true,{}],"c":"18446744073709551615",)"
                         R"("d":"-9223372036854775808"})");
}

TEST(SpanText, StringsAreThoseOfTheJsonWriterWhereverSomethingStands) {
  const std::string_view pieces[] = {"\"",   "\\",       "\n",   "\x01",
                                     "\x7f", "\xc3\xa4", "\xff", "\xf0\x9f\x98"};
  for (const std::string_view piece : pieces) {
    for (std::size_t before = 0; before < 40; ++before) {
      const std::string given =
          std::string(before, 'a') + std::string(piece) + std::string(before, 'b');
      std::string expected;
      json::append_quoted(expected, given);
      SpanText text(0);
      text.string(given);
      EXPECT_EQ(text.view(), expected);
    }
  }
}

TEST(SpanText, WhatWasWrittenCanBeTakenBack) {
  SpanText text(0);
  text.open('{').close('}');
  const std::size_t size = text.size();
  text.open('{').key(",\"a\":").string(std::string(10'000, 'x'));
  text.cut(size);
  text.open('{').close('}');
  EXPECT_EQ(text.view(), "{}{}");
}

}  // namespace
}  // namespace keywright::traces
