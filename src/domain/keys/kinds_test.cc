#include "domain/keys/kinds.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace keywright::domain {
namespace {

std::string audiences_of(const Kind& kind) {
  std::string text;
  for (const json::EnumName& name : json::type_of<Audience>().names) {
    if (kind.audiences.contains(static_cast<Audience>(name.value))) {
      text += std::string(name.name) + " ";
    }
  }
  return text;
}

struct Promise {
  const char* name;
  const char* prefix;
  OwnerType owner;
  const char* audiences;
  ExpiryPolicy expiry;
  ScopePolicy scope;
};

constexpr Promise kPromises[] = {
    {"personal", "kwp_", OwnerType::user, "graphql rest ", ExpiryPolicy::required,
     ScopePolicy::none},
    {"mcp", "kwm_", OwnerType::user, "mcp ", ExpiryPolicy::required, ScopePolicy::none},
    {"access", "kwa_", OwnerType::user, "graphql rest mcp service ", ExpiryPolicy::optional,
     ScopePolicy::none},
    {"connect", "ok1-", OwnerType::user, "mcp-connect me ", ExpiryPolicy::optional,
     ScopePolicy::required},
    {"ingest", "mibo_", OwnerType::project, "traces ", ExpiryPolicy::optional,
     ScopePolicy::all_by_default},
    {"account", "", OwnerType::organization, "targets-api ", ExpiryPolicy::optional,
     ScopePolicy::none},
    {"target", "", OwnerType::target, "targets-api ", ExpiryPolicy::optional,
     ScopePolicy::own_target},
    {"management", "kwr_", OwnerType::organization, "rest ", ExpiryPolicy::optional,
     ScopePolicy::none},
    {"customer", "", OwnerType::external, "verify service ", ExpiryPolicy::optional,
     ScopePolicy::optional_list},
};

TEST(Kinds, TheNineShippedKindsAreAsPromised) {
  ASSERT_EQ(shipped_kinds().all().size(), std::size(kPromises));
  for (std::size_t i = 0; i < std::size(kPromises); ++i) {
    const Promise& promise = kPromises[i];
    const Kind* kind = shipped_kinds().named(promise.name);
    ASSERT_TRUE(kind) << promise.name;
    EXPECT_EQ(kind->number, i);
    EXPECT_EQ(&shipped_kinds().at(kind->number), kind);
    EXPECT_EQ(kind->prefix, promise.prefix);
    EXPECT_TRUE(kind->owners.contains(promise.owner)) << promise.name;
    EXPECT_EQ(audiences_of(*kind), promise.audiences) << promise.name;
    EXPECT_EQ(kind->expiry, promise.expiry) << promise.name;
    EXPECT_EQ(kind->scope, promise.scope) << promise.name;
    EXPECT_EQ(kind->may_give_itself_up, promise.name != std::string("connect"));
    EXPECT_FALSE(kind->summary.empty());
    EXPECT_FALSE(kind->carried_in.empty());
  }
  EXPECT_FALSE(shipped_kinds().named("Personal"));
  EXPECT_FALSE(shipped_kinds().named(""));
}

TEST(Kinds, WhatOpensTheRestApiForAPersonOpensMe) {
  for (const Kind& kind : shipped_kinds().all()) {
    const bool expected =
        kind.name == "personal" || kind.name == "access" || kind.name == "connect";
    EXPECT_EQ(admits(kind, Audience::me), expected) << kind.name;
  }
}

TEST(Kinds, RefusalsNameTheRightKinds) {
  EXPECT_EQ(kinds_admitting(shipped_kinds(), Audience::mcp_connect), "connect");
  EXPECT_EQ(kinds_admitting(shipped_kinds(), Audience::graphql), "personal or access");
  EXPECT_EQ(kinds_admitting(shipped_kinds(), Audience::rest), "personal, access or management");
}

TEST(Kinds, WhatMasksHideIsWorthAtLeast128Bits) {
  for (const Kind& kind : shipped_kinds().all()) {
    EXPECT_GE(hidden_entropy_bits(kind), 128) << kind.name;
    EXPECT_LE(hidden_entropy_bits(kind), 256) << kind.name;
  }
  // 43 characters, of which a mask of 12 shows 8 after "kwp_".
  EXPECT_NEAR(hidden_entropy_bits(*shipped_kinds().named("personal")), 35 * 5.954, 0.1);
  EXPECT_NEAR(hidden_entropy_bits(*shipped_kinds().named("connect")), 256, 0.1);
}

TEST(Kinds, TheShippedKindsAreSafe) {
  const std::vector<std::string> keyspaces = {"acme_live_", "acme_test_"};
  EXPECT_TRUE(check_kinds(shipped_kinds(), keyspaces));
}

// The shipped kinds with one change to "access".
Result<void> check_with(void (*change)(Kind&)) {
  std::vector<Kind> kinds(shipped_kinds().all().begin(), shipped_kinds().all().end());
  change(kinds[2]);
  return check_kinds(Kinds(std::move(kinds)), {});
}

TEST(Kinds, UnsafeKindsAreRefusedByName) {
  void (*changes[])(Kind&) = {
      [](Kind& k) { k.secret_characters = 28; },  // 20 hidden characters: 119 bits
      [](Kind& k) { k.prefix = "kwp_"; },         // of another kind
      [](Kind& k) { k.prefix = "kwp_x_"; },       // begins like another kind's
      [](Kind& k) { k.prefix = "kwp"; },          // another kind's begins like it
      [](Kind& k) { k.prefix = "kws_"; },         // sessions
      [](Kind& k) { k.prefix = "eyJx"; },         // JWTs
      [](Kind& k) { k.prefix = "ok1-x"; },        // connect
      [](Kind& k) { k.prefix = "k_"; },           // too short
      [](Kind& k) { k.prefix = ""; },
      [](Kind& k) { k.shape = TokenShape::jwt; },  // a prefix no token would have
      [](Kind& k) { k.name = ""; },
      [](Kind& k) { k.name = "personal"; },
      [](Kind& k) { k.owners = {}; },
      [](Kind& k) { k.carriers = {}; },
      [](Kind& k) { k.audiences = {}; },
      [](Kind& k) { k.scope = ScopePolicy::required; },  // of what?
      [](Kind& k) { k.scoped_to = ResourceType::target; },
  };
  EXPECT_TRUE(check_with([](Kind&) {}));
  EXPECT_TRUE(check_with([](Kind& k) { k.secret_characters = 30; }));
  int number = 0;
  for (auto change : changes) {
    Result<void> checked = check_with(change);
    ASSERT_FALSE(checked) << "change " << number;
    EXPECT_EQ(checked.error().reason(), "unsafe_kinds");
    EXPECT_FALSE(checked.error().detail().empty());
    ++number;
  }
  EXPECT_FALSE(check_kinds(Kinds({}), {}));
}

TEST(Kinds, AKeyspaceThatBeginsLikeAKindIsRefused) {
  const std::vector<std::string> keyspaces = {"kwp_live_"};
  EXPECT_FALSE(check_kinds(shipped_kinds(), keyspaces));
}

TEST(KeyspacePrefix, OrdinaryPrefixesAreAccepted) {
  const std::vector<std::string> in_use = {"acme_live_"};
  for (const char* prefix : {"ab_", "acme_test_", "A1_", "sk_live_", "acme_l_", "kw_", "ab", "abc",
                             "ab-_", "a_", "abcdefghijabcdefghijabcdefghija_"}) {
    EXPECT_TRUE(check_keyspace_prefix(shipped_kinds(), prefix, in_use)) << prefix;
  }
}

TEST(KeyspacePrefix, OddFormsAreRefused) {
  for (const char* prefix : {"", "_", "a", "-ab", "_ab", "ab c_", "ab.c_", "\xC3\xA9_",
                             "abcdefghijabcdefghijabcdefghijab_"}) {
    Result<void> checked = check_keyspace_prefix(shipped_kinds(), prefix, {});
    ASSERT_FALSE(checked) << prefix;
    EXPECT_EQ(checked.error().code(), Code::invalid_argument);
    EXPECT_EQ(checked.error().problems().front().field, "prefix");
  }
}

TEST(KeyspacePrefix, WhatOtherTokensBeginWithIsReserved) {
  for (const char* prefix :
       {"kwp_", "kws_", "kwr_live_", "mibo_", "mibo_x_", "eyJ_", "eyJhbGci_"}) {
    Result<void> checked = check_keyspace_prefix(shipped_kinds(), prefix, {});
    ASSERT_FALSE(checked) << prefix;
    EXPECT_EQ(checked.error().code(), Code::invalid_argument);
  }
}

TEST(KeyspacePrefix, NoTwoKeyspacesShareABeginning) {
  const std::vector<std::string> in_use = {"acme_live_", "zeta_"};
  for (const char* prefix : {"acme_", "acme_live_", "acme_live_eu_", "zeta_", "zeta_x_"}) {
    Result<void> checked = check_keyspace_prefix(shipped_kinds(), prefix, in_use);
    ASSERT_FALSE(checked) << prefix;
    EXPECT_EQ(checked.error().code(), Code::conflict) << prefix;
  }
}

}  // namespace
}  // namespace keywright::domain
