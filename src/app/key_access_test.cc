// What a key is said to reach: as checks would decide at this moment.
#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

class KeyAccessTest : public testing::Test {
 protected:
  std::string server(const std::string& slug) {
    return h.create("mcp_servers.create", h.owner,
                    R"({"name":")" + slug + R"(","url":"https://mcp.example.com/)" + slug + "\"}");
  }
  Answer access(const std::string& key) {
    return h.call("keys.access", h.owner, "", {{"id", key}});
  }
  std::string connect_key(const std::string& scope) {
    return h.create("keys.create", h.owner,
                    R"({"kind":"connect","name":"c","scope":)" + scope + "}");
  }

  Harness h;
};

TEST_F(KeyAccessTest, AListedServerThatIsNoLongerReachedIsMarked) {
  const std::string on = server("on");
  const std::string off = server("off");
  const std::string key = connect_key(R"({"ids":[")" + on + R"(",")" + off + R"("]})");
  h.call("mcp_servers.update", h.owner, R"({"enabled":false})", {{"id", off}});
  const Answer answer = access(key);
  EXPECT_EQ(answer.text("code"), "VALID");
  EXPECT_EQ(answer.text("resource_type"), "mcp_server");
  EXPECT_EQ(answer.text("all"), "false");
  ASSERT_EQ(answer.size("items"), 2u);
  EXPECT_EQ(answer.text("items.0.reachable"), "true");
  EXPECT_EQ(answer.text("items.1.reachable"), "false");
  EXPECT_EQ(answer.text("items.1.code"), "OUT_OF_SCOPE");
  EXPECT_EQ(answer.text("items.1.name"), "off");
  h.call("mcp_servers.delete", h.owner, "", {{"id", off}});
  EXPECT_EQ(access(key).text("items.1.name"), "");
}

TEST_F(KeyAccessTest, AnOpenScopeShowsWhatIsReachedNow) {
  const std::string key = connect_key(R"({"all":true})");
  EXPECT_EQ(access(key).size("items"), 0u);
  server("first");
  const Answer answer = access(key);
  EXPECT_EQ(answer.text("all"), "true");
  EXPECT_EQ(answer.size("items"), 1u);
}

TEST_F(KeyAccessTest, AKeyWithoutScopeShowsItsOwnersRoles) {
  const std::string key = h.create("keys.create", h.owner, R"({"kind":"access","name":"a"})");
  const Answer answer = access(key);
  EXPECT_EQ(answer.text("resource_type"), "null");
  EXPECT_EQ(answer.text("organizations.0.role"), "owner");
  h.call("keys.revoke", h.owner, "{}", {{"id", key}});
  EXPECT_EQ(access(key).text("code"), "REVOKED");
}

TEST_F(KeyAccessTest, SomeoneElsesKeyIsNotFound) {
  const std::string ann = h.sign_up("ann@acme.test", "viewer");
  const std::string key = h.create("keys.create", h.owner, R"({"kind":"access","name":"a"})");
  EXPECT_EQ(h.call("keys.access", ann, "", {{"id", key}}).status(), 404);
}

}  // namespace
}  // namespace keywright::app
