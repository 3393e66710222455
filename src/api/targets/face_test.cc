#include "api/targets/face.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"
#include "app/slow_hashes.h"
#include "http/asked_test.h"
#include "json/document.h"

namespace keywright::api_targets {
namespace {

using app::Harness;
using http::Asked;

class TargetsFaceTest : public testing::Test {
 protected:
  struct Got {
    int status;
    std::string body;
    std::string head;

    std::string text(std::string_view field) const {
      const auto document = json::Document::parse(body);
      if (!document) return "";
      const auto value = document->root().find(field);
      return value && value->as_string() ? std::string(*value->as_string()) : "";
    }
  };

  Got ask(std::string_view token, std::string_view method, std::string_view target,
          std::string_view body = "") {
    const std::string authorization = "JWT " + std::string(token);
    const std::string bearer = "Bearer " + std::string(token);
    const bool is_jwt = token.starts_with("eyJ");
    Asked asked = token.empty() ? Asked(face, method, target, {}, body)
                                : Asked(face, method, target,
                                        {{"Authorization", is_jwt ? authorization : bearer}}, body);
    const http::Response& response = asked.wait();
    return {response.status, response.body, std::string(response.header_block())};
  }

  std::string account_key() { return ask(h.owner, "POST", "/keys/", "{}").text("key"); }
  std::string new_target() {
    return ask(h.owner, "POST", "/targets/", R"({"name":"t","url":"https://t.test"})").text("id");
  }
  std::string keys_of(const std::string& target) { return "/targets/" + target + "/keys/"; }
  std::string obtain() {
    const std::string body =
        R"({"username":"owner@acme.test","password":")" + std::string(app::kTestPassword) + "\"}";
    return ask("", "POST", "/auth/obtain/", body).text("token");
  }
  Got token_call(std::string_view name, const std::string& token) {
    return ask("", "POST", "/auth/" + std::string(name) + "/", "{\"token\":\"" + token + "\"}");
  }

  Harness h;
  Face face{h.app, {}};
};

TEST_F(TargetsFaceTest, AKeyIsShownOnceAndNeverAgain) {
  const Got made = ask(h.owner, "POST", "/keys/", R"({"name":"Object name","else":1})");
  EXPECT_EQ(made.status, 201);
  EXPECT_TRUE(made.text("key").starts_with("eyJ"));
  const std::string path = "/keys/" + made.text("id") + "/";
  EXPECT_EQ(ask(h.owner, "GET", path).body,
            "{\"id\":\"" + made.text("id") + "\",\"name\":\"Object name\"}");
  EXPECT_EQ(ask(h.owner, "GET", "/keys/").body.find("eyJ"), std::string::npos);
}

TEST_F(TargetsFaceTest, WithoutItsSlashAnAddressRedirectsAndKeepsItsQuery) {
  const Got got = ask("", "POST", "/targets/x/keys?page=2");
  EXPECT_EQ(got.status, 308);
  EXPECT_NE(got.head.find("Location: /targets/x/keys/?page=2\r\n"), std::string::npos);
}

TEST_F(TargetsFaceTest, AnEmptySegmentIsNotFoundOnceTheCallerIsKnown) {
  EXPECT_EQ(ask("", "GET", "/targets//keys/").status, 401);
  EXPECT_EQ(ask(h.owner, "GET", "/targets//keys/").status, 404);
  EXPECT_EQ(ask(h.owner, "POST", "/targets//keys").status, 404);
}

TEST_F(TargetsFaceTest, AnAccountKeyWorksWithTargetsAndTheirKeysOnly) {
  const std::string key = account_key();
  const std::string target = new_target();
  EXPECT_EQ(ask(key, "GET", "/keys/").status, 403);
  EXPECT_EQ(ask(key, "POST", "/keys/", "{}").status, 403);
  EXPECT_EQ(ask(key, "GET", "/keys/unknown/").status, 403);
  const Got made = ask(key, "POST", keys_of(target));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("name"), "");
  EXPECT_NE(ask(key, "GET", keys_of(target)).body.find("\"count\":1"), std::string::npos);
  const std::string path = keys_of(target) + made.text("id") + "/";
  EXPECT_EQ(ask(key, "GET", path).status, 200);
  EXPECT_EQ(ask(key, "DELETE", path).status, 204);
  EXPECT_EQ(ask(key, "DELETE", path).status, 404);
  EXPECT_EQ(ask(key, "GET", path).status, 404);
  EXPECT_EQ(ask(made.text("key"), "GET", "/targets/").status, 401);
  EXPECT_EQ(ask(key, "PATCH", "/targets/" + target + "/", R"({"name":"new"})").text("name"), "new");
  EXPECT_EQ(ask(key, "DELETE", "/targets/" + target + "/").status, 204);
  EXPECT_EQ(ask(key, "GET", "/targets/" + target + "/").status, 404);
}

TEST_F(TargetsFaceTest, ATargetKeySeesAndChangesItsTargetAndNothingElse) {
  const std::string own = new_target();
  const std::string other = new_target();
  const std::string key = ask(h.owner, "POST", keys_of(own), "{}").text("key");
  EXPECT_NE(ask(key, "GET", "/targets/").body.find("\"count\":1"), std::string::npos);
  EXPECT_EQ(ask(key, "GET", "/targets/" + own + "/").status, 200);
  for (std::string_view method : {"GET", "DELETE"}) {
    EXPECT_EQ(ask(key, method, "/targets/" + other + "/").status, 404) << method;
  }
  EXPECT_EQ(ask(key, "PATCH", "/targets/" + other + "/", R"({"name":"x"})").status, 404);
  EXPECT_EQ(ask(key, "PATCH", "/targets/" + own + "/", R"({"name":"x"})").text("name"), "x");
  EXPECT_EQ(ask(key, "DELETE", "/targets/" + own + "/").status, 403);
  EXPECT_EQ(ask(key, "POST", "/targets/", "{}").status, 403);
  EXPECT_EQ(ask(key, "POST", keys_of(own), "{}").status, 403);
  EXPECT_EQ(ask(key, "POST", keys_of(other), "{}").status, 404);
  EXPECT_EQ(ask(key, "GET", "/keys/").status, 403);
  EXPECT_EQ(ask(h.owner, "DELETE", "/targets/" + own + "/").status, 204);
  EXPECT_EQ(ask(key, "GET", "/targets/").status, 401);
}

TEST_F(TargetsFaceTest, KeysOfOneSortAreNotFoundAmongTheOther) {
  const std::string target = new_target();
  const std::string another = new_target();
  const std::string account = ask(h.owner, "POST", "/keys/", "{}").text("id");
  const std::string of_target = ask(h.owner, "POST", keys_of(target), "{}").text("id");
  const std::string personal =
      h.call("keys.create", h.owner, R"({"kind":"access","name":"mine"})").text("id");
  for (const std::string& id : {of_target, personal}) {
    EXPECT_EQ(ask(h.owner, "GET", "/keys/" + id + "/").status, 404);
    EXPECT_EQ(ask(h.owner, "DELETE", "/keys/" + id + "/").status, 404);
  }
  EXPECT_EQ(ask(h.owner, "GET", keys_of(target) + account + "/").status, 404);
  EXPECT_EQ(ask(h.owner, "DELETE", keys_of(another) + of_target + "/").status, 404);
  EXPECT_EQ(ask(h.owner, "GET", keys_of(target) + of_target + "/").status, 200);
}

TEST_F(TargetsFaceTest, ATokenOfAPersonIsASessionInAnotherForm) {
  const std::string token = obtain();
  ASSERT_TRUE(token.starts_with("eyJ"));
  EXPECT_EQ(ask(token, "GET", "/keys/").status, 200);
  EXPECT_EQ(h.call("sessions.list", h.owner).size("items"), 2u);
  EXPECT_EQ(token_call("verify", token).text("token"), token);
  // Nowhere but in this API.
  EXPECT_EQ(h.call("me.get", token).reason(), "unauthenticated");
  EXPECT_TRUE(h.call("sessions.delete_others", h.owner).ok());
  EXPECT_EQ(ask(token, "GET", "/keys/").status, 401);
  EXPECT_EQ(token_call("verify", token).status, 400);
}

TEST_F(TargetsFaceTest, ARefreshedTokenReplacesTheOldOneAndLivesNoLonger) {
  const std::string old = obtain();
  h.clock.advance(std::chrono::hours(11));
  const std::string fresh = token_call("refresh", old).text("token");
  ASSERT_TRUE(fresh.starts_with("eyJ"));
  EXPECT_NE(fresh, old);
  EXPECT_EQ(ask(old, "GET", "/keys/").status, 401);
  EXPECT_EQ(token_call("refresh", old).status, 400);
  h.clock.advance(std::chrono::hours(11));
  EXPECT_EQ(ask(fresh, "GET", "/keys/").status, 200);
  std::string token = fresh;
  for (int i = 0; i < 14; ++i) {  // 22 + 14 * 11 hours: beyond seven days from the sign-in
    h.clock.advance(std::chrono::hours(11));
    const Got next = token_call("refresh", token);
    if (next.status == 200) token = next.text("token");
  }
  EXPECT_EQ(ask(token, "GET", "/keys/").status, 401);
  EXPECT_EQ(token_call("refresh", token).status, 400);
}

TEST_F(TargetsFaceTest, ARevokedTokenIsDeadAtOnce) {
  const std::string token = obtain();
  EXPECT_EQ(token_call("revoke", token).status, 200);
  EXPECT_EQ(ask(token, "GET", "/keys/").status, 401);
  EXPECT_EQ(token_call("revoke", token).status, 400);
}

TEST_F(TargetsFaceTest, OnlyTokensOfPeopleAreRefreshedAndRevoked) {
  const std::string key = account_key();
  for (std::string_view name : {"verify", "refresh", "revoke"}) {
    EXPECT_EQ(token_call(name, key).status, 400) << name;
    EXPECT_EQ(token_call(name, h.owner).status, 400) << name;
    EXPECT_EQ(token_call(name, "eyJhbGciOiJub25lIn0.e30.").status, 400) << name;
  }
  EXPECT_EQ(ask(key, "GET", "/targets/").status, 200);
}

TEST_F(TargetsFaceTest, WrongSignInsAreThrottled) {
  const std::string wrong = R"({"username":"owner@acme.test","password":"wrong one"})";
  int status = 0;
  for (int i = 0; i < 12 && status != 429; ++i) {
    status = ask("", "POST", "/auth/obtain/", wrong).status;
    EXPECT_TRUE(status == 400 || status == 429) << status;
  }
  EXPECT_EQ(status, 429);
}

TEST_F(TargetsFaceTest, ErrorsAreInTheWordsOfThisApi) {
  EXPECT_EQ(ask("", "GET", "/keys/").body,
            R"({"detail":"Authentication credentials were not provided."})");
  EXPECT_NE(ask("", "GET", "/keys/").head.find("WWW-Authenticate: JWT realm=\"api\"\r\n"),
            std::string::npos);
  EXPECT_EQ(ask("eyJ", "GET", "/keys/").body,
            R"({"detail":"Incorrect authentication credentials."})");
  EXPECT_EQ(ask(h.owner, "GET", "/keys/?page=2").body, R"({"detail":"Invalid page."})");
  EXPECT_EQ(ask(h.owner, "PUT", "/keys/").body, R"({"detail":"Method \"PUT\" not allowed."})");
  EXPECT_EQ(ask(h.owner, "POST", "/targets/", R"({"name":3})").body,
            R"({"name":["Not a valid string."],"url":["This field is required."]})");
  EXPECT_EQ(ask(h.owner, "POST", "/targets/", R"({"name":"n","url":"ftp://x"})").body,
            R"({"url":["Must be a URL that begins with http:// or https://."]})");
}

TEST_F(TargetsFaceTest, WhoGuessesImportedSecretsRestsBeforeTheyAreUsedUpForOthers) {
  const std::string keyspace =
      h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
  const app::Answer imported =
      h.call("keys.import", h.owner,
             R"({"items":[{"kind":"customer","name":"old","algorithm":"bcrypt","prefix":"correct",)"
             R"("hash":"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",)"
             R"("owner":{"type":"external","id":"c1"},"keyspace_id":")" +
                 keyspace + "\"}]}");
  ASSERT_NE(imported.text("items.0.id"), "");
  for (int i = 0; i < app::SlowHashes::kFailuresPerMinuteOfAddress; ++i) {
    EXPECT_EQ(ask("correct-guess-" + std::to_string(i), "GET", "/targets/").status, 401);
  }
  EXPECT_EQ(ask("correct-guess", "GET", "/targets/").status, 503);
  h.clock.advance(std::chrono::minutes{1});
  EXPECT_EQ(ask("correct-guess", "GET", "/targets/").status, 401);
}

}  // namespace
}  // namespace keywright::api_targets
