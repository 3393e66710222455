#include <set>

#include <gtest/gtest.h>

#include "app/authority.h"
#include "app/harness_test.h"
#include "app/perform.h"

namespace keywright::app {
namespace {

class OwnerKeys : public testing::Test {
 protected:
  Caller admitted(const std::string& token) {
    const IpAddress address = *IpAddress::parse("192.0.2.10");
    auto caller = admit(h.directory, {domain::Carrier::bearer, token, false},
                        domain::Audience::targets_api, address, h.clock.now());
    EXPECT_TRUE(caller) << token;
    return *caller;
  }

  std::set<std::string> open_to(const Caller& caller) {
    std::set<std::string> names;
    for (const Operation& operation : all_operations()) {
      if (operation.admits == Admits::anyone) continue;
      if (may_call(operation, caller, h.directory.kinds())) names.emplace(operation.name);
    }
    return names;
  }

  // As a face does it that admits these keys.
  Answer perform_as(const Caller& caller, std::string_view name, const std::string& body,
                    const std::string& id = "", const Harness::Parameters& query = {}) {
    Call call;
    call.operation = find_operation(name);
    call.caller = caller;
    call.now = h.clock.now();
    if (auto open = may_call(*call.operation, caller, h.directory.kinds()); !open) {
      return {fail(open.error()), {}};
    }
    std::vector<json::Parameter> parameters;
    if (!id.empty()) parameters.push_back({"id", id, json::Place::path});
    for (const auto& [field, value] : query) {
      parameters.push_back({field, value, json::Place::query});
    }
    std::promise<Result<std::string>> done;
    start_detached(tell(perform(h.app, call, {parameters, body, {}}), done));
    auto result = done.get_future().get();
    return {std::move(result), std::move(call.reply)};
  }

  static Task<void> tell(Task<Result<std::string>> task, std::promise<Result<std::string>>& done) {
    done.set_value(co_await std::move(task));
  }

  std::string key(const std::string& body) {
    return h.call("keys.create", h.owner, body).text("key");
  }
  std::string target_key_body(const std::string& owner) {
    return R"({"kind":"target","name":"t","owner":{"type":"target","id":")" + owner + "\"}}";
  }

  Harness h;
  const std::string target =
      h.create("targets.create", h.owner, R"({"name":"a","url":"https://a.test"})");
  const std::string other =
      h.create("targets.create", h.owner, R"({"name":"b","url":"https://b.test"})");
  const Caller account = admitted(key(R"({"kind":"account","name":"a"})"));
  const Caller of_target = admitted(key(target_key_body(target)));
};

TEST_F(OwnerKeys, OperationsOpenToThemAreThoseOfTargetsAndTheirKeys) {
  const std::set<std::string> both{"whoami.get", "whoami.revoke", "targets.list", "targets.get"};
  std::set<std::string> of_one = both;
  of_one.insert("targets.update");
  EXPECT_EQ(open_to(of_target), of_one);
  std::set<std::string> expected = of_one;
  expected.insert({"targets.create", "targets.delete"});
  for (const char* name : {"keys.list", "keys.access", "keys.usage", "keys.get", "keys.create",
                           "keys.update", "keys.rotate", "keys.finish_rotation", "keys.revoke",
                           "keys.delete", "keys.disable", "keys.enable", "keys.import"}) {
    expected.insert(name);
  }
  EXPECT_EQ(open_to(account), expected);
}

TEST_F(OwnerKeys, AnAccountKeyMakesKeysOfTargetsAndNoOthers) {
  EXPECT_TRUE(perform_as(account, "keys.create", target_key_body(target)).ok());
  for (const std::string& body :
       {std::string(R"({"kind":"account","name":"x"})"),
        std::string(R"({"kind":"management","name":"x","permissions":["keys:write"]})"),
        R"({"kind":"access","name":"x","owner":{"type":"user","id":")" +
            h.user_id("owner@acme.test") + "\"}}"}) {
    EXPECT_EQ(perform_as(account, "keys.create", body).status(), 403) << body;
  }
}

TEST_F(OwnerKeys, AnAccountKeySeesAndEndsKeysOfTargetsAndChangesNone) {
  const std::string mine =
      h.call("keys.create", h.owner, R"({"kind":"access","name":"m"})").text("id");
  const std::string theirs = h.call("keys.create", h.owner, target_key_body(other)).text("id");
  const std::string itself = account.key.to_string();
  EXPECT_EQ(perform_as(account, "keys.list", "", "", {{"owner", "all"}}).size("items"), 2u);
  EXPECT_EQ(perform_as(account, "keys.list", "", "", {{"kind", "account"}}).status(), 403);
  EXPECT_EQ(perform_as(account, "keys.list", "", "", {{"owner", other}}).size("items"), 1u);
  for (const std::string& id : {mine, itself}) {
    EXPECT_EQ(perform_as(account, "keys.get", "", id).status(), 404);
    EXPECT_EQ(perform_as(account, "keys.delete", "", id).status(), 404);
  }
  EXPECT_EQ(perform_as(account, "keys.update", R"({"name":"x"})", theirs).status(), 403);
  EXPECT_EQ(perform_as(account, "keys.rotate", "{}", theirs).status(), 403);
  EXPECT_TRUE(perform_as(account, "keys.get", "", theirs).ok());
  EXPECT_TRUE(perform_as(account, "keys.delete", "", theirs).ok());
}

TEST_F(OwnerKeys, ATargetKeyIsConfinedToItsTarget) {
  EXPECT_EQ(perform_as(of_target, "targets.list", "").size("items"), 1u);
  EXPECT_EQ(perform_as(of_target, "targets.list", "").text("items.0.id"), target);
  EXPECT_TRUE(perform_as(of_target, "targets.get", "", target).ok());
  EXPECT_EQ(perform_as(of_target, "targets.get", "", other).status(), 404);
  EXPECT_EQ(perform_as(of_target, "keys.list", "").status(), 403);
}

TEST_F(OwnerKeys, AnotherOrganizationDoesNotExistForThem) {
  const std::string elsewhere = h.create("organizations.create", h.owner, R"({"name":"Else"})");
  const std::string foreign =
      h.call("targets.create", h.owner,
             R"({"name":"c","url":"https://c.test","organization_id":")" + elsewhere + "\"}")
          .text("id");
  EXPECT_EQ(perform_as(account, "targets.get", "", foreign).status(), 404);
  EXPECT_EQ(perform_as(account, "targets.list", "").size("items"), 2u);
  EXPECT_EQ(perform_as(account, "targets.list", "", "", {{"organization_id", elsewhere}}).status(),
            404);
  EXPECT_EQ(perform_as(account, "keys.create", target_key_body(foreign)).status(), 400);
}

TEST_F(OwnerKeys, ARevokedOneChangesNothingAnyMore) {
  h.call("keys.revoke", h.owner, "{}", {{"id", account.key.to_string()}});
  const std::string body = R"({"name":"x","url":"https://x.test"})";
  EXPECT_EQ(perform_as(account, "targets.create", body).status(), 401);
}

}  // namespace
}  // namespace keywright::app
