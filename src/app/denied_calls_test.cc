#include "app/denied_calls.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

class DeniedCallsTest : public testing::Test {
 protected:
  Call call_of(std::string_view operation, const std::string& token) {
    Call call;
    call.operation = find_operation(operation);
    call.now = h.clock.now();
    call.request_id = "request-1";
    EXPECT_TRUE(h.admit_to(call, token, "192.0.2.10"));
    return call;
  }

  std::vector<domain::AuditEvent> denied_events() {
    EXPECT_TRUE(h.change([](Change&) -> Result<void> { return {}; }));  // the writer came by
    std::vector<domain::AuditEvent> found;
    for (domain::AuditEvent& event : h.events()) {
      if (event.outcome == "denied") found.push_back(std::move(event));
    }
    return found;
  }

  const Error refused{Code::permission_denied, "forbidden", "No."};
  Harness h;
  DeniedCalls denied{h.directory, h.committer};
  const std::string viewer = h.sign_up("vi@acme.test", "viewer");
};

TEST_F(DeniedCallsTest, ARefusedChangeIsWrittenDownUnderWhoeverTriedIt) {
  denied.note(call_of("targets.create", viewer), refused);
  const auto events = denied_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action, "targets.create");
  EXPECT_EQ(events[0].reason, "forbidden");
  EXPECT_EQ(events[0].actor.id, h.user_id("vi@acme.test"));
  EXPECT_EQ(events[0].organization_id, h.organization);
  EXPECT_EQ(events[0].request_id, "request-1");
}

TEST_F(DeniedCallsTest, TheSameAttemptIsWrittenOnceAMinute) {
  for (int i = 0; i < 5; ++i) denied.note(call_of("targets.create", viewer), refused);
  EXPECT_EQ(denied_events().size(), 1u);
  denied.note(call_of("projects.create", viewer), refused);
  EXPECT_EQ(denied_events().size(), 2u);
  h.clock.advance(std::chrono::minutes(1));
  denied.note(call_of("targets.create", viewer), refused);
  EXPECT_EQ(denied_events().size(), 3u);
}

TEST_F(DeniedCallsTest, ReadsAndOtherErrorsAreNotAttempts) {
  denied.note(call_of("users.list", viewer), refused);
  denied.note(call_of("targets.create", viewer), Error(Code::not_found, "not_found", "No."));
  denied.note(call_of("targets.create", viewer), Error(Code::unauthenticated, "x", "No."));
  EXPECT_TRUE(denied_events().empty());
}

TEST_F(DeniedCallsTest, ThereIsAnEndToWhatIsRemembered) {
  Call call = call_of("targets.create", viewer);
  for (std::size_t i = 0; i < DeniedCalls::kRememberedMax + 10; ++i) {
    call.caller.user = domain::UserId{h.ids.next()};
    denied.note(call, refused);
  }
  EXPECT_EQ(denied_events().size(), DeniedCalls::kRememberedMax);
}

TEST_F(DeniedCallsTest, NothingIsWrittenIntoTheLogOfAStranger) {
  const std::string elsewhere = h.create("organizations.create", h.owner, R"({"name":"Else"})");
  Call call = call_of("targets.create", viewer);
  call.organization_id = domain::OrganizationId::parse(elsewhere).value();
  denied.note(call, refused);
  ASSERT_EQ(denied_events().size(), 1u);
  EXPECT_EQ(denied_events()[0].organization_id, h.organization);
}

}  // namespace
}  // namespace keywright::app
