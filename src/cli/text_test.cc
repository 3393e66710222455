#include <gtest/gtest.h>

#include "base/clock.h"
#include "cli/import_batches.h"
#include "cli/json_text.h"
#include "cli/render.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "cli/text_width.h"

namespace keywright::cli {
namespace {

const Style kPlain = [](std::string_view text) { return std::string(text); };

TEST(Suggest, NamesTheNearestWordAndNothingFar) {
  EXPECT_EQ("keys", suggest("kyes", {"users", "keys"}));
  EXPECT_EQ("projects", suggest("project", {"users", "projects"}));
  EXPECT_EQ("", suggest("zebra", {"users", "keys"}));
  EXPECT_EQ("", suggest("ab", {"cd"}));
}

TEST(TextWidth, ControlCharactersAndDirectionMarksDoNotReachTheTerminal) {
  EXPECT_EQ("a?[2Jb", printable("a\x1b[2Jb"));
  EXPECT_EQ("a b", printable("a\nb"));
  EXPECT_EQ("a?b", printable("a\u202eb"));
  EXPECT_EQ("a?b", printable("a\u009bb"));
  EXPECT_EQ("a?b", printable("a\xff"
                             "b"));
}

TEST(TextWidth, WideCharactersTakeTwoColumns) {
  EXPECT_EQ(4U, display_width("日本"));
  EXPECT_EQ(1U, display_width("e\u0301"));
  EXPECT_EQ("日…", fit("日本語", 4));
  EXPECT_EQ("abc", fit("abc", 3));
  EXPECT_EQ("日本  ", pad("日本", 6));
}

TEST(TextWidth, WrappedLinesStayWithinTheirWidth) {
  EXPECT_EQ("one two\n  three", wrap("one two three", 8, "  "));
}

TEST(Table, ColumnsAreAlignedAndGiveWayToTheWidth) {
  Table table({"ID", "Name", "Kind"});
  table.add({"abc", "a name that is far too long", "access"});
  table.add({"defghi", "x", "mcp"});
  const std::string text = table.aligned(30, kPlain);
  EXPECT_EQ(
      "ID      Name            Kind\n"
      "abc     a name that i…  access\n"
      "defghi  x               mcp\n",
      text);
}

TEST(Table, PlainCellsHoldNoTabsOrLineEnds) {
  Table table({"ID", "Name"});
  table.add({"a", "two\twords\n"});
  EXPECT_EQ("a\ttwo words \n", table.plain());
}

TEST(Render, TimesAreRelativeToNow) {
  const Time now = TestClock::kStart;
  const auto at = [&](std::int64_t seconds) { return now + std::chrono::seconds(seconds); };
  EXPECT_EQ("now", relative_time(at(2), now));
  EXPECT_EQ("30 seconds ago", relative_time(at(-30), now));
  EXPECT_EQ("1 minute ago", relative_time(at(-60), now));
  EXPECT_EQ("in 1 hour", relative_time(at(3600), now));
  EXPECT_EQ("in 47 hours", relative_time(at(47 * 3600), now));
  EXPECT_EQ("in 59 days", relative_time(at(59 * 86400), now));
  EXPECT_EQ("in 3 months", relative_time(at(90 * 86400), now));
  EXPECT_EQ("in 2 years", relative_time(at(800 * 86400LL), now));
}

json::Document parsed(std::string_view text) { return std::move(*json::Document::parse(text)); }

TEST(Render, PeopleSeeNamesAndProgramsSeeIds) {
  const auto document = parsed(
      R"({"owner":{"type":"user","id":"u1","name":"Ada"},"scope":{"all":true},"ids":["a","b"],)"
      R"("ok":true,"none":null,"expires_at":null})");
  const View people{.for_people = true};
  const View programs{};
  const auto shown = [&](std::string_view field, const View& view) {
    return cell(*document.root().find(field), field, view);
  };
  EXPECT_EQ("Ada (user)", shown("owner", people));
  EXPECT_EQ("user:u1", shown("owner", programs));
  EXPECT_EQ("all", shown("scope", people));
  EXPECT_EQ("a, b", shown("ids", people));
  EXPECT_EQ("a,b", shown("ids", programs));
  EXPECT_EQ("yes", shown("ok", people));
  EXPECT_EQ("true", shown("ok", programs));
  EXPECT_EQ("-", shown("none", people));
  EXPECT_EQ("never", shown("expires_at", people));
  EXPECT_EQ("", shown("expires_at", programs));
}

TEST(Render, SmallObjectsAreWordsForPeopleAndJsonForPrograms) {
  const std::string_view limits =
      R"([{"name":"r","limit":5,"window_seconds":60,"algorithm":"gcra"}])";
  const auto document = parsed(limits);
  EXPECT_EQ("r: 5 in 60 s", cell(document.root(), "limits", {.for_people = true}));
  EXPECT_EQ(limits, cell(document.root(), "limits", {}));
  const auto effect = parsed(R"({"nodes":1,"waited_ms":3})");
  EXPECT_EQ("1 node after 3 ms", cell(effect.root(), "effective_on", {.for_people = true}));
  const auto system = parsed(R"({"type":"system","id":null})");
  EXPECT_EQ("system", cell(system.root(), "actor", {.for_people = true}));
}

TEST(Render, ARecordIsOneLineForEachField) {
  const auto document = parsed(R"({"id":"a1","last_used_ip":null,"name":"x\u001b[2J"})");
  const std::vector<std::string> fields{"id", "name", "last_used_ip"};
  EXPECT_EQ("ID:    a1\nName:  x?[2J\n", record(document.root(), fields, {.for_people = true}));
  EXPECT_EQ("id\ta1\nname\tx?[2J\nlast_used_ip\t\n", record(document.root(), fields, {}));
  EXPECT_EQ("Last used IP", title("last_used_ip"));
  EXPECT_EQ("MCP server IDs", title("mcp_server_ids"));
}

TEST(JsonText, IsIndentedAndCutToTheFieldsAskedFor) {
  EXPECT_EQ("{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}", pretty(R"({"a":[1],"b":{}})"));
  EXPECT_EQ(R"({"items":[{"id":"x"}],"next_cursor":null})",
            select_fields(R"({"items":[{"id":"x","name":"y"}],"next_cursor":null})", {"id"}));
  EXPECT_EQ(R"({"name":"y","id":"x"})", select_fields(R"({"id":"x","name":"y"})", {"name", "id"}));
  EXPECT_EQ(R"({"id":"x"})", without_field(R"({"id":"x","key":"secret"})", "key"));
}

TEST(ImportBatches, KeepLineNumbersAndSetMalformedLinesAside) {
  const ImportLines lines = read_import_lines("{\"a\":1}\n\nnot json\n[1]\r\n{\"a\":2}");
  ASSERT_EQ(4U, lines.texts.size());
  EXPECT_EQ((std::vector<std::size_t>{1, 3, 4, 5}), lines.numbers);
  ASSERT_EQ(2U, lines.malformed.size());
  EXPECT_EQ(1U, lines.malformed[0].first);
  EXPECT_EQ("must be a JSON object", lines.malformed[1].second);
  const auto batches = make_batches(lines);
  ASSERT_EQ(1U, batches.size());
  EXPECT_EQ(R"({"items":[{"a":1},{"a":2}]})", batches[0].body);
  EXPECT_EQ((std::vector<std::size_t>{0, 3}), batches[0].lines);
}

TEST(ImportBatches, StayWithinAThousandLinesAndTheServersBodyLimit) {
  std::string small;
  for (int i = 0; i < 2001; ++i) small += "{\"n\":1}\n";
  const auto by_count = make_batches(read_import_lines(small));
  ASSERT_EQ(3U, by_count.size());
  EXPECT_EQ(1000U, by_count[0].lines.size());
  EXPECT_EQ(1U, by_count[2].lines.size());
  std::string large;
  for (int i = 0; i < 30; ++i) large += "{\"n\":\"" + std::string(100'000, 'x') + "\"}\n";
  for (const ImportBatch& batch : make_batches(read_import_lines(large))) {
    EXPECT_LT(batch.body.size(), 1024U * 1024U);
  }
}

}  // namespace
}  // namespace keywright::cli
