#include "api/graphql/face.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"
#include "http/asked_test.h"
#include "json/writer.h"

namespace keywright::graphql_face {
namespace {

class GraphqlFace : public testing::Test {
 protected:
  // The body of the answer to one document.
  std::string ask(std::string_view token, std::string_view text,
                  std::string_view variables = "{}") {
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key("query").string(text).key("variables").raw(variables).end_object();
    const std::string authorization = "Bearer " + std::string(token);
    http::Asked asked(face, "POST", kPath, {{"Authorization", authorization}}, body);
    status = asked.status();
    return asked.wait().body;
  }

  std::string access_key() {
    return h.call("keys.create", h.owner, R"({"kind":"access","name":"CI"})").text("key");
  }

  app::Harness h;
  Face face{h.app, {}};
  int status = 0;
};

TEST_F(GraphqlFace, TellsAPersonWhoTheyAre) {
  EXPECT_EQ(R"({"data":{"viewer":{"email":"owner@acme.test","memberships":[{"organization":)"
            R"({"name":"Acme"},"role":"OWNER"}]}}})",
            ask(access_key(), "{ viewer { email memberships { organization { name } role } } }"));
  EXPECT_EQ(200, status);
}

TEST_F(GraphqlFace, NobodyComesInWithoutAGoodCredential) {
  EXPECT_EQ(R"({"errors":[{"message":"The credential is missing or not valid. Send a key that is )"
            R"(active.","extensions":{"code":"UNAUTHENTICATED"}}],"data":null})",
            ask("kwp_nonsense", "{ viewer { id } }"));
  EXPECT_EQ(401, status);
}

TEST_F(GraphqlFace, AnMcpKeyIsToldWhichKeysMayCome) {
  const std::string token =
      h.call("keys.create", h.owner,
             R"({"kind":"mcp","name":"desk","expires_at":"2999-01-01T00:00:00Z"})")
          .text("key");
  const std::string body = ask(token, "{ viewer { id } }");
  EXPECT_EQ(403, status);
  EXPECT_NE(std::string::npos, body.find("personal or access")) << body;
}

TEST_F(GraphqlFace, AKeyCannotListOrMakeKeys) {
  const std::string token = access_key();
  EXPECT_NE(std::string::npos, ask(token, "{ viewer { personalAPIKeys { totalCount } } }")
                                   .find(R"("path":["viewer","personalAPIKeys"],"extensions":)"
                                         R"({"code":"FORBIDDEN"}}])"));
  EXPECT_NE(std::string::npos,
            ask(token,
                "mutation { createPersonalAPIKey(input: {name: \"x\", expiresAt: "
                "\"2999-01-01T00:00:00Z\"}) { token } }")
                .find("FORBIDDEN"));
}

TEST_F(GraphqlFace, ASessionMakesListsAndRevokesItsKeys) {
  const std::string made =
      ask(h.owner,
          "mutation { createPersonalAPIKey(input: {name: \"x\", expiresAt: "
          "\"2999-01-01T00:00:00Z\"}) { token personalAPIKeyEdge { node { id kind token } } } }");
  EXPECT_NE(std::string::npos, made.find(R"("token":"kwp_)")) << made;
  EXPECT_NE(std::string::npos, made.find(R"("kind":"PERSONAL","token":null)")) << made;
  const auto at = made.find(R"("id":")") + 6;
  const std::string id = made.substr(at, 12);
  EXPECT_EQ(R"({"data":{"revokePersonalAPIKey":{"personalAPIKeyId":")" + id + "\"}}}",
            ask(h.owner,
                "mutation($id: ID!) { revokePersonalAPIKey(input: {personalAPIKeyId: $id}) "
                "{ personalAPIKeyId } }",
                R"({"id":")" + id + "\"}"));
  EXPECT_EQ(R"({"data":{"viewer":{"personalAPIKeys":{"totalCount":0}}}})",
            ask(h.owner, "{ viewer { personalAPIKeys { totalCount } } }"));
  EXPECT_EQ(R"({"data":{"viewer":{"personalAPIKeys":{"nodes":[{"status":"REVOKED","expireReason":)"
            R"("REVOKED"}]}}}})",
            ask(h.owner,
                "{ viewer { personalAPIKeys(filter: {status: REVOKED}) { nodes { status "
                "expireReason } } } }"));
}

TEST_F(GraphqlFace, WhatIsWrongWithAnInputIsNamed) {
  const auto making = [](std::string_view name, std::string_view at) {
    return "mutation { createPersonalAPIKey(input: {name: \"" + std::string(name) +
           "\", expiresAt: \"" + std::string(at) + "\"}) { token } }";
  };
  EXPECT_NE(std::string::npos, ask(h.owner, making("x", "2001-01-01T00:00:00Z"))
                                   .find(R"("code":"INVALID","field":"expiresAt")"));
  EXPECT_NE(
      std::string::npos,
      ask(h.owner, making(" ", "2999-01-01T00:00:00Z")).find(R"("code":"INVALID","field":"name")"));
  EXPECT_NE(std::string::npos,
            ask(h.owner, making("x", "tomorrow")).find(R"("code":"INVALID","field":"expiresAt")"));
  EXPECT_EQ(200, status);
}

TEST_F(GraphqlFace, ListsAreRelayConnections) {
  const std::string organization = h.organization.to_string();
  for (const char* name : {"a", "b", "c", "d"}) {
    h.create("targets.create", h.owner,
             "{\"name\":\"" + std::string(name) + "\",\"url\":\"https://t.test\"}");
  }
  const std::string token = access_key();
  const auto page = [&](const std::string& arguments) {
    const std::string body =
        ask(token, "{ organization(id: \"" + organization + "\") { targets(" + arguments +
                       ") { totalCount pageInfo { hasNextPage hasPreviousPage } edges { cursor "
                       "node { name } } } } }");
    return body;
  };
  const std::string first = page("first: 2");
  EXPECT_NE(std::string::npos, first.find(R"("totalCount":4)")) << first;
  EXPECT_NE(std::string::npos, first.find(R"("hasNextPage":true,"hasPreviousPage":false)"));
  const auto at = first.rfind(R"("cursor":")") + 10;
  const std::string cursor = first.substr(at, 22);
  const std::string second = page("first: 2, after: \"" + cursor + "\"");
  EXPECT_NE(std::string::npos, second.find(R"("hasNextPage":false,"hasPreviousPage":true)"));
  EXPECT_NE(std::string::npos, second.find(R"({"name":"b"})")) << second;
  EXPECT_EQ(std::string::npos, second.find(R"({"name":"c"})")) << second;
  const std::string last = page("last: 1");
  EXPECT_NE(std::string::npos, last.find(R"({"name":"a"})")) << last;
  EXPECT_NE(std::string::npos, last.find(R"("hasNextPage":false,"hasPreviousPage":true)"));
  const std::string before = page("last: 5, before: \"" + cursor + "\"");
  EXPECT_NE(std::string::npos, before.find(R"({"name":"d"})")) << before;
  EXPECT_EQ(std::string::npos, before.find(R"({"name":"c"})")) << before;
  EXPECT_NE(std::string::npos, page("first: -1").find(R"("field":"first")"));
  EXPECT_NE(std::string::npos, page("after: \"x\"").find(R"("field":"after")"));
}

TEST_F(GraphqlFace, WhatOneMayNotSeeIsNotThere) {
  const std::string target =
      h.create("targets.create", h.owner, R"({"name":"shop","url":"https://shop.test"})");
  const std::string node = "{ node(id: \"" + target + "\") { __typename id } }";
  EXPECT_EQ(R"({"data":{"node":{"__typename":"Target","id":")" + target + "\"}}}",
            ask(access_key(), node));
  EXPECT_NE(std::string::npos,
            ask(access_key(), "{ node(id: \"nothing\") { id } }").find("NOT_FOUND"));
}

TEST_F(GraphqlFace, ARequestThatIsNoneIsRefused) {
  const std::string token = "Bearer " + access_key();
  const auto asked = [&](std::string_view body, std::string_view type = "application/json") {
    http::Asked one(face, "POST", kPath, {{"Authorization", token}, {"Content-Type", type}}, body);
    return one.status();
  };
  EXPECT_EQ(200, asked(R"({"query":"{ viewer { id } }"})"));
  EXPECT_EQ(415, asked("{ viewer { id } }", "application/graphql"));
  EXPECT_EQ(400, asked("{"));
  EXPECT_EQ(400, asked("{}"));
  EXPECT_EQ(400, asked(R"([{"query":"{ viewer { id } }"}])"));
  EXPECT_EQ(400, asked(R"({"query":5})"));
  EXPECT_EQ(400, asked(R"({"query":"{ viewer { id } }","variables":[]})"));
  http::Asked got(face, "GET", kPath, {{"Authorization", token}});
  EXPECT_EQ(405, got.status());
  EXPECT_NE(std::string_view::npos, got.wait().header_block().find("Allow: POST"));
}

TEST_F(GraphqlFace, ADocumentThatIsNotExecutedIsA400ForThoseWhoUnderstandIt) {
  const std::string token = "Bearer " + access_key();
  http::Asked asked(face, "POST", kPath,
                    {{"Authorization", token},
                     {"Accept", "application/graphql-response+json, application/json;q=0.9"}},
                    R"({"query":"{ nope }"})");
  EXPECT_EQ(400, asked.status());
  EXPECT_EQ("application/graphql-response+json", asked.wait().content_type());
  EXPECT_EQ(R"({"errors":[{"message":"Cannot query field \"nope\" on type \"Query\".","locations":)"
            R"([{"line":1,"column":3}],"extensions":{"code":"INVALID"}}]})",
            asked.wait().body);
}

}  // namespace
}  // namespace keywright::graphql_face
