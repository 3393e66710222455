// app/key_fixture_test.h - keys through the operations, asked by people of every role.
//
//   TEST_F(KeyOperations, ...) {
//     const Answer made = make(ann, "access");
//     EXPECT_EQ(on("keys.revoke", bob, made.text("id")).status(), 404);
//   }
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {

class KeyOperations : public testing::Test {
 protected:
  // A key made by `caller`; `more` continues the object: ,"owner":{...}
  Answer make(std::string_view caller, std::string_view kind, std::string_view more = "",
              const Harness::Options& options = {}) {
    return h.call(
        "keys.create", caller,
        "{\"kind\":\"" + std::string(kind) + "\",\"name\":\"test\"" + std::string(more) + "}", {},
        options);
  }
  static std::string owner_is(std::string_view type, std::string_view id) {
    return ",\"owner\":{\"type\":\"" + std::string(type) + "\",\"id\":\"" + std::string(id) + "\"}";
  }
  std::string management(std::string_view permissions) {
    return make(h.owner, "management", ",\"permissions\":[" + std::string(permissions) + "]")
        .text("key");
  }
  std::string service_account(std::string_view role) {
    return h.create(
        "users.create", h.owner,
        "{\"service_account\":true,\"name\":\"bot\",\"role\":\"" + std::string(role) + "\"}");
  }
  Answer on(std::string_view operation, std::string_view caller, const std::string& id,
            std::string_view body = "", const Harness::Options& options = {}) {
    return h.call(operation, caller, body, {{"id", id}}, options);
  }
  std::string later(std::chrono::seconds by) { return format_rfc3339(h.clock.now() + by); }
  std::string expires_in(std::chrono::seconds by) {
    return ",\"expires_at\":\"" + later(by) + "\"";
  }
  // The problems of a 400, as "field" or "field: message".
  static std::vector<std::string> fields_of(const Answer& answer) {
    std::vector<std::string> fields;
    if (answer.ok()) return {"accepted"};
    for (const FieldProblem& problem : answer.error().problems()) fields.push_back(problem.field);
    return fields;
  }
  using Fields = std::vector<std::string>;

  Harness h;
  std::string admin = h.sign_up("admin@acme.test", "admin");
  std::string ann = h.sign_up("ann@acme.test", "member");
  std::string bob = h.sign_up("bob@acme.test", "member");
  std::string viewer = h.sign_up("viewer@acme.test", "viewer");
  std::string auditor = h.sign_up("auditor@acme.test", "auditor");
};

}  // namespace keywright::app
