// domain/keys/fake_records.h - a small world for tests of decide(): a few people and things, and
// keys that are added to it. Counters are plain numbers, so a test can look at them.
//
// For tests only. Threading: one thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/keys/decide.h"

namespace keywright::domain {

// Ids that say in their last byte which one they are.
template <class SomeId>
SomeId test_id(std::uint8_t number) {
  SomeId id;
  id.value.bytes[0] = 1;
  id.value.bytes[15] = number;
  return id;
}

class FakeMeter final : public Meter {
 public:
  Time last_used_at(const KeyRecord&) const override { return last_used; }
  LimitAnswer take(const KeyRecord& key, std::size_t index, Time now, std::int64_t cost) override {
    return domain::take(key.policy->limits[index], states[index], now, cost);
  }
  LimitAnswer peek(const KeyRecord& key, std::size_t index, Time now,
                   std::int64_t cost) const override {
    return domain::peek(key.policy->limits[index], states[index], now, cost);
  }
  void give_back(const KeyRecord& key, std::size_t index, std::int64_t cost) override {
    states[index] = domain::give_back(key.policy->limits[index], states[index], cost);
  }
  bool take_credits(const KeyRecord&, Time, std::int64_t cost, std::int64_t& remaining) override {
    const bool enough = cost <= credits;
    if (enough) credits -= cost;
    remaining = credits;
    return enough;
  }
  std::int64_t peek_credits(const KeyRecord&, Time) const override { return credits; }
  void used(const KeyRecord&, Time now, const std::optional<IpAddress>& address) override {
    ++uses;
    last_used = now;
    last_address = address;
  }
  void refused(const KeyRecord&, Outcome) override { ++refusals; }

  Time last_used{};
  std::int64_t states[kLimitsMax] = {};
  std::int64_t credits = 0;
  int uses = 0;
  int refusals = 0;
  std::optional<IpAddress> last_address;
};

// Organization 0 holds everything but what is named "foreign"; user 0 is its owner, then one user
// for each further role. Looking things up by id allocates, by slug does not.
class FakeRecords final : public Records {
 public:
  FakeRecords() {
    organizations = {{test_id<OrganizationId>(1), "Acme", {}},
                     {test_id<OrganizationId>(2), "Globex", {}}};
    for (Role role : {Role::owner, Role::admin, Role::member, Role::viewer, Role::auditor}) {
      add_user(role);
    }
    const OrganizationId home = organizations[0].id;
    const OrganizationId away = organizations[1].id;
    projects = {{test_id<ProjectId>(1), home, "Traces", {}},
                {test_id<ProjectId>(2), home, "Other", {}}};
    platforms = {{test_id<PlatformId>(1), home, projects[0].id, "Flow", {}, {}, {}, {}},
                 {test_id<PlatformId>(2), home, projects[0].id, "Bot", {}, {}, {}, {}},
                 {test_id<PlatformId>(3), home, projects[1].id, "Elsewhere", {}, {}, {}, {}},
                 {test_id<PlatformId>(4), away, test_id<ProjectId>(9), "Foreign", {}, {}, {}, {}}};
    targets = {{test_id<TargetId>(1), home, "Shop", "https://shop.test", {}},
               {test_id<TargetId>(2), home, "Blog", "https://blog.test", {}},
               {test_id<TargetId>(3), away, "Foreign", "https://foreign.test", {}}};
    keyspaces = {{test_id<KeyspaceId>(1), home, "Live", "acme_live_", {}}};
    add_server(1, home, "github");
    add_server(2, home, "jira");
    add_server(3, away, "foreign");
    add_service(1, home, "billing");
    add_service(2, away, "foreign");
    registries = {{test_id<RegistryId>(1), home, "Tools", {mcp_servers[0].id}, {}, true, {}}};
    published_registries = {&registries[0]};
  }

  Slot add_user(Role role) {
    const auto number = static_cast<std::uint8_t>(users.size() + 1);
    User user;
    user.id = test_id<UserId>(number);
    user.serial = number;
    Membership membership;
    membership.organization_id = organizations[0].id;
    membership.user_id = user.id;
    membership.role = role;
    user.memberships.push_back(membership);
    users.push_back(std::move(user));
    return static_cast<Slot>(users.size() - 1);
  }

  // A key of this kind with an owner that it can have: user `slot` 0 is the organization's owner.
  KeyRecord& add_key(std::string_view kind_name, std::string_view token, Slot owner = 0) {
    const Kind& kind = *shipped_kinds().named(kind_name);
    KeyRecord& key = keys.emplace_back();
    policies.push_back(std::make_unique<Policy>());
    if (kind.scope == ScopePolicy::required) policies.back()->scope = Scope{true, {}, ""};
    key.policy = policies.back().get();
    key.kind = kind.number;
    key.organization = 0;
    key.owner = owner;
    for (OwnerType type : {OwnerType::user, OwnerType::organization, OwnerType::project,
                           OwnerType::target, OwnerType::external}) {
      if (kind.owners.contains(type)) key.owner_type = type;
    }
    if (key.owner_type == OwnerType::external) {
      key.owner = kNoSlot;
      key.keyspace = 0;
    }
    by_token[std::string(token)] = &key;
    return key;
  }
  Policy& policy_of(const KeyRecord& key) { return const_cast<Policy&>(*key.policy); }

  const Kinds& kinds() const override { return shipped_kinds(); }
  const KeyRecord* find_token(std::string_view token) const override {
    ++lookups;
    auto found = by_token.find(token);
    return found == by_token.end() ? nullptr : found->second;
  }
  bool admits_foreign_tokens() const override { return foreign_tokens; }
  const Organization* organization(Slot slot) const override { return at(organizations, slot); }
  const User* user(Slot slot) const override { return at(users, slot); }
  Standing standing(Slot slot) const override {
    const User* user = at(users, slot);
    return user != nullptr && user->is_active() ? kSeveral : kNoSlot;
  }
  const Project* project(Slot slot) const override { return at(projects, slot); }
  const Target* target(Slot slot) const override { return at(targets, slot); }
  const Keyspace* keyspace(Slot slot) const override { return at(keyspaces, slot); }
  const McpServer* find_mcp_server(std::string_view id) const override {
    return find(mcp_servers, id);
  }
  const Platform* find_platform(std::string_view id) const override { return find(platforms, id); }
  const Target* find_target(std::string_view id) const override { return find(targets, id); }
  const Service* find_service(std::string_view id) const override { return find(services, id); }
  const std::vector<const Registry*>& registries_of(OrganizationId id) const override {
    return id == organizations[0].id ? published_registries : no_registries;
  }
  Meter& meter() const override { return fake_meter; }

  std::deque<Organization> organizations;
  std::deque<User> users;
  std::deque<Project> projects;
  std::deque<Platform> platforms;
  std::deque<Target> targets;
  std::deque<Keyspace> keyspaces;
  std::deque<McpServer> mcp_servers;
  std::deque<Service> services;
  std::deque<Registry> registries;
  std::vector<const Registry*> published_registries;
  std::vector<const Registry*> no_registries;
  std::deque<KeyRecord> keys;
  std::deque<std::unique_ptr<Policy>> policies;
  std::map<std::string, const KeyRecord*, std::less<>> by_token;
  bool foreign_tokens = false;
  mutable int lookups = 0;
  mutable FakeMeter fake_meter;

 private:
  // A record whose id was made nil counts as deleted, so that slots need not move.
  template <class T>
  static const T* at(const std::deque<T>& all, Slot slot) {
    return slot < all.size() && !all[slot].id.is_nil() ? &all[slot] : nullptr;
  }
  template <class T>
  static const T* find(const std::deque<T>& all, std::string_view id) {
    for (const T& one : all) {
      if (one.id.is_nil()) continue;
      if constexpr (requires { one.slug; }) {
        if (one.slug == id) return &one;
      }
      if (one.id.to_string() == id) return &one;
    }
    return nullptr;
  }
  void add_server(std::uint8_t number, OrganizationId organization, const char* slug) {
    McpServer& server = mcp_servers.emplace_back();
    server.id = test_id<McpServerId>(number);
    server.organization_id = organization;
    server.slug = server.name = slug;
  }
  void add_service(std::uint8_t number, OrganizationId organization, const char* slug) {
    Service& service = services.emplace_back();
    service.id = test_id<ServiceId>(number);
    service.organization_id = organization;
    service.slug = service.name = slug;
  }
};

}  // namespace keywright::domain
