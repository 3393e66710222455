#include "domain/keys/owner_rights.h"

#include <gtest/gtest.h>

namespace keywright::domain {
namespace {

const Kind& kind(std::string_view name) { return *shipped_kinds().named(name); }

TEST(OwnerRights, AnAccountKeyWorksWithTargetsAndTheirKeys) {
  for (Right right :
       {Right::targets_read, Right::targets_write, Right::keys_read_all, Right::keys_manage_all}) {
    EXPECT_TRUE(gives(kind("account"), right)) << name_of(right);
  }
  for (Right right :
       {Right::none, Right::organization_read, Right::users_read, Right::users_write,
        Right::projects_read, Right::services_write, Right::audit_read, Right::keys_verify}) {
    EXPECT_FALSE(gives(kind("account"), right)) << name_of(right);
  }
}

TEST(OwnerRights, ATargetKeyWorksWithTargetsAndNothingElse) {
  EXPECT_TRUE(gives(kind("target"), Right::targets_read));
  EXPECT_TRUE(gives(kind("target"), Right::targets_write));
  for (Right right :
       {Right::none, Right::keys_read_all, Right::keys_manage_all, Right::organization_read}) {
    EXPECT_FALSE(gives(kind("target"), right)) << name_of(right);
  }
}

TEST(OwnerRights, OtherKindsHaveNoRightsOfThisSort) {
  for (const Kind& other : shipped_kinds().all()) {
    if (other.name == "account" || other.name == "target") continue;
    for (int i = 0; i <= static_cast<int>(Right::audit_read); ++i) {
      EXPECT_FALSE(gives(other, static_cast<Right>(i))) << other.name << " " << i;
    }
  }
}

TEST(OwnerRights, OnlyAccountKeysManageKeysAndOnlyThoseOfTargets) {
  for (const Kind& one : shipped_kinds().all()) {
    for (OwnerType owner : {OwnerType::user, OwnerType::organization, OwnerType::project,
                            OwnerType::target, OwnerType::external}) {
      EXPECT_EQ(manages_keys_of(one, owner), one.name == "account" && owner == OwnerType::target)
          << one.name;
    }
  }
}

}  // namespace
}  // namespace keywright::domain
