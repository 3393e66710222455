#include "domain/access/roles.h"

#include <string>

#include <gtest/gtest.h>

namespace keywright::domain {
namespace {

constexpr Role kRoles[] = {Role::owner, Role::admin, Role::member, Role::viewer, Role::auditor};

// One line for each right: who holds it, in the order of kRoles. Written out by hand from the
// promise to users, so that a slip in the table of roles.cc shows.
struct Line {
  Right right;
  const char* name;
  const char* holders;  // o a m v u
};

constexpr Line kLines[] = {
    {Right::none, "none", "oamvu"},
    {Right::organization_read, "organization:read", "oamvu"},
    {Right::organization_write, "organization:write", "o    "},
    {Right::users_read, "users:read", "oamvu"},
    {Right::users_write, "users:write", "oa   "},
    {Right::projects_read, "projects:read", "oamvu"},
    {Right::projects_write, "projects:write", "oam  "},
    {Right::targets_read, "targets:read", "oamvu"},
    {Right::targets_write, "targets:write", "oam  "},
    {Right::mcp_servers_read, "mcp_servers:read", "oamvu"},
    {Right::mcp_servers_write, "mcp_servers:write", "oa   "},
    {Right::registries_read, "registries:read", "oamvu"},
    {Right::registries_write, "registries:write", "oa   "},
    {Right::services_read, "services:read", "oamvu"},
    {Right::services_write, "services:write", "oam  "},
    {Right::keyspaces_read, "keyspaces:read", "oamvu"},
    {Right::keyspaces_write, "keyspaces:write", "oa   "},
    {Right::keys_read_all, "keys:read", "oa  u"},
    {Right::keys_manage_all, "keys:write", "oa   "},
    {Right::keys_verify, "keys:verify", "oa  u"},
    {Right::audit_read, "audit:read", "oa  u"},
};

TEST(Roles, EachRoleHoldsExactlyItsRights) {
  for (const Line& line : kLines) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(allows(kRoles[i], line.right), line.holders[i] != ' ')
          << line.name << " for role " << i;
    }
  }
}

TEST(Roles, EveryRightHasItsNameAndTheNameLeadsBack) {
  EXPECT_EQ(std::size(kLines), static_cast<std::size_t>(Right::audit_read) + 1);
  for (const Line& line : kLines) {
    EXPECT_EQ(name_of(line.right), line.name);
    if (line.right != Right::none) {
      EXPECT_EQ(right_named(line.name), line.right);
    }
  }
}

TEST(Roles, ATextThatNamesNoRightNamesNone) {
  for (const char* text : {"", "none", "projects", "projects:", "projects:write ", "PROJECTS:WRITE",
                           "projects:*", "*"}) {
    EXPECT_EQ(right_named(text), std::nullopt) << text;
  }
}

TEST(Roles, OnlyThoseAtLeastAsHighMayActOnOthers) {
  const Role ladder[] = {Role::owner, Role::admin, Role::member, Role::viewer};
  for (int high = 0; high < 4; ++high) {
    for (int low = 0; low < 4; ++low) {
      EXPECT_EQ(at_least(ladder[high], ladder[low]), high <= low);
    }
  }
  EXPECT_TRUE(at_least(Role::auditor, Role::viewer));
  EXPECT_TRUE(at_least(Role::viewer, Role::auditor));
  EXPECT_FALSE(at_least(Role::auditor, Role::member));
  EXPECT_TRUE(at_least(Role::member, Role::auditor));
}

}  // namespace
}  // namespace keywright::domain
