#include "app/verification.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

class VerificationText : public testing::Test {
 protected:
  // The answer written from the decision, which must be what encoding the value gives.
  std::string text_for(std::string_view token, domain::Ask ask) {
    std::string last;
    for (const bool explain : {false, true}) {
      ask.explain = explain;
      ask.spend = false;
      const Time now = h.clock.now();
      const domain::Decision decision = decide(token, ask, h.directory, now);
      std::string written;
      write_verification(written, h.directory, decision, explain, now);
      EXPECT_EQ(written, json::encode(verification_of(h.directory, decision, explain, now)));
      last = written;
    }
    return last;
  }

  std::string create(std::string_view body) {
    const Answer made = h.call("keys.create", h.owner, body);
    EXPECT_TRUE(made.ok()) << made.error().detail();
    id = made.text("id");
    return made.text("key");
  }

  Harness h;
  std::string id;
};

TEST_F(VerificationText, IsTheEncodedValueForAKeyWithEverything) {
  const std::string keyspace =
      h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
  const std::string token =
      create(R"({"kind":"customer","name":"\"quoted\" \u00e9\\","keyspace_id":")" + keyspace +
             R"(","owner":{"type":"external","id":"c\\1"},"permissions":["a.b.*","x"],
          "limits":[{"name":"m\"","limit":5,"window_seconds":60},
                    {"name":"d","limit":9,"window_seconds":86400,"algorithm":"fixed"}],
          "credits":{"remaining":7},"metadata":{"plan":"pro","n":[1,null]},
          "expires_at":"2030-01-01T00:00:00Z","scope":{"resource_type":"report","ids":["r1"]}})");
  domain::Ask ask;
  EXPECT_NE(text_for(token, ask).find("\"code\":\"VALID\""), std::string::npos);
  ask.resource = domain::ResourceRef{domain::ResourceType::external, "report", "r1"};
  EXPECT_NE(text_for(token, ask).find("\"resource\":{\"type\":\"report\""), std::string::npos);
  const std::vector<std::string> wanted = {"a.c", "y"};
  ask.permissions = wanted;
  ask.audience = domain::Audience::mcp;
  EXPECT_NE(text_for(token, ask).find("\"code\":\"WRONG_AUDIENCE\""), std::string::npos);
}

TEST_F(VerificationText, TellsTheIdOfAResourceThatWasNamedByItsSlug) {
  const std::string server =
      h.create("mcp_servers.create", h.owner,
               R"({"name":"m","slug":"files","url":"https://m.example/mcp"})");
  const std::string token = create(R"({"kind":"connect","name":"c","scope":{"all":true}})");
  domain::Ask ask;
  ask.resource = domain::ResourceRef{domain::ResourceType::mcp_server, "mcp_server", "files"};
  EXPECT_NE(text_for(token, ask).find("\"id\":\"" + server + "\",\"name\":\"m\""),
            std::string::npos);
}

TEST_F(VerificationText, IsTheEncodedValueForOwnersOfEveryType) {
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  const std::string target =
      h.create("targets.create", h.owner, R"({"name":"t","url":"https://t.example"})");
  const auto owned_by = [](std::string_view kind, std::string_view type, const std::string& owner) {
    return "{\"kind\":\"" + std::string(kind) + "\",\"name\":\"n\",\"owner\":{\"type\":\"" +
           std::string(type) + "\",\"id\":\"" + owner + "\"}}";
  };
  const std::string of_user = create(R"({"kind":"access","name":"mine"})");
  const std::string of_project = create(owned_by("ingest", "project", project));
  const std::string of_target = create(owned_by("target", "target", target));
  const std::string of_organization = create(R"({"kind":"account","name":"a"})");
  for (const std::string& token : {of_user, of_project, of_target, of_organization}) {
    EXPECT_NE(text_for(token, {}).find("\"code\":\"VALID\""), std::string::npos);
  }
  ASSERT_TRUE(h.call("targets.delete", h.owner, "", {{"id", target}}).ok());
  EXPECT_NE(text_for(of_target, {}).find("\"code\":\"OWNER_INACTIVE\""), std::string::npos);
}

TEST_F(VerificationText, IsTheEncodedValueWhereThereIsNoKey) {
  EXPECT_NE(text_for("nonsense", {}).find("\"code\":\"MALFORMED\""), std::string::npos);
  EXPECT_NE(text_for("", {}).find("\"key_id\":null"), std::string::npos);
}

}  // namespace
}  // namespace keywright::app
