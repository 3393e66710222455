#include "mcp_connect/answer_hooks.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"
#include "mcp/sealed_text.h"

namespace keywright::mcp_connect {
namespace {

using http::h1::ResponseHead;

constexpr std::string_view kEvents = "text/event-stream";

class AnswerHooksTest : public testing::Test {
 protected:
  std::unique_ptr<AnswerHooks> hooks(std::string_view method,
                                     std::optional<std::vector<std::string>> permissions = {}) {
    AnswerContext context{recorder, h.keyring.sealer(),          h.random,
                          {},       mcp::ToolRules(permissions), ""};
    context.call.server_id = "server-id";
    context.call.server_name = "github";
    context.call.method = method;
    context.call.id = "7";
    context.call.is_request = true;
    return std::make_unique<AnswerHooks>(std::move(context));
  }
  static ResponseHead head(std::string_view type, int status = 200) {
    ResponseHead made;
    made.status = status;
    made.headers.add({"Content-Type", type});
    return made;
  }

  app::Harness h;
  Recorder recorder{h.committer, h.clock};
  http::Response response;
};

TEST_F(AnswerHooksTest, AJsonAnswerComesThroughUntouched) {
  const auto each = hooks("tools/call", std::vector<std::string>{"tools/call:search"});
  EXPECT_FALSE(each->replaces_answer(head("application/json"), response));
  EXPECT_FALSE(each->changes_body());
  EXPECT_EQ(each->idle_after().count(), 0);
}

TEST_F(AnswerHooksTest, AListIsFilteredOnceItIsWhole) {
  const auto each = hooks("tools/list", std::vector<std::string>{"tools/call:search"});
  EXPECT_FALSE(each->replaces_answer(head("application/json"), response));
  ASSERT_TRUE(each->changes_body());
  EXPECT_EQ(*each->on_piece(R"({"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"sea)"), "");
  EXPECT_EQ(*each->on_piece(R"(rch"},{"name":"delete"}]}})"), "");
  EXPECT_EQ(each->on_end(), R"({"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"search"}]}})");
}

TEST_F(AnswerHooksTest, AListThatCannotBeReadIsNotShown) {
  const auto each = hooks("tools/list", std::vector<std::string>{"tools/call:search"});
  each->replaces_answer(head("application/json"), response);
  EXPECT_EQ(*each->on_piece(R"({"result":{"tools":[{"name":"delete","name":"search"}]}})"), "");
  const std::string_view answer = each->on_end();
  EXPECT_EQ(answer.find("delete"), std::string_view::npos);
  EXPECT_NE(answer.find("-32603"), std::string_view::npos);
}

TEST_F(AnswerHooksTest, EventsGoOnAsSoonAsTheyAreWholeAndListsInThemAreFiltered) {
  const auto each = hooks("tools/list", std::vector<std::string>{"tools/call:search"});
  each->replaces_answer(head(kEvents), response);
  ASSERT_TRUE(each->changes_body());
  const std::string note = "event: message\ndata: {\"method\":\"notifications/progress\"}\n\n";
  EXPECT_EQ(*each->on_piece(note + "data: {\"result\":{\"too"), note);
  const auto rest = each->on_piece("ls\":[{\"name\":\"search\"},{\"name\":\"delete\"}]}}\n\n");
  ASSERT_TRUE(rest);
  EXPECT_NE(rest->find("search"), std::string_view::npos);
  EXPECT_EQ(rest->find("delete"), std::string_view::npos);
}

TEST_F(AnswerHooksTest, WithoutRulesAStreamIsRelayedPieceByPiece) {
  const auto each = hooks("tools/call");
  each->replaces_answer(head(kEvents), response);
  EXPECT_EQ(*each->on_piece("data: {\"hal"), "data: {\"hal");
  EXPECT_EQ(each->when_idle(), "");  // in the middle of an event
  EXPECT_EQ(*each->on_piece("f\":1}\n"), "f\":1}\n");
  EXPECT_EQ(each->when_idle(), "");
  EXPECT_EQ(*each->on_piece("\n"), "\n");
  EXPECT_EQ(each->when_idle(), mcp::kKeepAlive);
  EXPECT_LE(each->idle_after(), std::chrono::seconds(15));
  EXPECT_GT(each->idle_after(), std::chrono::seconds(0));
}

TEST_F(AnswerHooksTest, TheUpstreamsOwnRefusalIsNotTheClients) {
  for (int status : {401, 403, 307}) {
    const auto each = hooks("tools/call");
    ResponseHead refused = head("text/plain", status);
    refused.headers.add({"WWW-Authenticate", "Bearer resource_metadata=\"https://upstream\""});
    refused.headers.add({"Location", "https://elsewhere"});
    EXPECT_TRUE(each->replaces_answer(refused, response));
    EXPECT_EQ(response.status, 502);
    EXPECT_EQ(response.header_block().find("upstream\""), std::string_view::npos);
    EXPECT_EQ(response.header_block().find("elsewhere"), std::string_view::npos);
  }
}

TEST_F(AnswerHooksTest, SessionIdsAreSealedAndOtherFieldsOfTheUpstreamStayBehind) {
  const auto each = hooks("initialize");
  ResponseHead made = head("application/json");
  made.headers.add({"Mcp-Session-Id", "upstream-session"});
  made.headers.add({"Set-Cookie", "a=b"});
  made.headers.add({"Access-Control-Allow-Origin", "*"});
  made.headers.add({"MCP-Protocol-Version", "2025-11-25"});
  EXPECT_FALSE(each->replaces_answer(made, response));
  const std::string fields(response.header_block());
  EXPECT_EQ(fields.find("upstream-session"), std::string::npos);
  EXPECT_EQ(fields.find("Set-Cookie"), std::string::npos);
  EXPECT_EQ(fields.find("Access-Control-Allow-Origin"), std::string::npos);
  EXPECT_NE(fields.find("MCP-Protocol-Version: 2025-11-25"), std::string::npos);
  const std::size_t begin = fields.find("Mcp-Session-Id: ") + 16;
  const std::string sealed = fields.substr(begin, fields.find('\r', begin) - begin);
  const std::string owner = domain::UserId().to_string();
  const std::string key = domain::KeyId().to_string();
  EXPECT_EQ(mcp::open_session(h.keyring.sealer(), sealed, {"server-id", owner, key}),
            "upstream-session");
}

}  // namespace
}  // namespace keywright::mcp_connect
