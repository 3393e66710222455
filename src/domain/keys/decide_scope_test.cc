// What the keys of each kind reach, and what their scope lets through.

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

TEST(DecideScope, ConnectKeysOpenTheServersOfTheirListThatTheirOwnerMayConnectTo) {
  World world("connect");
  const std::string github = world.records.mcp_servers[0].id.to_string();
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, github), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "jira"), Outcome::valid) << "all";
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "foreign"), Outcome::out_of_scope);
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "nope"), Outcome::out_of_scope);

  world.policy.scope = Scope{false, {github}, ""};
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "jira"), Outcome::out_of_scope);
  world.policy.scope = Scope{false, {}, ""};
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::out_of_scope)
      << "an empty list is not all";
  world.policy.scope.reset();
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::out_of_scope)
      << "no scope is not all";
}

TEST(DecideScope, TheOwnersReachIsAskedAnewEachTime) {
  World world("connect");
  world.key.owner = 2;  // a member: connects through the registry
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "jira"), Outcome::out_of_scope);
  world.records.registries[0].mcp_server_ids.push_back(world.records.mcp_servers[1].id);
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "jira"), Outcome::valid)
      << "all means future ones too";
  world.records.published_registries.clear();
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::out_of_scope);
  world.records.mcp_servers[0].created_by = world.records.users[2].id;
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::valid);
  world.records.mcp_servers[0].enabled = false;
  EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::out_of_scope);
}

TEST(DecideScope, ScopedKindsOpenNoOtherTypeOfResource) {
  struct {
    const char* kind;
    ResourceType own;
  } const lines[] = {{"connect", ResourceType::mcp_server},
                     {"ingest", ResourceType::platform},
                     {"target", ResourceType::target}};
  for (const auto& line : lines) {
    World world(line.kind);
    const FakeRecords& records = world.records;
    const std::pair<ResourceType, std::string> resources[] = {
        {ResourceType::mcp_server, "github"},
        {ResourceType::platform, records.platforms[0].id.to_string()},
        {ResourceType::target, records.targets[0].id.to_string()},
        {ResourceType::service, "billing"},
        {ResourceType::external, "anything"},
        {ResourceType::none, ""}};
    for (const auto& [type, id] : resources) {
      EXPECT_EQ(ask_resource(world, type, id),
                type == line.own ? Outcome::valid : Outcome::out_of_scope)
          << line.kind << " asked for " << json::enum_name(type);
    }
  }
}

TEST(DecideScope, IngestKeysOpenThePlatformsOfTheirProject) {
  World world("ingest");
  const auto id = [&](int i) { return world.records.platforms[i].id.to_string(); };
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(0)), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(1)), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(2)), Outcome::out_of_scope)
      << "of another project";
  world.policy.scope = Scope{true, {}, ""};
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(2)), Outcome::out_of_scope);
  world.policy.scope = Scope{false, {id(1), id(2)}, ""};
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(0)), Outcome::out_of_scope);
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(1)), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::platform, id(2)), Outcome::out_of_scope)
      << "a list does not reach beyond the project";
  const std::string deleted = id(1);
  world.records.platforms[1].id = {};
  EXPECT_EQ(ask_resource(world, ResourceType::platform, deleted), Outcome::out_of_scope);
}

TEST(DecideScope, TargetKeysOpenTheirOwnTargetOnly) {
  World world("target");
  const auto id = [&](int i) { return world.records.targets[i].id.to_string(); };
  EXPECT_EQ(ask_resource(world, ResourceType::target, id(0)), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::target, id(1)), Outcome::out_of_scope);
  EXPECT_EQ(ask_resource(world, ResourceType::target, id(2)), Outcome::out_of_scope);
}

TEST(DecideScope, AnAccountKeyOpensTheTargetsOfItsOrganizationAndAManagementKeyNothing) {
  for (const char* kind : {"account", "management"}) {
    World world(kind);
    const FakeRecords& records = world.records;
    auto target = [&](int i) { return records.targets[i].id.to_string(); };
    const bool account = std::string_view(kind) == "account";
    EXPECT_EQ(ask_resource(world, ResourceType::target, target(1)),
              account ? Outcome::valid : Outcome::out_of_scope);
    EXPECT_EQ(ask_resource(world, ResourceType::target, target(2)), Outcome::out_of_scope);
    EXPECT_EQ(ask_resource(world, ResourceType::platform, records.platforms[2].id.to_string()),
              Outcome::out_of_scope);
    EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::out_of_scope);
    EXPECT_EQ(ask_resource(world, ResourceType::mcp_server, "github"), Outcome::out_of_scope)
        << "only people connect";
  }
}

TEST(DecideScope, KeysOfAPersonReachWhatThePersonReachesInEveryOrganization) {
  World world("access");
  const FakeRecords& records = world.records;
  struct {
    ResourceType type;
    std::string home, away;
  } const lines[] = {
      {ResourceType::target, records.targets[0].id.to_string(), records.targets[2].id.to_string()},
      {ResourceType::platform, records.platforms[0].id.to_string(),
       records.platforms[3].id.to_string()},
      {ResourceType::service, "billing", "foreign"},
      {ResourceType::mcp_server, "github", "foreign"}};
  for (const auto& line : lines) {
    EXPECT_EQ(ask_resource(world, line.type, line.home), Outcome::valid);
    EXPECT_EQ(ask_resource(world, line.type, line.away), Outcome::out_of_scope);
  }
  Membership away;
  away.organization_id = records.organizations[1].id;
  away.role = Role::admin;
  world.records.users[0].memberships.push_back(away);
  world.records.fake_meter = {};
  world.records.fake_meter.credits = 10;
  for (const auto& line : lines) {
    EXPECT_EQ(ask_resource(world, line.type, line.away), Outcome::valid);
  }
  world.records.users[0].memberships[1].active = false;
  for (const auto& line : lines) {
    EXPECT_EQ(ask_resource(world, line.type, line.away), Outcome::out_of_scope);
  }
  EXPECT_EQ(ask_resource(world, ResourceType::external, "anything"), Outcome::out_of_scope)
      << "a type that nobody knows";
}

TEST(DecideScope, CustomerKeysWithoutScopeOpenAnyResourceOfTheirOwn) {
  World world("customer");
  world.ask.resource = ResourceRef{ResourceType::external, "workspace", "w-1"};
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::valid);
  EXPECT_EQ(decision.resource.type_name, "workspace");
  EXPECT_EQ(decision.resource.id, "w-1");
}

TEST(DecideScope, CustomerKeysWithScopeOpenTheirListOfTheirTypeOnly) {
  World world("customer");
  world.policy.scope = Scope{false, {"w-1", "w-2"}, "workspace"};
  auto ask = [&](std::string_view type, std::string_view id) {
    world.ask.resource = ResourceRef{ResourceType::external, type, id};
    return world.decide().outcome;
  };
  EXPECT_EQ(ask("workspace", "w-2"), Outcome::valid);
  EXPECT_EQ(ask("workspace", "w-3"), Outcome::out_of_scope);
  EXPECT_EQ(ask("invoice", "w-1"), Outcome::out_of_scope);
  EXPECT_EQ(ask("", "w-1"), Outcome::out_of_scope);
  world.policy.scope = Scope{false, {"billing"}, "service"};
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::service, world.records.services[0].id.to_string()),
            Outcome::valid)
      << "by id too where the list holds the slug";
  world.policy.scope = Scope{false, {"other"}, "service"};
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::out_of_scope);
}

TEST(DecideScope, CustomerKeysPassServicesOfTheirOrganization) {
  World world("customer");
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::valid);
  EXPECT_EQ(ask_resource(world, ResourceType::service, "foreign"), Outcome::out_of_scope);
  EXPECT_EQ(ask_resource(world, ResourceType::service, "nope"), Outcome::out_of_scope);
}

TEST(DecideScope, AServiceMayBeMeantForSomeAudiencesOnly) {
  World world("customer");
  world.records.services[0].audiences = {"graphql", "no-such-audience"};
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::out_of_scope);
  world.records.services[0].audiences.push_back("verify");
  EXPECT_EQ(ask_resource(world, ResourceType::service, "billing"), Outcome::valid);
}

TEST(DecideScope, WhatIsRefusedIsNotShown) {
  World world("access");
  world.ask.explain = true;
  world.ask.resource = resource_ref(ResourceType::service, "foreign");
  const Decision foreign = world.decide();
  EXPECT_EQ(foreign.resource.type, ResourceType::none);
  EXPECT_EQ(foreign.resource.record, nullptr);
  world.ask.resource = resource_ref(ResourceType::service, "nope");
  EXPECT_EQ(world.decide().failed.at(0).detail, foreign.failed.at(0).detail);
}

TEST(DecideScope, TheResolvedResourceIsReported) {
  World world("connect");
  world.ask.resource = resource_ref(ResourceType::mcp_server, "github");
  const Decision decision = world.decide();
  EXPECT_EQ(decision.resource.type, ResourceType::mcp_server);
  EXPECT_EQ(decision.resource.name, "github");
  EXPECT_EQ(decision.resource.record, &world.records.mcp_servers[0]);
}

}  // namespace
}  // namespace keywright::domain
