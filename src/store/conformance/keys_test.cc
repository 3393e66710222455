// Keys: every field comes back, lists and their filters.
#include "store/conformance/conformance.h"

namespace keywright::store {
namespace {

using domain::Key;
using Names = std::vector<std::string>;

Names names(const std::vector<Key>& keys) {
  Names all;
  for (const Key& key : keys) all.push_back(key.name);
  return all;
}

Key with_every_field(Samples& samples) {
  Key key = samples.key(7);
  key.kind = 255;
  key.name = std::string("Zoë\0 日本語", 15);
  key.description = "line\nline";
  key.owner = {domain::OwnerType::external, "customer ' \" ; -- 7"};
  key.keyspace_id = domain::KeyspaceId{samples.id()};
  key.policy.scope = domain::Scope{false, {"a", "b"}, "invoice"};
  key.policy.permissions = Names{};
  key.policy.limits = {{"minute", 10, 60, domain::LimitAlgorithm::fixed}};
  key.policy.refill = domain::Refill{5, domain::RefillInterval::daily};
  key.policy.has_credits = true;
  key.policy.allowed_cidrs = {*Cidr::parse("192.0.2.0/24")};
  key.metadata = *json::Raw::parse(R"({"plan":"pro","n":[1,2.5,null]})");
  key.credits_remaining = -1'000'000'000'000;
  key.credits_set_at = key.created_at + std::chrono::milliseconds(1);
  key.state = domain::KeyState::disabled;
  key.state_reason = "why";
  key.created_by = "setup";
  key.expires_at = key.created_at + std::chrono::hours(1);
  key.idle_timeout_seconds = 3600;
  key.idle_expired_at = key.created_at + std::chrono::hours(2);
  key.revoked_at = key.created_at + std::chrono::hours(3);
  key.versions[0].number = 3;
  key.versions[0].shown = {"", "wxyz", "…wxyz"};
  key.versions[0].sealed_slow_hash = "sealed";
  key.versions[0].slow_prefix = "acme_l";
  key.versions[0].cell = 77;
  key.versions.push_back(samples.version(2));
  key.versions[1].retires_at = key.created_at + std::chrono::hours(4);
  key.versions.push_back(samples.version(1));
  key.versions[2].cell = 1'000'000'000'000;
  return key;
}

TEST_P(StoreConformance, EveryFieldOfAKeyComesBack) {
  const Key key = with_every_field(samples);
  put(key);
  EXPECT_EQ(text_of(**store().get_key(key.id)), text_of(key));
  ASSERT_EQ(load().keys.size(), 1u);
  EXPECT_EQ(text_of(load().keys[0]), text_of(key));
  KeyFilter all;
  ASSERT_EQ(store().list_keys(all, {})->items.size(), 1u);
  EXPECT_EQ(text_of(store().list_keys(all, {})->items[0]), text_of(key));
}

TEST_P(StoreConformance, AKeyIsReplacedWhole) {
  Key key = with_every_field(samples);
  put(key);
  Key plain = samples.key(7);
  plain.id = key.id;
  put(plain);
  EXPECT_EQ(text_of(**store().get_key(key.id)), text_of(plain));
  put(key);
  EXPECT_EQ(text_of(**store().get_key(key.id)), text_of(key));
}

TEST_P(StoreConformance, KeysLoadInOrderOfTheirSerials) {
  for (std::int64_t serial : {5, 1, 9, 3, 1000000}) put(samples.key(serial));
  std::vector<std::int64_t> serials;
  for (const Key& key : load().keys) serials.push_back(key.serial);
  EXPECT_EQ(serials, (std::vector<std::int64_t>{1, 3, 5, 9, 1000000}));
}

TEST_P(StoreConformance, RevokedKeysAreListedOnRequestOnly) {
  Key key = samples.key(1);
  put(key);
  put(samples.key(2));
  key.state = domain::KeyState::revoked;
  key.revoked_at = clock().now();
  Transaction revocation;
  revocation.removes_access = true;
  revocation.keys.push_back(key);
  ASSERT_TRUE(commit(revocation).has_value());

  const domain::KeyOwner owner = key.owner;
  for (const KeyFilter& filter :
       {KeyFilter{}, KeyFilter{.organization = samples.organization}, KeyFilter{.owner = owner}}) {
    KeyFilter with_revoked = filter;
    with_revoked.include_revoked = true;
    EXPECT_EQ(names(store().list_keys(filter, {})->items), (Names{"key 2"}));
    EXPECT_EQ(names(store().list_keys(with_revoked, {})->items), (Names{"key 2", "key 1"}));
  }
  EXPECT_EQ((*store().get_key(key.id))->revoked_at, clock().now());
}

TEST_P(StoreConformance, KeysAreFilteredByEachField) {
  const Uuid keyspace = samples.id();
  Key a = samples.key(1);
  a.name = "a";
  Key b = samples.key(2);
  b.name = "b";
  b.owner = {domain::OwnerType::project, a.owner.id};  // same id, another type
  b.kind = 4;
  Key c = samples.key(3);
  c.name = "c";
  c.organization_id = {samples.other_organization};
  c.keyspace_id = domain::KeyspaceId{keyspace};
  c.created_by = "key:abc";
  for (const Key& key : {a, b, c}) put(key);

  auto list = [&](const KeyFilter& filter) { return names(store().list_keys(filter, {})->items); };
  EXPECT_EQ(list({.organization = samples.organization}), (Names{"b", "a"}));
  EXPECT_EQ(list({.organization = samples.other_organization}), (Names{"c"}));
  EXPECT_EQ(list({.organization = samples.id()}), (Names{}));
  EXPECT_EQ(list({.owner = a.owner}), (Names{"c", "a"}));
  EXPECT_EQ(list({.owner = b.owner}), (Names{"b"}));
  EXPECT_EQ(list({.organization = samples.organization, .owner = a.owner}), (Names{"a"}));
  EXPECT_EQ(list({.kind = 4}), (Names{"b"}));
  KeyFilter by_keyspace;
  by_keyspace.keyspace = keyspace;
  EXPECT_EQ(list(by_keyspace), (Names{"c"}));
  by_keyspace.owner = b.owner;
  EXPECT_EQ(list(by_keyspace), (Names{}));
  KeyFilter by_creator;
  by_creator.created_by = "key:abc";
  EXPECT_EQ(list(by_creator), (Names{"c"}));
}

TEST_P(StoreConformance, TextIsFoundInNameIdAndMask) {
  Key a = samples.key(1);
  a.name = "Billing 100% Über_x";
  Key b = samples.key(2);
  b.name = "other";
  b.versions[0].shown.mask = "mibo_...WxYz";
  put(a);
  put(b);
  auto find = [&](std::string_view text) {
    KeyFilter filter;
    filter.text = text;
    return names(store().list_keys(filter, {})->items);
  };
  EXPECT_EQ(find("bILLing"), (Names{a.name}));
  EXPECT_EQ(find("100% Ü"), (Names{a.name}));
  EXPECT_EQ(find("%"), (Names{a.name}));  // no wildcards
  EXPECT_EQ(find("_x"), (Names{a.name}));
  EXPECT_EQ(find("wxyz"), (Names{"other"}));
  EXPECT_EQ(find(b.id.view().substr(2, 8)), (Names{"other"}));
  EXPECT_EQ(find("nowhere"), (Names{}));
  EXPECT_EQ(find(std::string(60'000, 'x')), (Names{}));
}

TEST_P(StoreConformance, PagesOfKeysStayWhereTheyAreWhileOthersCome) {
  for (std::int64_t serial = 1; serial <= 5; ++serial) put(samples.key(serial));
  KeyFilter filter;
  filter.organization = samples.organization;
  auto first = store().list_keys(filter, {.limit = 2});
  EXPECT_EQ(names(first->items), (Names{"key 5", "key 4"}));
  put(samples.key(6));
  auto second = store().list_keys(filter, {.limit = 2, .after = first->next});
  EXPECT_EQ(names(second->items), (Names{"key 3", "key 2"}));
  auto last = store().list_keys(filter, {.limit = 2, .after = second->next});
  EXPECT_EQ(names(last->items), (Names{"key 1"}));
  EXPECT_EQ(last->next, "");
}

}  // namespace
}  // namespace keywright::store
