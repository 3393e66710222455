#include "api/rest/face.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"
#include "http/asked_test.h"
#include "json/document.h"

namespace keywright::rest {
namespace {

using app::Harness;
using http::Asked;

class FaceTest : public testing::Test {
 protected:
  std::string key_of(std::string_view session) {
    return h.call("keys.create", session, R"({"kind":"access","name":"face"})").text("key");
  }
  static std::string bearer(std::string_view token) { return "Bearer " + std::string(token); }

  Harness h;
  Face face{h.app, {}};
};

TEST_F(FaceTest, EveryOperationHasItsPathParametersInItsPath) {
  for (const app::Operation& operation : app::all_operations()) {
    for (const json::Field& field : operation.input->fields) {
      if (field.place != json::Place::path) continue;
      const std::string parameter = "{" + std::string(field.name) + "}";
      EXPECT_NE(operation.path.find(parameter), std::string_view::npos)
          << operation.name << " " << parameter;
    }
    EXPECT_TRUE(operation.look != nullptr || operation.run != nullptr) << operation.name;
  }
}

TEST_F(FaceTest, TheDocumentIsJsonWithEveryOperation) {
  const auto document = json::Document::parse(face.openapi());
  ASSERT_TRUE(document) << document.error().detail();
  const auto paths = document->root().find("paths");
  ASSERT_TRUE(paths);
  std::size_t operations = 0;
  for (const json::Member path : paths->members()) operations += path.value.size();
  EXPECT_EQ(operations, app::all_operations().size());
}

TEST_F(FaceTest, WhatAnswersFromMemoryNeedsNoTask) {
  const std::string authorization = bearer(h.owner);
  Asked asked(face, "GET", "/api/v1/me", {{"Authorization", authorization}});
  EXPECT_EQ(asked.status(), 200);
  EXPECT_EQ(asked.wait().content_type(), "application/json");
}

TEST_F(FaceTest, AChangeIsMadeAndLocated) {
  const std::string authorization = bearer(h.owner);
  Asked asked(face, "POST", "/api/v1/projects", {{"Authorization", authorization}},
              R"({"name":"made"})");
  const http::Response& response = asked.wait();
  EXPECT_EQ(response.status, 201) << response.body;
  EXPECT_NE(response.header_block().find("Location: /api/v1/projects/"), std::string_view::npos);
}

TEST_F(FaceTest, ASessionEndedMeanwhileGetsNoSecret) {
  const std::string session = h.sign_in("owner@acme.test");
  const std::string authorization = bearer(session);
  std::optional<app::HeldWriter> held(h.committer);
  Asked asked(face, "POST", "/api/v1/keys", {{"Authorization", authorization}},
              R"({"kind":"access","name":"late"})");
  app::StartedCall ended = h.start("sessions.delete_others", h.owner);
  held.reset();
  ASSERT_TRUE(ended.get().ok());
  const http::Response& response = asked.wait();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.body.find("kwa_"), std::string::npos);
  EXPECT_EQ(h.call("keys.list", h.owner).text("items.0.name"), "late");  // it had happened
}

TEST_F(FaceTest, AChangeThatHappenedIsToldEvenIfItEndedItsOwnCredential) {
  const std::string key = key_of(h.owner);
  const std::string authorization = bearer(key);
  Asked asked(face, "POST", "/api/v1/whoami/revoke", {{"Authorization", authorization}});
  EXPECT_EQ(asked.status() / 100, 2);
  Asked again(face, "GET", "/api/v1/whoami", {{"Authorization", authorization}});
  EXPECT_EQ(again.status(), 401);
}

TEST_F(FaceTest, ARevokedKeyIsRefusedOnTheNextRequest) {
  const app::Answer made = h.call("keys.create", h.owner, R"({"kind":"access","name":"k"})");
  const std::string authorization = bearer(made.text("key"));
  Asked before(face, "GET", "/api/v1/projects", {{"Authorization", authorization}});
  EXPECT_EQ(before.status(), 200);
  ASSERT_TRUE(h.call("keys.revoke", h.owner, "", {{"id", made.text("id")}}).ok());
  Asked after(face, "GET", "/api/v1/projects", {{"Authorization", authorization}});
  EXPECT_EQ(after.status(), 401);
}

TEST_F(FaceTest, WhoIsNotAdmittedIsToldNothingElse) {
  Asked asked(face, "POST", "/api/v1/projects", {{"Content-Type", "text/plain"}}, "x");
  EXPECT_EQ(asked.status(), 401);
}

TEST_F(FaceTest, MetricsComeFromEverySource) {
  Face with_source(h.app, {.trusted_proxies = {},
                           .is_ready = [] { return false; },
                           .metrics = {[](MetricsText& text) { text.gauge("own", "Own.", 1); }}});
  Asked metrics(with_source, "GET", "/metrics");
  EXPECT_NE(metrics.wait().body.find("own 1\n"), std::string::npos);
  Asked ready(with_source, "GET", "/readyz");
  EXPECT_EQ(ready.status(), 503);
}

}  // namespace
}  // namespace keywright::rest
