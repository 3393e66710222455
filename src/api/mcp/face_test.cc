#include "api/mcp/face.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"
#include "http/asked_test.h"
#include "json/document.h"

namespace keywright::api_mcp {
namespace {

using app::Harness;
using http::Asked;

constexpr std::string_view kMeta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{CAPABILITIES}})";

struct Answer {
  int status = 0;
  std::string body;
  std::string fields;

  json::Document json() const { return std::move(*json::Document::parse(body)); }
  int code() const {
    const auto document = json();
    const auto error = document.root().find("error");
    return error ? static_cast<int>(error->find("code")->as_int64().value_or(0)) : 0;
  }
  bool has(std::string_view text) const { return body.find(text) != std::string::npos; }
};

class Mcp : public ::testing::Test {
 protected:
  std::string key_of(const std::string& session, const std::string& kind = "mcp") {
    return h
        .call("keys.create", session,
              R"({"kind":")" + kind + R"(","name":"m","expires_at":"2099-01-01T00:00:00Z"})")
        .text("key");
  }

  Answer ask(const std::string& key, const std::string& body,
             const std::vector<http::Field>& more = {}, std::string_view method = "POST",
             std::string_view target = kPath) {
    const std::string bearer = "Bearer " + key;
    return send(method, target, body, bearer, more);
  }

  Answer send(std::string_view method, std::string_view target, const std::string& body,
              const std::string& authorization, const std::vector<http::Field>& more) {
    // Asked takes a list of fixed length: absent fields get a name that nobody looks for.
    const auto field = [&](std::size_t i) {
      return i < more.size() ? more[i] : http::Field{"X-Nothing", ""};
    };
    const http::Field credential{authorization == "Bearer " ? "X-Nobody" : "Authorization",
                                 authorization};
    Asked asked(face, method, target, {credential, field(0), field(1), field(2), field(3)}, body);
    http::Response& response = asked.wait();
    return {response.status, response.body, std::string(response.header_block())};
  }

  Answer legacy(const std::string& key, const std::string& method,
                const std::string& params = "{}") {
    return ask(key,
               R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params + "}");
  }

  Answer call(const std::string& key, const std::string& tool, const std::string& arguments) {
    return legacy(key, "tools/call", R"({"name":")" + tool + R"(","arguments":)" + arguments + "}");
  }

  Answer modern(const std::string& key, const std::string& method, const std::string& params = "",
                const std::string& name = "", const std::string& capabilities = "") {
    std::string meta(kMeta);
    meta.replace(meta.find("CAPABILITIES"), 12, capabilities);
    std::vector<http::Field> fields = {{"MCP-Protocol-Version", "2026-07-28"},
                                       {"Mcp-Method", method}};
    if (!name.empty()) fields.push_back({"Mcp-Name", name});
    return ask(key,
               R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{)" + meta +
                   (params.empty() ? "" : "," + params) + "}}",
               fields);
  }

  Harness h;
  Face face{h.app, {}};
  std::string owner = key_of(h.owner);
};

TEST_F(Mcp, OnlyKeysOfTheRightKindsComeIn) {
  EXPECT_EQ(legacy("", "ping").status, 401);
  EXPECT_NE(legacy("", "ping").fields.find("WWW-Authenticate: Bearer realm=\"keywright\"\r\n"),
            std::string::npos);
  EXPECT_EQ(legacy("kwm_no", "ping").status, 401);
  EXPECT_NE(legacy("kwm_no", "ping").fields.find("error=\"invalid_token\""), std::string::npos);
  EXPECT_EQ(legacy(owner, "ping").status, 200);
  EXPECT_EQ(legacy(key_of(h.owner, "access"), "ping").status, 200);
  const Answer personal = legacy(key_of(h.owner, "personal"), "ping");
  EXPECT_EQ(personal.status, 403);
  EXPECT_TRUE(personal.has("keys of kind mcp or access"));
  EXPECT_EQ(legacy(h.owner, "ping").status, 403);
}

TEST_F(Mcp, EveryMethodAsksForTheKeyFirst) {
  for (const char* method : {"GET", "DELETE", "PUT"}) {
    EXPECT_EQ(ask("", "", {}, method).status, 401) << method;
    const Answer answer = ask(owner, "", {}, method);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_NE(answer.fields.find("Allow: POST, OPTIONS"), std::string::npos);
  }
}

TEST_F(Mcp, AKeyInTheAddressIsRefused) {
  EXPECT_EQ(ask(owner, "{}", {}, "POST", "/api/mcp/v1?access_token=x").status, 400);
}

TEST_F(Mcp, PagesOfStrangersAreRefusedBeforeAnythingElse) {
  EXPECT_EQ(ask(owner, "{}", {{"Origin", "https://evil.example.com"}}).status, 403);
  const Answer ours = ask(owner, "", {{"Origin", "https://keys.acme.test"}}, "OPTIONS");
  EXPECT_EQ(ours.status, 403);  // the request names no host
}

TEST_F(Mcp, InitializeAnswersAKnownVersionAndElseTheNewest) {
  EXPECT_TRUE(legacy(owner, "initialize", R"({"protocolVersion":"2025-06-18"})")
                  .has(R"("protocolVersion":"2025-06-18")"));
  EXPECT_TRUE(legacy(owner, "initialize", R"({"protocolVersion":"1999-01-01"})")
                  .has(R"("protocolVersion":"2025-11-25")"));
  EXPECT_EQ(legacy(owner, "initialize", "{}").code(), mcp::kInvalidParams);
}

TEST_F(Mcp, ASessionIsTheKeysOwnAndNeedsNoMemory) {
  const Answer begun = legacy(owner, "initialize", R"({"protocolVersion":"2025-11-25"})");
  const std::string name = "Mcp-Session-Id: ";
  const std::size_t at = begun.fields.find(name);
  ASSERT_NE(at, std::string::npos);
  const std::size_t begin = at + name.size();
  const std::string id = begun.fields.substr(begin, begun.fields.find('\r', begin) - begin);
  const auto ping = [&](const std::string& key, std::string_view session) {
    return ask(key, R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Mcp-Session-Id", session}})
        .status;
  };
  EXPECT_EQ(ping(owner, id), 200);
  EXPECT_EQ(ping(owner, "made-up"), 404);
  EXPECT_EQ(ping(key_of(h.owner), id), 404);
  EXPECT_EQ(modern(owner, "server/discover").fields.find(name), std::string::npos);
}

TEST_F(Mcp, NotificationsAreAcceptedWithoutABody) {
  const Answer answer = ask(owner, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, "");
}

TEST_F(Mcp, AnUnknownMethodIsA404OnlyInTheModernEra) {
  EXPECT_EQ(legacy(owner, "resources/list").status, 200);
  EXPECT_EQ(legacy(owner, "resources/list").code(), mcp::kMethodNotFound);
  EXPECT_EQ(modern(owner, "ping").status, 404);
  EXPECT_EQ(modern(owner, "ping").code(), mcp::kMethodNotFound);
  EXPECT_EQ(modern(owner, "server/discover").status, 200);
}

TEST_F(Mcp, WhatIsNotOneMessageIsA400) {
  EXPECT_EQ(ask(owner, "[]").status, 400);
  EXPECT_EQ(ask(owner, "{").code(), mcp::kParseError);
  EXPECT_EQ(ask(owner, R"({"jsonrpc":"2.0","id":1,"Method":"x","method":"ping"})").code(),
            mcp::kInvalidRequest);
  EXPECT_EQ(ask(owner, "{}", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(ask(owner, "{}", {{"Accept", "text/html"}}).status, 406);
}

TEST_F(Mcp, AClientThatWantsEventsGetsOne) {
  const Answer answer =
      ask(owner, R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {{"Accept", "text/event-stream"}});
  EXPECT_EQ(answer.body, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
}

TEST_F(Mcp, ListsHoldWhatTheCallerMayUseNow) {
  const std::string viewer = key_of(h.sign_up("vi@acme.test", "viewer"));
  const std::string member = key_of(h.sign_up("me@acme.test", "member"));
  EXPECT_TRUE(legacy(owner, "tools/list").has(R"("name":"list_audit_events")"));
  EXPECT_FALSE(legacy(viewer, "tools/list").has(R"("name":"list_audit_events")"));
  EXPECT_FALSE(legacy(viewer, "tools/list").has(R"("name":"create_target")"));
  EXPECT_TRUE(legacy(viewer, "tools/list").has(R"("name":"list_targets")"));
  EXPECT_TRUE(legacy(member, "tools/list").has(R"("name":"create_target")"));
  EXPECT_TRUE(modern(member, "tools/list").has(R"("cacheScope":"private")"));
}

TEST_F(Mcp, PagesOfToolsFollowEachOther) {
  Face paged(h.app, {.server = {.page_size = 2}});
  std::string cursor;
  std::size_t seen = 0;
  do {
    const std::string body = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{)" +
                             (cursor.empty() ? "" : R"("cursor":")" + cursor + "\"") + "}}";
    const std::string bearer = "Bearer " + owner;
    Asked asked(paged, "POST", kPath, {{"Authorization", bearer}}, body);
    const auto document = json::Document::parse(asked.wait().body);
    const auto result = document->root().find("result");
    seen += result->find("tools")->size();
    const auto next = result->find("nextCursor");
    cursor = next ? std::string(*next->as_string()) : "";
  } while (!cursor.empty());
  EXPECT_EQ(seen, face.tools().all().size());
  EXPECT_EQ(legacy(owner, "tools/list", R"({"cursor":"nonsense"})").code(), mcp::kInvalidParams);
}

TEST_F(Mcp, AToolDoesWhatItsOperationDoes) {
  const Answer made = call(owner, "create_target", R"({"name":"T","url":"https://t.example"})");
  EXPECT_EQ(made.status, 200);
  const auto document = made.json();
  const auto result = document.root().find("result");
  EXPECT_EQ(result->find("isError")->as_bool(), false);
  EXPECT_EQ(result->find("structuredContent")->find("name")->as_string(), "T");
  EXPECT_TRUE(call(owner, "list_targets", "{}").has("t.example"));
  EXPECT_TRUE(call(owner, "whoami", "{}").has(R"("kind":"mcp")"));
}

TEST_F(Mcp, AFailureOfTheOperationIsAResultThatSaysSo) {
  const std::string viewer = key_of(h.sign_up("vi@acme.test", "viewer"));
  const Answer denied = call(viewer, "create_target", R"({"name":"T","url":"https://t.example"})");
  EXPECT_EQ(denied.status, 200);
  EXPECT_TRUE(denied.has(R"("isError":true)"));
  EXPECT_TRUE(denied.has("targets:write"));
  EXPECT_FALSE(denied.has("structuredContent"));
  EXPECT_TRUE(call(owner, "create_target", R"({"nmae":"T"})").has(R"("isError":true)"));
  EXPECT_TRUE(call(owner, "get_target", R"({"id":"no"})").has(R"("isError":true)"));
}

TEST_F(Mcp, ANameThatNoToolHasIsAnError) {
  for (const char* name : {"create_key", "keys.create", "nothing"}) {
    const Answer answer = call(owner, name, "{}");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.code(), mcp::kInvalidParams) << name;
  }
}

TEST_F(Mcp, ADestructiveToolNeedsAConfirmation) {
  const std::string id =
      h.create("targets.create", h.owner, R"({"name":"T","url":"https://t.example"})");
  const std::string arguments = R"({"id":")" + id + "\"}";
  EXPECT_TRUE(call(owner, "delete_target", arguments).has("confirmation_required"));
  EXPECT_TRUE(h.call("targets.get", h.owner, "", {{"id", id}}).ok());
  const std::string confirmed = R"({"id":")" + id + R"(","confirm":true})";
  EXPECT_TRUE(call(owner, "delete_target", confirmed).has(R"("isError":false)"));
  EXPECT_FALSE(h.call("targets.get", h.owner, "", {{"id", id}}).ok());
}

TEST_F(Mcp, AClientThatCanAskItsPersonIsTold) {
  const std::string id =
      h.create("targets.create", h.owner, R"({"name":"T","url":"https://t.example"})");
  const std::string what = R"("name":"delete_target","arguments":{"id":")" + id + "\"}";
  const auto delete_it = [&](const std::string& more, const std::string& key) {
    return modern(key, "tools/call", what + more, "delete_target", R"("elicitation":{})");
  };
  const Answer asked = delete_it("", owner);
  EXPECT_TRUE(asked.has(R"("resultType":"input_required")"));
  const auto document = asked.json();
  const std::string state(*document.root().find("result")->find("requestState")->as_string());
  const std::string with_state = R"(,"requestState":")" + state + "\"";
  const auto says = [](const std::string& action) {
    return R"(,"inputResponses":{"confirm":{"action":")" + action +
           R"(","content":{"confirm":true}}})";
  };
  EXPECT_EQ(delete_it(R"(,"requestState":"AAAA")" + says("accept"), owner).code(),
            mcp::kInvalidParams);
  EXPECT_EQ(delete_it(with_state + says("accept"), key_of(h.owner)).code(), mcp::kInvalidParams);
  EXPECT_TRUE(delete_it(with_state, owner).has("input_required"));
  EXPECT_TRUE(delete_it(with_state + says("decline"), owner).has("declined"));
  h.clock.advance(std::chrono::minutes(6));
  EXPECT_EQ(delete_it(with_state + says("accept"), owner).code(), mcp::kInvalidParams);
  EXPECT_TRUE(h.call("targets.get", h.owner, "", {{"id", id}}).ok());
}

TEST_F(Mcp, TheAnswerOfThePersonCounts) {
  const std::string id =
      h.create("targets.create", h.owner, R"({"name":"T","url":"https://t.example"})");
  const std::string what = R"("name":"delete_target","arguments":{"id":")" + id + "\"}";
  const Answer asked =
      modern(owner, "tools/call", what, "delete_target", R"("elicitation":{"form":{}})");
  const auto document = asked.json();
  const std::string state(*document.root().find("result")->find("requestState")->as_string());
  const auto say_yes = [&] {
    return modern(owner, "tools/call",
                  what + R"(,"requestState":")" + state +
                      R"(","inputResponses":{"confirm":{"action":"accept",)" +
                      R"("content":{"confirm":true}}})",
                  "delete_target", R"("elicitation":{"form":{}})");
  };
  const Answer done = say_yes();
  EXPECT_TRUE(done.has(R"("isError":false)")) << done.body;
  EXPECT_EQ(say_yes().code(), mcp::kInvalidParams);
  EXPECT_FALSE(h.call("targets.get", h.owner, "", {{"id", id}}).ok());
}

TEST_F(Mcp, AKeyCanGiveItselfUp) {
  EXPECT_TRUE(call(owner, "revoke_this_key", "{}").has(R"("isError":false)"));
  EXPECT_EQ(legacy(owner, "ping").status, 401);
}

TEST_F(Mcp, EachCallIsOneEventAndSoIsEachRefusal) {
  const std::string revoked = key_of(h.owner);
  call(revoked, "revoke_this_key", R"({"confirm":true})");
  const std::size_t before = h.events().size();
  call(owner, "whoami", R"({})");
  legacy(revoked, "ping");
  legacy(key_of(h.owner, "personal"), "tools/list");
  legacy("kwm_unknown", "tools/list");
  call(owner, "get_target", R"({"id":"no-such-target"})");
  ASSERT_TRUE(h.change([](app::Change&) -> Result<void> { return {}; }).has_value());
  std::vector<domain::AuditEvent> calls;
  for (const auto& event : h.events()) {
    if (event.action == "mcp.call") calls.push_back(event);
  }
  static_cast<void>(before);
  ASSERT_EQ(calls.size(), 5);
  EXPECT_EQ(calls[1].outcome, "success");
  EXPECT_NE(calls[1].details.view().find(R"("tool":"whoami")"), std::string_view::npos);
  EXPECT_EQ(calls[2].outcome, "denied");
  EXPECT_EQ(calls[3].reason, "wrong_key_kind");
  EXPECT_EQ(calls[3].object.name, "keywright");
  EXPECT_EQ(calls[4].outcome, "failed");
  EXPECT_EQ(calls[4].reason, "not_found");
}

TEST_F(Mcp, CountersHaveNoLabelThatACallerChooses) {
  call(owner, "no_such_tool", "{}");
  legacy(owner, "no/such/method");
  std::size_t seen = 0;
  face.counters().visit([&](const CallCount& count) {
    EXPECT_TRUE(count.tool == "other" || count.method == "other") << count.tool;
    ++seen;
  });
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace keywright::api_mcp
