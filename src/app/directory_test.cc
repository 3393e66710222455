// The records in memory follow each change.
#include "app/directory_fixture_test.h"

namespace keywright::app {
namespace {

using namespace domain;

TEST_F(DirectoryTest, AMembershipIsFeltThroughItsUserAndItsKeys) {
  const Organization acme = new_organization();
  const User ann = new_user("ann@acme.test");
  new_key("access", acme.id, {OwnerType::user, ann.id.to_string()}, "anns-token");
  EXPECT_EQ(decided("anns-token"), Outcome::owner_inactive);
  Membership held = new_membership(acme.id, ann.id, Role::member);
  EXPECT_EQ(decided("anns-token"), Outcome::valid);
  const std::vector<std::string> writes{"projects:write"};
  EXPECT_EQ(decided("anns-token", {.permissions = writes}), Outcome::valid);
  held.role = Role::viewer;
  apply([&](Change& change) { change.put_membership(held); });
  EXPECT_EQ(decided("anns-token", {.permissions = writes}), Outcome::insufficient_permission);
  held.active = false;
  apply([&](Change& change) { change.put_membership(held); });
  EXPECT_EQ(decided("anns-token"), Outcome::owner_inactive);
  held.active = true;
  apply([&](Change& change) { change.put_membership(held); });
  EXPECT_EQ(decided("anns-token"), Outcome::valid);
  apply([&](Change& change) { change.erase_membership(held); });
  EXPECT_EQ(decided("anns-token"), Outcome::owner_inactive);
  EXPECT_TRUE(directory.find<User>(ann.id.value)->memberships.empty());
}

TEST_F(DirectoryTest, AStandingSaysWhereAUserIsActiveWithoutTheirRecord) {
  const Organization acme = new_organization();
  const Organization globex = new_organization();
  const User ann = new_user("ann@acme.test");
  const domain::Slot slot = directory.table<User>().slot_of(ann.id.value);
  EXPECT_EQ(directory.standing(slot), domain::kNoSlot);
  Membership held = new_membership(acme.id, ann.id, Role::member);
  EXPECT_EQ(directory.standing(slot), directory.organization_slot(acme.id));
  const Membership second = new_membership(globex.id, ann.id, Role::viewer);
  EXPECT_EQ(directory.standing(slot), domain::kSeveral);
  held.active = false;
  apply([&](Change& change) { change.put_membership(held); });
  EXPECT_EQ(directory.standing(slot), directory.organization_slot(globex.id));
  apply([&](Change& change) { change.erase_membership(second); });
  EXPECT_EQ(directory.standing(slot), domain::kNoSlot);
  EXPECT_EQ(directory.standing(slot + 1000), domain::kNoSlot);
}

TEST_F(DirectoryTest, AUserKeepsTheirMembershipsWhenTheyAreRenamed) {
  const Organization acme = new_organization();
  User ann = new_user("ann@acme.test");
  new_membership(acme.id, ann.id, Role::admin);
  ann.name = "Ann";
  put(ann);
  ASSERT_NE(directory.find<User>(ann.id.value)->membership_in(acme.id), nullptr);
  EXPECT_EQ(directory.find<User>(ann.id.value)->name, "Ann");
}

TEST_F(DirectoryTest, EmailsAreFoundWhereTheyMovedTo) {
  User ann = new_user("ann@acme.test");
  User bob = new_user("bob@acme.test");
  apply([&](Change& change) {
    ann.email = "ann@new.test";
    bob.email = "ann@acme.test";
    change.put(ann);
    change.put(bob);
  });
  EXPECT_EQ(directory.find_user_by_email("ann@new.test")->id, ann.id);
  EXPECT_EQ(directory.find_user_by_email("ann@acme.test")->id, bob.id);
  EXPECT_EQ(directory.find_user_by_email("bob@acme.test"), nullptr);
  erase(bob);
  EXPECT_EQ(directory.find_user_by_email("ann@acme.test"), nullptr);
  EXPECT_EQ(directory.find_user_by_email(""), nullptr);
}

TEST_F(DirectoryTest, ServersAndServicesAreFoundByIdAndByTheSlugTheyHaveNow) {
  McpServer server;
  server.id = {ids.next()};
  server.slug = "tracker";
  put(server);
  server.slug = "issues";
  put(server);
  EXPECT_EQ(directory.find_mcp_server("issues")->id, server.id);
  EXPECT_EQ(directory.find_mcp_server(server.id.to_string())->id, server.id);
  EXPECT_EQ(directory.find_mcp_server("tracker"), nullptr);
  Service service;
  service.id = {ids.next()};
  service.slug = "tracker";
  put(service);
  EXPECT_EQ(directory.find_service("tracker")->id, service.id);
  EXPECT_EQ(directory.find_mcp_server("tracker"), nullptr);
  erase(server);
  EXPECT_EQ(directory.find_mcp_server("issues"), nullptr);
  EXPECT_EQ(directory.find_mcp_server(server.id.to_string()), nullptr);
}

TEST_F(DirectoryTest, RegistriesAreListedUnderTheirOrganizationInTheirNewestState) {
  const Organization acme = new_organization();
  const Organization other = new_organization("Other");
  Registry tools_registry{{ids.next()}, acme.id, "tools", {}, {}, false, clock.now()};
  put(tools_registry);
  put(Registry{{ids.next()}, other.id, "elsewhere", {}, {}, true, clock.now()});
  ASSERT_EQ(directory.registries_of(acme.id).size(), 1u);
  EXPECT_FALSE(directory.registries_of(acme.id).front()->everyone);
  tools_registry.everyone = true;
  put(tools_registry);
  ASSERT_EQ(directory.registries_of(acme.id).size(), 1u);
  EXPECT_TRUE(directory.registries_of(acme.id).front()->everyone);
  erase(tools_registry);
  EXPECT_TRUE(directory.registries_of(acme.id).empty());
  EXPECT_EQ(directory.registries_of(other.id).size(), 1u);
  EXPECT_TRUE(directory.registries_of({ids.next()}).empty());
}

TEST_F(DirectoryTest, KeysEndWithWhatTheyHangOn) {
  const Organization acme = new_organization();
  const Organization doomed = new_organization("Doomed");
  const Project project = put(Project{{ids.next()}, acme.id, "p", clock.now()});
  const Target target = put(Target{{ids.next()}, acme.id, "t", "https://t.test", clock.now()});
  const Keyspace keyspace = put(Keyspace{{ids.next()}, acme.id, "k", "acme_", clock.now()});
  const User ann = new_user("ann@acme.test");
  new_membership(acme.id, ann.id, Role::member);
  new_key("ingest", acme.id, {OwnerType::project, project.id.to_string()}, "of-project");
  new_key("target", acme.id, {OwnerType::target, target.id.to_string()}, "of-target");
  new_key("customer", acme.id, {OwnerType::external, "c1"}, "of-keyspace", keyspace.id);
  new_key("access", acme.id, {OwnerType::user, ann.id.to_string()}, "of-user");
  new_key("account", doomed.id, {OwnerType::organization, doomed.id.to_string()}, "of-doomed");
  for (const char* token : {"of-project", "of-target", "of-keyspace", "of-user", "of-doomed"}) {
    EXPECT_EQ(decided(token), Outcome::valid) << token;
  }
  erase(project);
  erase(target);
  erase(keyspace);
  erase(ann);
  erase(doomed);
  EXPECT_EQ(decided("of-project"), Outcome::owner_inactive);
  EXPECT_EQ(decided("of-target"), Outcome::owner_inactive);
  EXPECT_EQ(decided("of-keyspace"), Outcome::revoked);
  EXPECT_EQ(decided("of-user"), Outcome::owner_inactive);
  EXPECT_EQ(decided("of-doomed"), Outcome::owner_inactive);
}

TEST_F(DirectoryTest, WhatEndedWithItsKeyspaceDoesNotComeBackWithARestart) {
  const Organization acme = new_organization();
  const Keyspace keyspace = put(Keyspace{{ids.next()}, acme.id, "k", "acme_", clock.now()});
  domain::Key key = new_key("customer", acme.id, {OwnerType::external, "c1"}, "t", keyspace.id);
  erase(keyspace);
  Directory later(keyring, test_usage_file(), clock.now());
  ASSERT_TRUE(later.load(store).has_value());
  EXPECT_EQ(decide("t", {}, later, clock.now()).outcome, Outcome::revoked);
  EXPECT_FALSE(later.owner_exists(*later.keys().find(key.id)));
}

TEST_F(DirectoryTest, AKeyMadeWithAnOlderDigestKeyIsStillFound) {
  const Organization acme = new_organization();
  new_key("account", acme.id, {OwnerType::organization, acme.id.to_string()}, "old-token");
  const crypto::Keyring newer = *keyring.rotated(clock, random);
  Directory later(newer, test_usage_file(), clock.now());
  ASSERT_TRUE(later.load(store).has_value());
  EXPECT_EQ(decide("old-token", {}, later, clock.now()).outcome, Outcome::valid);
  EXPECT_NE(later.digest_of("old-token"), directory.digest_of("old-token"));
}

TEST_F(DirectoryTest, TheEpochMovesBeforeAndAfterEveryApply) {
  const std::uint64_t start = directory.epoch();
  new_organization();
  EXPECT_EQ(directory.epoch(), start + 2);
  Directory fresh(keyring, test_usage_file(), clock.now());
  const std::uint64_t empty = fresh.epoch();
  ASSERT_TRUE(fresh.load(store).has_value());
  EXPECT_GT(fresh.epoch(), empty);
}

TEST_F(DirectoryTest, ARowThatCannotBeReadDeniesWhatHangsOnItAndNothingElse) {
  const Organization acme = new_organization();
  const Organization other = new_organization("Other");
  new_key("account", acme.id, {OwnerType::organization, acme.id.to_string()}, "acme-token");
  new_key("account", other.id, {OwnerType::organization, other.id.to_string()}, "other-token");
  store::Transaction damaged;
  damaged.records.push_back(
      {{store::RecordType::organization, acme.id.value, {}, {}, "{broken"}, false});
  directory.apply(damaged);
  EXPECT_EQ(decided("acme-token"), Outcome::owner_inactive);
  EXPECT_EQ(decided("other-token"), Outcome::valid);
}

}  // namespace
}  // namespace keywright::app
