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
    AnswerContext context{recorder, h.directory, h.random, {}, mcp::ToolRules(permissions), ""};
    context.call.caller.epoch = h.directory.epoch();
    gateway::UpstreamTarget target;
    target.pool_key = "mcp_server/7 http://a";
    context.target = std::make_shared<const gateway::UpstreamTarget>(target);
    context.path = "/mcp";
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

TEST_F(AnswerHooksTest, EventsOfACallComeThroughUntouchedWhateverTheyAre) {
  const auto each = hooks("tools/call", std::vector<std::string>{"tools/call:search"});
  each->replaces_answer(head(kEvents), response);
  const std::string nested = "data: {\"tools\":" + std::string(80, '[') + "\n\n";
  for (const std::string& piece :
       {std::string("data: {\"text\":\"cut \\ud83d\"}\n\n"), nested, std::string("data: hal")}) {
    EXPECT_EQ(*each->on_piece(piece), piece);
  }
}

TEST_F(AnswerHooksTest, EventsThatHoldNoListComeThroughThoughTheyCannotBeRead) {
  for (std::string_view method : {"tools/list", ""}) {
    const auto each = hooks(method, std::vector<std::string>{"tools/call:search"});
    each->replaces_answer(head(kEvents), response);
    const std::string piece = "id: 1\ndata: {\"a\":\"\\ud83d\",\"b\":1e999}\n\n";
    EXPECT_EQ(*each->on_piece(piece), piece);
  }
}

TEST_F(AnswerHooksTest, AnUnreadableListInAnEventIsAnErrorOfItsCall) {
  const auto each = hooks("tools/list", std::vector<std::string>{"tools/call:search"});
  each->replaces_answer(head(kEvents), response);
  const auto answer = each->on_piece("data: {\"result\":{\"tools\":[],\"tools\":[7]}}\n\n");
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("-32603"), std::string_view::npos);
  EXPECT_NE(answer->find("\"id\":7"), std::string_view::npos);
  each->on_over(true);
  std::size_t failed = 0;
  recorder.counters().visit([&](const CallCount& count) {
    failed += count.outcome == CallOutcome::failed ? count.calls : 0;
  });
  EXPECT_EQ(failed, 1u);
}

TEST_F(AnswerHooksTest, RulesAreThoseOfTheTimeWhenAListGoesOut) {
  const std::string list = R"({"id":7,"result":{"tools":[{"name":"delete"}]}})";
  int changes = 0;
  const auto narrow = [&] { h.sign_up("a" + std::to_string(++changes) + "@b.test", "member"); };
  {
    const auto each = hooks("tools/list");
    narrow();  // records moved, and nobody has this key: it may call nothing
    each->replaces_answer(head("application/json"), response);
    EXPECT_EQ(*each->on_piece(list), "");
    EXPECT_EQ(each->on_end().find("delete"), std::string_view::npos);
  }
  {
    const auto each = hooks("tools/list");
    each->replaces_answer(head("application/json"), response);
    EXPECT_EQ(*each->on_piece(list.substr(0, 20)), list.substr(0, 20));
    narrow();
    EXPECT_FALSE(each->on_piece(list.substr(20)));
  }
  {
    const auto each = hooks("");
    each->replaces_answer(head(kEvents), response);
    EXPECT_EQ(*each->on_piece("data: " + list + "\n\n"), "data: " + list + "\n\n");
    narrow();
    const auto filtered = each->on_piece("data: " + list + "\n\n");
    ASSERT_TRUE(filtered);
    EXPECT_EQ(filtered->find("delete"), std::string_view::npos);
  }
  {
    const auto each = hooks("");
    each->replaces_answer(head(kEvents), response);
    EXPECT_TRUE(each->on_piece("data: {"));
    narrow();
    EXPECT_FALSE(each->on_piece("}\n\n"));
  }
}

TEST_F(AnswerHooksTest, AFilteredListIsKeptByNoCache) {
  ResponseHead made = head("application/json");
  made.headers.add({"Cache-Control", "public, max-age=600"});
  hooks("tools/list")->replaces_answer(made, response);
  EXPECT_NE(response.header_block().find("public"), std::string_view::npos);
  const auto each = hooks("tools/list", std::vector<std::string>{"tools/call:search"});
  each->replaces_answer(made, response);
  EXPECT_EQ(response.header_block().find("public"), std::string_view::npos);
  EXPECT_NE(response.header_block().find("private, no-store"), std::string_view::npos);
}

TEST_F(AnswerHooksTest, AnAnswerThatSaysSoIsAFailure) {
  std::uint64_t expected = 0;
  for (std::string_view answer :
       {R"({"id":7,"error":{"code":-32602}})", R"({"id":7,"result":{"isError":true}})"}) {
    const auto each = hooks("tools/call");
    each->replaces_answer(head("application/json"), response);
    each->on_passing(answer);
    each->on_over(true);
    std::uint64_t failed = 0;
    recorder.counters().visit([&](const CallCount& count) {
      failed += count.outcome == CallOutcome::failed ? count.calls : 0;
    });
    EXPECT_EQ(failed, ++expected);
  }
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
  EXPECT_EQ(each->when_idle(), ": keep-alive\n");  // between its lines: ends nothing
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
  EXPECT_EQ(
      mcp::open_session(h.keyring.sealer(), sealed, {"mcp_server/7 http://a/mcp", owner, key}),
      "upstream-session");
}

}  // namespace
}  // namespace keywright::mcp_connect
