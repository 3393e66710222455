// What lets less in than before is a removal of access: it is stored on a full disk, is journalled,
// and is written again after a fail-over.
#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

class Narrowing : public testing::Test {
 protected:
  Answer update(std::string_view operation, const Harness::Parameters& parameters,
                std::string_view body) {
    return h.call(operation, h.owner, body, parameters);
  }
  // On a disk that takes removals only.
  void expect_removals(std::string_view operation, const Harness::Parameters& parameters,
                       const std::vector<std::string>& bodies) {
    h.store.set_disk_full(true);
    EXPECT_EQ(update(operation, parameters, R"({"name":"other"})").status(), 507) << operation;
    for (const std::string& body : bodies) {
      EXPECT_EQ(update(operation, parameters, body).status(), 200) << operation << " " << body;
    }
    h.store.set_disk_full(false);
  }

  Harness h;
};

TEST_F(Narrowing, OfAServiceTakesAccessAway) {
  const std::string id = h.create(
      "services.create", h.owner,
      R"({"name":"s","slug":"deploy","upstream_url":"https://a.test","headers":{"X-A":"b"}})");
  expect_removals(
      "services.update", {{"id", id}},
      {R"({"required_permission":"deploy"})", R"({"audiences":["verify"]})",
       R"({"slug":"deployments"})", R"({"upstream_url":"https://b.test"})", R"({"headers":null})"});
}

TEST_F(Narrowing, OfAnMcpServerTakesAccessAway) {
  const std::string id = h.create("mcp_servers.create", h.owner,
                                  R"({"name":"m","url":"https://m.test","headers":{"X-A":"b"}})");
  expect_removals("mcp_servers.update", {{"id", id}},
                  {R"({"slug":"tools"})", R"({"url":"https://n.test"})", R"({"headers":null})",
                   R"({"enabled":false})"});
}

TEST_F(Narrowing, OfAPlatformTakesAccessAway) {
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  const std::string id =
      h.create("platforms.create", h.owner, R"({"name":"n","type":"n8n","external_id":"1"})",
               {{"project_id", project}});
  expect_removals("platforms.update", {{"project_id", project}, {"id", id}},
                  {R"({"external_id":"2"})", R"({"service_name":"s"})", R"({"type":"http_api"})"});
}

TEST_F(Narrowing, AnotherLinkForTheSamePersonEndsTheEarlierOne) {
  h.sign_up("ann@acme.test", "member");
  const auto make_link = [&] {
    return h.call("users.reset_link", h.owner, "", {{"id", h.user_id("ann@acme.test")}}).status();
  };
  EXPECT_EQ(make_link(), 200);
  h.store.set_disk_full(true);
  EXPECT_EQ(make_link(), 200);
}

}  // namespace
}  // namespace keywright::app
