// Which permissions the keys of each kind hold.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "domain/keys/decide_world.h"

namespace keywright::domain {
namespace {

Outcome ask_resource(World& world, ResourceType type, std::string_view id) {
  world.ask.resource = resource_ref(type, id);
  return world.decide().outcome;
}

Outcome ask_permission(World& world, std::string permission) {
  world.permissions = {std::move(permission)};
  world.ask.permissions = world.permissions;
  return world.decide().outcome;
}

TEST(DecidePermission, PeoplesKeysHoldWhatTheirRoleHoldsNow) {
  World world("access");
  world.policy.limits.clear();
  world.policy.has_credits = false;
  const std::pair<const char*, Role> needs[] = {{"projects:read", Role::viewer},
                                                {"targets:write", Role::member},
                                                {"users:write", Role::admin},
                                                {"organization:write", Role::owner}};
  Role& role = world.records.users[0].memberships[0].role;
  for (const auto& [permission, least] : needs) {
    for (Role has : {Role::owner, Role::admin, Role::member, Role::viewer}) {
      role = has;
      EXPECT_EQ(ask_permission(world, permission),
                at_least(has, least) ? Outcome::valid : Outcome::insufficient_permission)
          << permission;
    }
  }
  role = Role::auditor;
  EXPECT_EQ(ask_permission(world, "audit:read"), Outcome::valid);
  EXPECT_EQ(ask_permission(world, "projects:write"), Outcome::insufficient_permission);
  EXPECT_EQ(ask_permission(world, "no:such"), Outcome::insufficient_permission);
  EXPECT_EQ(ask_permission(world, ""), Outcome::insufficient_permission);
}

TEST(DecidePermission, NoPersonsKeyHoldsRightsOverKeys) {
  for (const char* kind : {"personal", "mcp", "access", "connect"}) {
    for (const char* permission : {"keys:read", "keys:write", "keys:verify"}) {
      World world(kind);
      EXPECT_EQ(ask_permission(world, permission), Outcome::insufficient_permission) << kind;
    }
  }
}

TEST(DecidePermission, TheRoleInTheResourcesOrganizationCounts) {
  World world("access");
  Membership away;
  away.organization_id = world.records.organizations[1].id;
  away.role = Role::viewer;
  world.records.users[0].memberships.push_back(away);
  const std::string there = world.records.targets[2].id.to_string();
  world.ask.resource = resource_ref(ResourceType::target, there);
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.permissions = {"targets:write"};
  world.ask.permissions = world.permissions;
  EXPECT_EQ(world.decide().outcome, Outcome::insufficient_permission) << "viewer there";
  const std::string home = world.records.targets[0].id.to_string();
  world.ask.resource = resource_ref(ResourceType::target, home);
  EXPECT_EQ(world.decide().outcome, Outcome::valid) << "owner here";
}

TEST(DecidePermission, ADeactivatedMembershipHoldsNothing) {
  World world("access");
  Membership away;
  away.organization_id = world.records.organizations[1].id;
  world.records.users[0].memberships.push_back(away);
  EXPECT_EQ(ask_permission(world, "targets:read"), Outcome::valid);
  world.records.users[0].memberships[0].active = false;
  EXPECT_EQ(ask_permission(world, "targets:read"), Outcome::insufficient_permission);
}

TEST(DecidePermission, KeysWithAListHoldWhatItCovers) {
  for (const char* kind : {"customer", "management", "connect"}) {
    World world(kind);
    world.policy.permissions = {{"reports.eu.*", "tools/call:search", "keys:verify"}};
    EXPECT_EQ(ask_permission(world, "reports.eu.read"), Outcome::valid) << kind;
    EXPECT_EQ(ask_permission(world, "reports.us.read"), Outcome::insufficient_permission);
    EXPECT_EQ(ask_permission(world, "tools/call:search"), Outcome::valid);
    EXPECT_EQ(ask_permission(world, "tools/call:delete"), Outcome::insufficient_permission);
    EXPECT_EQ(ask_permission(world, "keys:verify"), Outcome::valid);
    EXPECT_EQ(ask_permission(world, "keys:write"), Outcome::insufficient_permission);
    world.policy.permissions = std::vector<std::string>{};
    EXPECT_EQ(ask_permission(world, "reports.eu.read"), Outcome::insufficient_permission);
  }
}

TEST(DecidePermission, WithoutAListConnectKeysCallEveryToolAndOthersHoldNothing) {
  World connect("connect");
  EXPECT_EQ(ask_permission(connect, "tools/call:search"), Outcome::valid);
  EXPECT_EQ(ask_permission(connect, "projects:write"), Outcome::insufficient_permission);
  for (const char* kind : {"customer", "management"}) {
    World world(kind);
    EXPECT_EQ(ask_permission(world, "tools/call:search"), Outcome::insufficient_permission);
  }
}

TEST(DecidePermission, MachineKeysWithoutPermissionsHoldNone) {
  for (const char* kind : {"ingest", "account", "target"}) {
    World world(kind);
    EXPECT_EQ(ask_permission(world, "targets:read"), Outcome::insufficient_permission) << kind;
  }
}

TEST(DecidePermission, AllThatAreAskedMustBeHeld) {
  World world("customer");
  world.policy.permissions = {{"a", "b"}};
  world.permissions = {"a", "b"};
  world.ask.permissions = world.permissions;
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.permissions = {"a", "c", "b", "d"};
  world.ask.permissions = world.permissions;
  world.ask.explain = true;
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::insufficient_permission);
  ASSERT_EQ(decision.failed.size(), 2u);
  EXPECT_NE(decision.failed[0].detail.find("\"c\""), std::string::npos);
  EXPECT_NE(decision.failed[1].detail.find("\"d\""), std::string::npos);
}

TEST(DecidePermission, AServiceMayRequireAPermission) {
  World world("customer");
  world.records.services[0].required_permission = "billing.read";
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"),
            Outcome::insufficient_permission);
  world.policy.permissions = {{"billing.*"}};
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::valid);
}

TEST(Covers, WildcardsStandAtTheEndAfterASeparator) {
  struct {
    const char* held;
    const char* asked;
    bool covered;
  } const lines[] = {
      {"a.b.c", "a.b.c", true},
      {"a.b.*", "a.b.c", true},
      {"a.b.*", "a.b.c.d", true},
      {"a.b.*", "a.b", false},
      {"a.b.*", "a.b.", false},
      {"a.b.*", "a.bc", false},
      {"a.b.*", "a.b.*", true},
      {"a.*", "a.b.*", true},
      {"a.b.*", "a.*", false},
      {"*", "anything", true},
      {"a*", "ab", false},
      {"a*", "a*", true},
      {"*.b", "a.b", false},
      {"a.*.c", "a.b.c", false},
      {"keys:*", "keys:verify", true},
      {"keys:*", "keys", false},
      {".*", ".a", false},
      {"tools/*", "tools/call", false},
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"A.b", "a.b", false},
      {"tools/call:*", "tools/call:x", true},
  };
  for (const auto& line : lines) {
    EXPECT_EQ(covers(line.held, line.asked), line.covered) << line.held << " " << line.asked;
  }
}

}  // namespace
}  // namespace keywright::domain
