#include "mcp/tool_rules.h"

#include <gtest/gtest.h>

namespace keywright::mcp {
namespace {

using Permissions = std::vector<std::string>;

TEST(ToolRules, WithoutPermissionsAllToolsAreAllowed) {
  EXPECT_TRUE(ToolRules(std::nullopt).allows_all());
  EXPECT_TRUE(ToolRules(std::nullopt).allows("anything"));
}

TEST(ToolRules, AnEmptyListAllowsNone) {
  const ToolRules rules{Permissions{}};
  EXPECT_FALSE(rules.allows_all());
  EXPECT_FALSE(rules.allows("anything"));
}

TEST(ToolRules, NamesAreExactAndAStarStandsForARest) {
  const ToolRules rules{Permissions{"tools/call:search", "tools/call:github.*", "keys:read"}};
  EXPECT_TRUE(rules.allows("search"));
  EXPECT_FALSE(rules.allows("Search"));
  EXPECT_FALSE(rules.allows("search2"));
  EXPECT_TRUE(rules.allows("github.issues"));
  EXPECT_FALSE(rules.allows("github."));
  EXPECT_FALSE(rules.allows("github"));
  EXPECT_FALSE(rules.allows("keys:read"));
  EXPECT_TRUE(ToolRules(Permissions{"tools/call:*"}).allows_all());
}

TEST(ToolRules, AListLosesHiddenToolsAndNothingElse) {
  const ToolRules rules{Permissions{"tools/call:b"}};
  EXPECT_EQ(rules.filter_list(R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},)"
                              R"({"name":"b","x":[1,2.5]},{"title":"c"}],"nextCursor":"n",)"
                              R"("cacheScope":"public"}})"),
            R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"b","x":[1,2.5]}],)"
            R"("nextCursor":"n","cacheScope":"private"}})");
}

TEST(ToolRules, AFilteredListIsKeptForAMinuteAtMost) {
  const ToolRules rules{Permissions{"tools/call:b"}};
  EXPECT_EQ(rules.filter_list(R"({"result":{"tools":[],"ttlMs":86400000}})"),
            R"({"result":{"tools":[],"ttlMs":60000}})");
  EXPECT_EQ(rules.filter_list(R"({"result":{"tools":[],"ttlMs":1e300}})"),
            R"({"result":{"tools":[],"ttlMs":60000}})");
  EXPECT_EQ(rules.filter_list(R"({"result":{"tools":[],"ttlMs":0}})"),
            R"({"result":{"tools":[],"ttlMs":0}})");
}

TEST(ToolRules, ErrorsPassAndWhatCannotBeReadDoesNot) {
  const ToolRules rules{Permissions{"tools/call:b"}};
  const std::string error = R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":""}})";
  EXPECT_EQ(rules.filter_list(error), error);
  EXPECT_FALSE(rules.filter_list(R"({"result":{"tools":[],"tools":[{"name":"a"}]}})"));
  EXPECT_FALSE(rules.filter_list(R"({"result":{"tools":{"name":"a"}}})"));
  EXPECT_FALSE(rules.filter_list("[]"));
}

TEST(ToolRules, AByteOrderMarkOrHalfAnEmojiInAListIsNoHarm) {
  const ToolRules rules{Permissions{"tools/call:b"}};
  EXPECT_EQ(rules.filter_list(
                R"({"result":{"tools":[{"name":"a"},{"name":"b","description":"\ud83d"}]}})"),
            "{\"result\":{\"tools\":[{\"name\":\"b\",\"description\":\"\xEF\xBF\xBD\"}]}}");
  EXPECT_EQ(rules.filter_list("\xEF\xBB\xBF{\"result\":{\"tools\":[{\"name\":\"a\"}]}}"),
            R"({"result":{"tools":[]}})");
}

TEST(ToolRules, OnlyWhatHasTheKeyCanHoldAList) {
  for (std::string_view text :
       {R"({"result":{"tools":[]}})", R"({"result":{"\u0074o\u006fl\u0073":)", R"("tools")",
        R"({"a":"\ud83d","tools")"}) {
    EXPECT_TRUE(may_hold_tools(text)) << text;
  }
  for (std::string_view text :
       {R"({"method":"notifications/tools/list_changed"})", R"({"text":"{\"tools\":[]}"})", "",
        R"({"tool":1,"toolset":2,"\u0074ool\u00":3})", "\"tools", "\"tool\\u0073"}) {
    EXPECT_FALSE(may_hold_tools(text)) << text;
  }
}

}  // namespace
}  // namespace keywright::mcp
