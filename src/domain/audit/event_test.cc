#include "domain/audit/event.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace keywright::domain {
namespace {

AuditEvent example() {
  AuditEvent event;
  event.id = *Uuid::parse("019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8");
  event.organization_id = *OrganizationId::parse("019a3f5c-0000-7000-8000-000000000001");
  event.time = *parse_rfc3339("2026-11-20T22:33:51.123Z");
  event.actor = {"user", "019a3f5c-0000-7000-8000-000000000002", ""};
  event.action = "key.revoke";
  event.object = {"key", "AbCdEfGhIjKl", "Ka\u00efs ci"};
  event.outcome = "success";
  event.reason = "leaked";
  event.request_id = "req-1";
  event.address = "192.0.2.7";
  event.details = json::Raw::trusted(R"({"before":{"state":"active"}})");
  return event;
}

TEST(AuditEvent, CanonicalFormStaysAsItWasFirstWritten) {
  EXPECT_EQ(canonical_form(example()),
            "keywright-audit-1\n"
            "36:019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8\n"
            "36:019a3f5c-0000-7000-8000-000000000001\n"
            "24:2026-11-20T22:33:51.123Z\n"
            "4:user\n"
            "36:019a3f5c-0000-7000-8000-000000000002\n"
            "0:\n"
            "10:key.revoke\n"
            "3:key\n"
            "12:AbCdEfGhIjKl\n"
            "8:Ka\u00efs ci\n"
            "7:success\n"
            "6:leaked\n"
            "5:req-1\n"
            "9:192.0.2.7\n"
            "29:{\"before\":{\"state\":\"active\"}}\n");
}

// Computed by another program from the form above.
TEST(AuditEvent, ChainHashesStayAsTheyWereFirstWritten) {
  crypto::Sha256 first = chain_hash(crypto::Sha256{}, example());
  EXPECT_EQ(encode_hex(first), "504d3fd1bdfaa2cd9f5615e5328568835cf6413d4d6470ff7dc5b9342fa3ce42");
  crypto::Sha256 second = chain_hash(first, AuditEvent{});
  EXPECT_EQ(encode_hex(second), "2e540fbf254a078137defaaef87812ee55a564cd9df8433108eda07510ad74e4");
}

TEST(AuditEvent, AChangeToAnyFieldChangesTheHash) {
  const crypto::Sha256 before = chain_hash(crypto::Sha256{}, example());
  void (*changes[])(AuditEvent&) = {
      [](AuditEvent& e) { e.id.bytes[15] ^= 1; },
      [](AuditEvent& e) { e.organization_id.value.bytes[15] ^= 1; },
      [](AuditEvent& e) { e.time += std::chrono::milliseconds(1); },
      [](AuditEvent& e) { e.actor.type = "key"; },
      [](AuditEvent& e) { e.actor.id.clear(); },
      [](AuditEvent& e) { e.actor.key_id = "x"; },
      [](AuditEvent& e) { e.action = "key.disable"; },
      [](AuditEvent& e) { e.object.type = "user"; },
      [](AuditEvent& e) { e.object.id = "x"; },
      [](AuditEvent& e) { e.object.name = "x"; },
      [](AuditEvent& e) { e.outcome = "denied"; },
      [](AuditEvent& e) { e.reason = ""; },
      [](AuditEvent& e) { e.request_id = ""; },
      [](AuditEvent& e) { e.address = "192.0.2.8"; },
      [](AuditEvent& e) { e.details = json::Raw{}; },
  };
  for (auto change : changes) {
    AuditEvent event = example();
    change(event);
    EXPECT_NE(chain_hash(crypto::Sha256{}, event), before);
  }
  EXPECT_NE(chain_hash(before, example()), before) << "the place in the chain counts too";
}

TEST(AuditEvent, TextCannotMoveFromOneFieldToTheNext) {
  AuditEvent left = example();
  left.outcome = "success\n6:leaked";
  left.reason = "";
  AuditEvent right = example();
  EXPECT_NE(canonical_form(left), canonical_form(right));
}

}  // namespace
}  // namespace keywright::domain
