// The audit log: events come back as they were, lists, and the chain.
#include "store/conformance/conformance.h"

namespace keywright::store {
namespace {

using domain::AuditEvent;
using Actions = std::vector<std::string>;

Actions actions(const std::vector<AuditEvent>& events) {
  Actions all;
  for (const AuditEvent& event : events) all.push_back(event.action);
  return all;
}

TEST_P(StoreConformance, EveryFieldOfAnEventComesBack) {
  AuditEvent full = samples.event("key.update");
  full.actor = {"key", "user-1", "abcdefghijkl"};
  full.object = {"key", "abcdefghijkl", "Zoë \"x\" 🔑"};
  full.outcome = "denied";
  full.reason = std::string("a\0b", 3);
  full.request_id = "req";
  full.address = "2001:db8::1";
  full.details = *json::Raw::parse(R"({"before":{"name":null},"after":{"name":"x"}})");
  AuditEvent bare;
  bare.id = samples.id();
  bare.time = full.time + std::chrono::milliseconds(1);
  put(full);
  put(bare);
  const auto listed = store().list_audit({}, {})->items;
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(canonical_form(listed[0]), canonical_form(bare));
  EXPECT_EQ(canonical_form(listed[1]), canonical_form(full));
  EXPECT_TRUE(listed[0].details.is_null());
}

TEST_P(StoreConformance, EventsAreFilteredByEachField) {
  AuditEvent created = samples.event("key.create");
  created.object = {"key", "abcdefghijkl", "name"};
  clock().advance(std::chrono::seconds(1));
  AuditEvent called = samples.event("mcp.call");
  called.actor = {"key", "user-2", "abcdefghijkl"};
  called.object = {"mcp_server", "server-1", "s"};
  called.request_id = "req-7";
  clock().advance(std::chrono::seconds(1));
  AuditEvent revoked = samples.event("key.revoke");
  revoked.actor.key_id = "abcdefghijkl";  // both actor and object
  revoked.object = {"key", "abcdefghijkl", "name"};
  clock().advance(std::chrono::seconds(1));
  AuditEvent elsewhere = samples.event("key.create");
  elsewhere.organization_id = {samples.other_organization};
  elsewhere.object = {"key", "zzzzzzzzzzzz", "name"};
  elsewhere.request_id = "req-7";
  AuditEvent similar = samples.event("keyspace.create");
  for (const AuditEvent& event : {created, called, revoked, elsewhere, similar}) put(event);

  auto list = [&](const AuditFilter& filter) {
    return actions(store().list_audit(filter, {})->items);
  };
  const Actions everything{"keyspace.create", "key.create", "key.revoke", "mcp.call", "key.create"};
  EXPECT_EQ(list({}), everything);
  AuditFilter filter;
  filter.organization = samples.organization;
  EXPECT_EQ(list(filter), (Actions{"keyspace.create", "key.revoke", "mcp.call", "key.create"}));
  filter.action = "key.create";
  EXPECT_EQ(list(filter), (Actions{"key.create"}));
  filter.action = "key.*";
  EXPECT_EQ(list(filter), (Actions{"key.revoke", "key.create"}));

  filter = {};
  filter.action = "key.create";
  EXPECT_EQ(list(filter), (Actions{"key.create", "key.create"}));
  filter.action = "key";
  EXPECT_EQ(list(filter), (Actions{}));
  filter = {};
  filter.key_id = "abcdefghijkl";
  EXPECT_EQ(list(filter), (Actions{"key.revoke", "mcp.call", "key.create"}));
  filter.action = "key.*";
  EXPECT_EQ(list(filter), (Actions{"key.revoke", "key.create"}));
  filter = {};
  filter.actor = "user-2";
  EXPECT_EQ(list(filter), (Actions{"mcp.call"}));
  filter.organization = samples.other_organization;
  EXPECT_EQ(list(filter), (Actions{}));
  filter = {};
  filter.object_id = "abcdefghijkl";
  EXPECT_EQ(list(filter), (Actions{"key.revoke", "key.create"}));
  filter = {};
  filter.request_id = "req-7";
  EXPECT_EQ(list(filter), (Actions{"key.create", "mcp.call"}));
  filter.organization = samples.organization;
  EXPECT_EQ(list(filter), (Actions{"mcp.call"}));
  filter.request_id = "req-";
  EXPECT_EQ(list(filter), (Actions{}));
  filter = {};
  filter.from = called.time;
  EXPECT_EQ(list(filter), (Actions{"keyspace.create", "key.create", "key.revoke", "mcp.call"}));
  filter.to = revoked.time;
  EXPECT_EQ(list(filter), (Actions{"mcp.call"}));
  filter.key_id = "abcdefghijkl";
  EXPECT_EQ(list(filter), (Actions{"mcp.call"}));
}

TEST_P(StoreConformance, PagesOfEventsStayWhereTheyAreWhileOthersCome) {
  for (int i = 0; i < 7; ++i) {
    AuditEvent event = samples.event("n." + std::to_string(i));
    event.actor.key_id = i % 2 == 0 ? "abcdefghijkl" : "";
    event.object.id = i % 2 == 0 ? "" : "abcdefghijkl";
    put(event);
    if (i == 3) clock().advance(std::chrono::seconds(1));  // 0-3 and 4-6 share a time
  }
  AuditFilter filter;
  for (const char* key_id : {"", "abcdefghijkl"}) {
    filter.key_id = key_id;
    Actions all;
    Page page{.limit = 2};
    do {
      auto listed = store().list_audit(filter, page);
      ASSERT_TRUE(listed.has_value());
      ASSERT_LE(listed->items.size(), 2u);
      for (auto& action : actions(listed->items)) all.push_back(action);
      page.after = listed->next;
      clock().advance(std::chrono::seconds(1));
      put(samples.event("new.event"));
    } while (!page.after.empty());
    std::erase(all, "new.event");  // stored while the first list was read
    EXPECT_EQ(all, (Actions{"n.6", "n.5", "n.4", "n.3", "n.2", "n.1", "n.0"}));
  }
}

TEST_P(StoreConformance, EventsOfAnEarlierClockAreListedInOrderOfTime) {
  put(samples.event("first.written"));
  clock().set_wall_clock(clock().now() - std::chrono::hours(1));
  put(samples.event("second.written"));
  EXPECT_EQ(actions(store().list_audit({}, {})->items),
            (Actions{"first.written", "second.written"}));
  EXPECT_TRUE(store().verify_audit()->intact);
}

TEST_P(StoreConformance, TheChainIsThatOfTheDomain) {
  crypto::Sha256 head{};
  std::vector<Transaction> group(20);
  for (auto& transaction : group) {
    for (int i = 0; i < 3; ++i) {
      transaction.events.push_back(samples.event("test.done"));
      head = chain_hash(head, transaction.events.back());
    }
  }
  for (const auto& result : store().commit(group)) ASSERT_TRUE(result.has_value());
  const auto found = store().verify_audit();
  EXPECT_TRUE(found->intact) << found->problem;
  EXPECT_EQ(found->events, 60u);
  EXPECT_EQ(found->head, head);
  EXPECT_EQ(found->written, 60u);
  EXPECT_TRUE(found->complete);
  EXPECT_EQ(found->problem, "");
}

TEST_P(StoreConformance, AnAlteredEventIsNamed) {
  for (int i = 0; i < 1200; ++i) put(samples.event("test.done"));
  ASSERT_TRUE(store().verify_audit()->intact);
  engine().tamper_with_event(1100);
  const auto found = store().verify_audit();
  EXPECT_FALSE(found->intact);
  EXPECT_EQ(found->events, 1099u);
  EXPECT_NE(found->problem.find("event 1100 "), std::string::npos) << found->problem;
}

// Transactions of one event and of many: a store may keep the latter together.
TEST_P(StoreConformance, TheChainIsFollowedInStretches) {
  for (int round = 0; round < 5; ++round) {
    std::vector<Transaction> group(2);
    group[0].events.push_back(samples.event("alone"));
    for (int i = 0; i < 30; ++i) group[1].events.push_back(samples.event("together"));
    for (const auto& result : store().commit(group)) ASSERT_TRUE(result.has_value());
  }
  const auto whole = store().verify_audit();
  ASSERT_TRUE(whole->intact);
  AuditStretch stretch{.events_max = 10};
  int stretches = 0;
  for (;;) {
    const auto found = store().verify_stretch(stretch);
    ASSERT_TRUE(found->intact) << found->problem;
    EXPECT_EQ(found->written, 155u);
    ++stretches;
    if (found->complete) {
      EXPECT_EQ(found->events, 155u);
      EXPECT_EQ(found->head, whole->head);
      break;
    }
    ASSERT_GT(found->events, stretch.after);
    stretch.after = found->events;
    stretch.head = found->head;
  }
  EXPECT_GE(stretches, 3);

  put(samples.event("later"));
  stretch = {.after = 155, .head = whole->head};
  EXPECT_EQ(store().verify_stretch(stretch)->events, 156u);
  stretch.head[0] ^= 1;
  EXPECT_NE(store().verify_stretch(stretch)->problem.find("event 156 "), std::string::npos);
  EXPECT_EQ(store().verify_stretch({.after = 400})->problem,
            "the log ends at event 156, but 400 were written");
}

}  // namespace
}  // namespace keywright::store
