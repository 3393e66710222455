#include "app/call_audit.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

AuditedCall example() {
  return {.action = "mcp.call",
          .object = {"mcp_server", "", "keywright"},
          .method = "tools/call",
          .tool = "whoami",
          .outcome = "success",
          .request_id = "req_1",
          .duration = std::chrono::milliseconds(3)};
}

// The writer has taken everything that was posted before.
void wait_for_writer(Harness& h) {
  ASSERT_TRUE(h.change([](Change&) -> Result<void> { return {}; }).has_value());
}

TEST(CallAudit, EveryCallBecomesOneEvent) {
  Harness h;
  CallAudit audit(h.committer);
  const std::size_t before = h.events().size();
  for (int i = 0; i < 100; ++i) audit.record(call_event({}, example()));
  wait_for_writer(h);
  const auto events = h.events();
  ASSERT_EQ(events.size(), before + 100);
  EXPECT_EQ(events.back().action, "mcp.call");
  EXPECT_EQ(events.back().details.view(),
            R"({"method":"tools/call","tool":"whoami","duration_ms":3})");
  EXPECT_EQ(audit.dropped(), 0);
}

TEST(CallAudit, TheChainHoldsOverEventsOfOneTransaction) {
  Harness h;
  CallAudit audit(h.committer);
  {
    HeldWriter held(h.committer);
    for (int i = 0; i < 10; ++i) audit.record(call_event({}, example()));
  }
  wait_for_writer(h);
  const auto verified = h.store.verify_audit();
  ASSERT_TRUE(verified);
  EXPECT_TRUE(verified->intact);
}

TEST(CallAudit, AWriterThatFallsBehindCostsEventsNotMemory) {
  Harness h;
  CallAudit audit(h.committer);
  HeldWriter held(h.committer);
  for (std::size_t i = 0; i < CallAudit::kWaitingMax + 5; ++i) audit.record({});
  EXPECT_EQ(audit.dropped(), 5);
}

TEST(CallAudit, ARefusedKeyIsNamedByItsRecord) {
  Harness h;
  const auto made = h.call("keys.create", h.owner,
                           R"({"kind":"mcp","name":"m","expires_at":"2099-01-01T00:00:00Z"})");
  const Caller caller =
      refused_caller(h.directory, made.text("key"), *IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(caller.key.to_string(), made.text("id"));
  EXPECT_EQ(caller.organization, h.organization);
  EXPECT_EQ(caller.user.to_string(), h.user_id("owner@acme.test"));
  EXPECT_EQ(refused_caller(h.directory, "kwm_unknown", {}).type, CallerType::anonymous);
}

}  // namespace
}  // namespace keywright::app
