#include "domain/access/objects.h"

#include <gtest/gtest.h>

#include "domain/keys/fake_records.h"

namespace keywright::domain {
namespace {

class MayConnect : public testing::Test {
 protected:
  MayConnect() {
    user_.id = test_id<UserId>(1);
    Membership membership;
    membership.organization_id = test_id<OrganizationId>(1);
    membership.role = Role::viewer;
    user_.memberships = {membership};
    server_.id = test_id<McpServerId>(1);
    server_.organization_id = test_id<OrganizationId>(1);
    registry_.organization_id = test_id<OrganizationId>(1);
    registry_.mcp_server_ids = {test_id<McpServerId>(9), server_.id};
    registry_.user_ids = {test_id<UserId>(8), user_.id};
  }
  bool may() { return may_connect(user_, server_, {&registry_}); }

  User user_;
  McpServer server_;
  Registry registry_;
};

TEST_F(MayConnect, ARegistryGivenToTheUserOpensItsServers) {
  EXPECT_TRUE(may());
  EXPECT_FALSE(may_connect(user_, server_, {}));
}

TEST_F(MayConnect, ARegistryOfOthersOpensNothing) {
  registry_.user_ids = {test_id<UserId>(8)};
  EXPECT_FALSE(may());
}

TEST_F(MayConnect, ARegistryForEveryoneOpensItsServersToMembers) {
  registry_.user_ids.clear();
  registry_.everyone = true;
  EXPECT_TRUE(may());
  user_.memberships[0].organization_id = test_id<OrganizationId>(2);
  EXPECT_FALSE(may()) << "everyone in the organization, not everyone";
}

TEST_F(MayConnect, AServerTakenFromTheRegistryIsClosedAgain) {
  registry_.mcp_server_ids = {test_id<McpServerId>(9)};
  EXPECT_FALSE(may());
}

TEST_F(MayConnect, ARegistryOfAnotherOrganizationOpensNothing) {
  registry_.organization_id = test_id<OrganizationId>(2);
  EXPECT_FALSE(may());
}

TEST_F(MayConnect, WhoeverRegisteredAServerMayConnect) {
  server_.created_by = user_.id;
  EXPECT_TRUE(may_connect(user_, server_, {}));
}

TEST_F(MayConnect, AdminsAndOwnersMayConnectWithoutARegistryAndOthersNot) {
  for (Role role : {Role::admin, Role::owner}) {
    user_.memberships[0].role = role;
    EXPECT_TRUE(may_connect(user_, server_, {}));
  }
  for (Role role : {Role::member, Role::viewer, Role::auditor}) {
    user_.memberships[0].role = role;
    EXPECT_FALSE(may_connect(user_, server_, {}));
  }
}

TEST_F(MayConnect, ADisabledServerIsClosedToEverybody) {
  server_.enabled = false;
  server_.created_by = user_.id;
  user_.memberships[0].role = Role::owner;
  EXPECT_FALSE(may());
}

TEST_F(MayConnect, ADeactivatedMemberMayNotConnect) {
  user_.memberships[0].role = Role::owner;
  user_.memberships[0].active = false;
  server_.created_by = user_.id;
  EXPECT_FALSE(may());
}

TEST(User, IsActiveWithOneActiveMembership) {
  User user;
  EXPECT_FALSE(user.is_active());
  Membership membership;
  membership.active = false;
  user.memberships.push_back(membership);
  EXPECT_FALSE(user.is_active());
  membership.active = true;
  user.memberships.push_back(membership);
  EXPECT_TRUE(user.is_active());
}

TEST(User, MembershipIsFoundByOrganization) {
  User user;
  Membership membership;
  membership.organization_id = test_id<OrganizationId>(1);
  membership.role = Role::admin;
  user.memberships.push_back(membership);
  ASSERT_TRUE(user.membership_in(test_id<OrganizationId>(1)));
  EXPECT_EQ(user.membership_in(test_id<OrganizationId>(1))->role, Role::admin);
  EXPECT_FALSE(user.membership_in(test_id<OrganizationId>(2)));
}

}  // namespace
}  // namespace keywright::domain
