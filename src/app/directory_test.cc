// The records in memory follow the change log: applied one by one they are what a start would load.
#include "app/directory.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "app/change.h"
#include "app/harness_test.h"
#include "base/encoding.h"
#include "domain/keys/lifecycle.h"

namespace keywright::app {
namespace {

using namespace domain;

class DirectoryTest : public testing::Test {
 protected:
  // Makes a change durable and visible, as the committer does.
  template <class Work>
  void apply(Work&& work) {
    const Pending nothing;
    Change change(tools, nothing, clock.now());
    work(change);
    ASSERT_TRUE(store.commit(std::span(&change.transaction, 1)).front().has_value());
    directory.apply(change.transaction);
    directory.free_retired();
  }
  template <class T>
  T put(T object) {
    apply([&](Change& change) { change.put(object); });
    return object;
  }
  template <class T>
  void erase(const T& object) {
    apply([&](Change& change) { change.erase<T>(object.id.value); });
  }

  Organization new_organization(std::string name = "Acme") {
    return put(Organization{{ids.next()}, std::move(name), clock.now()});
  }
  User new_user(std::string email) {
    User user;
    user.id = {ids.next()};
    user.serial = store.next_user_serial();
    user.email = std::move(email);
    user.name = "Name of " + user.email;
    return put(user);
  }
  Membership new_membership(OrganizationId organization, UserId user, Role role) {
    const Membership held{{ids.next()}, organization, user, role, true, clock.now()};
    apply([&](Change& change) { change.put_membership(held); });
    return held;
  }
  // A key whose token is `token`.
  domain::Key new_key(std::string_view kind, OrganizationId organization, KeyOwner owner,
                      const std::string& token, std::optional<KeyspaceId> keyspace = std::nullopt) {
    domain::Key key;
    key.id = KeyId::generate(random);
    key.serial = store.next_key_serial();
    key.kind = shipped_kinds().named(kind)->number;
    key.name = token;
    key.owner = std::move(owner);
    key.organization_id = organization;
    key.keyspace_id = keyspace;
    key.created_at = clock.now();
    KeyVersion version;
    version.cell = key.serial;
    version.digest = directory.digest_of(token);
    version.created_at = clock.now();
    key.versions = {version};
    apply([&](Change& change) { change.put_key(key); });
    return key;
  }
  Outcome decided(std::string_view token, const Ask& ask = {}) const {
    return decide(token, ask, directory, clock.now()).outcome;
  }

  TestClock clock;
  SharedRandom random{21};
  crypto::Keyring keyring = crypto::Keyring::generate(clock, random);
  store::MemoryStore store{clock};
  Directory directory{keyring, test_usage_file(), clock.now()};
  Settings settings;
  UuidGenerator ids{clock, random};
  ChangeTools tools{directory, store, random, ids, settings};
};

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

// --- a random history --------------------------------------------------------------------------

class RandomHistory : public DirectoryTest {
 protected:
  static constexpr std::size_t kOrganizations = 4;

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[random_below(random, from.size())];
  }
  bool one_in(std::uint64_t n) { return random_below(random, n) == 0; }
  // A text that no record has now; it may have been another's before.
  std::string free_text() {
    while (true) {
      std::string text = "text-" + std::to_string(random_below(random, 400));
      if (texts_in_use.insert(text).second) return text;
    }
  }
  std::string moved(const std::string& old) {
    if (!one_in(2)) return old;
    texts_in_use.erase(old);
    return free_text();
  }
  OrganizationId some_organization() { return pick(organizations); }

  template <class T>
  void put_some(Change& change, std::map<Uuid, T>& live, T object) {
    live[object.id.value] = object;
    seen.insert(object.id.value);
    change.put(object);
  }
  template <class T>
  T some_of(const std::map<Uuid, T>& live) {
    return std::next(live.begin(), static_cast<std::ptrdiff_t>(random_below(random, live.size())))
        ->second;
  }
  // A new one, or an old one to be changed.
  template <class T>
  T draft(const std::map<Uuid, T>& live) {
    if (!live.empty() && !one_in(3)) return some_of(live);
    T made;
    made.id = {ids.next()};
    made.created_at = clock.now();
    if constexpr (requires { made.organization_id; }) made.organization_id = some_organization();
    return made;
  }
  template <class T>
  void erase_some(Change& change, std::map<Uuid, T>& live) {
    if (live.empty()) return;
    const T victim = some_of(live);
    if constexpr (requires { victim.slug; }) texts_in_use.erase(victim.slug);
    change.erase<T>(victim.id.value);
    live.erase(victim.id.value);
  }

  void change_people(Change& change) {
    User user = draft(users);
    if (one_in(4) && users.contains(user.id.value)) {
      for (auto held = memberships.begin(); held != memberships.end();) {
        if (held->second.user_id != user.id) {
          ++held;
          continue;
        }
        change.erase_membership(held->second);
        held = memberships.erase(held);
      }
      texts_in_use.erase(user.email);
      change.erase<User>(user.id.value);
      users.erase(user.id.value);
      return;
    }
    if (user.serial == 0) user.serial = store.next_user_serial();
    user.email = user.email.empty() ? free_text() : moved(user.email);
    user.name = "name " + std::to_string(random_below(random, 100));
    put_some(change, users, user);
    if (one_in(2)) return;
    Membership held = draft(memberships);
    if (held.user_id.is_nil()) held.user_id = user.id;
    held.role = static_cast<Role>(random_below(random, 5));
    held.active = !one_in(3);
    memberships[held.id.value] = held;
    change.put_membership(held);
  }

  void change_things(Change& change) {
    switch (random_below(random, 9)) {
      case 0: {
        Organization one{pick(organizations),
                         "organization " + std::to_string(random_below(random, 100)), clock.now()};
        return change.put(one);
      }
      case 1: return put_some(change, projects, draft(projects));
      case 2: {
        Platform platform = draft(platforms);
        if (!projects.empty()) platform.project_id = some_of(projects).id;
        return put_some(change, platforms, platform);
      }
      case 3: {
        McpServer server = draft(servers);
        server.slug = server.slug.empty() ? free_text() : moved(server.slug);
        server.enabled = one_in(2);
        return put_some(change, servers, server);
      }
      case 4: {
        Service service = draft(services);
        service.slug = service.slug.empty() ? free_text() : moved(service.slug);
        return put_some(change, services, service);
      }
      case 5: {
        Registry registry = draft(registries);
        registry.everyone = one_in(2);
        return put_some(change, registries, registry);
      }
      case 6: return put_some(change, keyspaces, draft(keyspaces));
      case 7: return put_some(change, targets, draft(targets));
      default: {
        Session session = draft(sessions);
        if (session.digest.empty()) session.digest = encode_hex(random_bytes<32>(random));
        if (!users.empty()) session.user_id = some_of(users).id;
        digests.push_back(session.digest);
        return put_some(change, sessions, session);
      }
    }
  }

  void erase_things(Change& change) {
    switch (random_below(random, 8)) {
      case 0: return erase_some(change, projects);
      case 1: return erase_some(change, platforms);
      case 2: return erase_some(change, servers);
      case 3: return erase_some(change, services);
      case 4: return erase_some(change, registries);
      case 5: return erase_some(change, keyspaces);
      case 6: return erase_some(change, targets);
      default: return erase_some(change, sessions);
    }
  }

  void change_keys(Change& change) {
    if (!keys.empty() && !one_in(3)) {
      domain::Key& key = keys[random_below(random, keys.size())];
      switch (random_below(random, 5)) {
        case 0: key.name += "x"; break;
        case 1: revoke(key, "over", clock.now()); break;
        case 2:
          if (key.state == KeyState::active) key.state = KeyState::disabled;
          break;
        case 3: key.policy.permissions = {{"a." + std::to_string(random_below(random, 9))}}; break;
        case 4: rotate(key, version_of(new_token()), random_below(random, 2) * 60, clock.now());
      }
      return change.put_key(key);
    }
    domain::Key key;
    key.id = KeyId::generate(random);
    key.serial = store.next_key_serial();
    key.organization_id = some_organization();
    key.created_at = clock.now();
    key.name = "key";
    key.versions = {version_of(new_token())};
    if (one_in(2) && !users.empty()) {
      key.kind = shipped_kinds().named("access")->number;
      key.owner = {OwnerType::user, some_of(users).id.to_string()};
    } else if (one_in(2) && !projects.empty()) {
      key.kind = shipped_kinds().named("ingest")->number;
      key.owner = {OwnerType::project, some_of(projects).id.to_string()};
      key.policy.scope = Scope{true, {}, {}};
    } else {
      key.kind = shipped_kinds().named("customer")->number;
      key.owner = {OwnerType::external, "c"};
      key.policy.limits = {{"l", 100, 60}};
      if (!keyspaces.empty()) key.keyspace_id = some_of(keyspaces).id;
    }
    keys.push_back(key);
    change.put_key(key);
  }
  std::string new_token() {
    tokens.push_back("token-" + std::to_string(tokens.size()));
    return tokens.back();
  }
  KeyVersion version_of(const std::string& token) {
    KeyVersion version;
    version.cell = store.next_key_serial();
    version.digest = directory.digest_of(token);
    version.created_at = clock.now();
    return version;
  }

  // Everything that anybody may ask of a directory about what has ever been there.
  template <class T>
  void describe(const Directory& from, std::string& out) const {
    for (const Uuid& id : seen) {
      const T* object = from.find<T>(id);
      if (object != nullptr) out += json::encode(*object, {.form = json::Form::store}) + "\n";
    }
  }
  std::string describe(const Directory& from) const {
    std::string out;
    describe<Project>(from, out);
    describe<Platform>(from, out);
    describe<Target>(from, out);
    describe<McpServer>(from, out);
    describe<Registry>(from, out);
    describe<Service>(from, out);
    describe<Keyspace>(from, out);
    describe<Session>(from, out);
    describe<User>(from, out);
    for (const Uuid& id : seen) {
      if (const User* user = from.find<User>(id)) {
        for (const Membership& held : user->memberships) out += json::encode(held) + "\n";
      }
    }
    for (int i = 0; i < 400; ++i) {
      const std::string text = "text-" + std::to_string(i);
      out += text + ":";
      if (const auto* user = from.find_user_by_email(text)) out += user->id.to_string();
      if (const auto* server = from.find_mcp_server(text)) out += server->id.to_string();
      if (const auto* service = from.find_service(text)) out += service->id.to_string();
    }
    for (const std::string& digest : digests) {
      crypto::Sha256 bytes{};
      if (!decode_hex_into(digest, bytes)) std::abort();
      const Session* session = from.find_session(bytes);
      out += session == nullptr ? "-" : session->id.to_string();
    }
    for (const OrganizationId& organization : organizations) {
      const auto* found = from.find<Organization>(organization.value);
      out += found == nullptr ? "none\n" : found->name + "\n";
      for (const Registry* one : from.registries_of(organization)) out += json::encode(*one);
    }
    for (const std::string& token : tokens) {
      const Decision decision = decide(token, {.explain = true}, from, clock.now());
      out += "\n" + token + " " + std::string(name_of(decision.outcome));
      for (const FailedCheck& failed : decision.failed) out += " " + failed.detail;
      if (decision.key == nullptr) continue;
      out += " " + decision.key->id.to_string() + " " + std::string(decision.key->text->name());
      out += " " + from.owner_name(*decision.key) + (from.owner_exists(*decision.key) ? "+" : "-");
    }
    return out;
  }

  std::vector<OrganizationId> organizations;
  std::map<Uuid, User> users;
  std::map<Uuid, Membership> memberships;
  std::map<Uuid, Project> projects;
  std::map<Uuid, Platform> platforms;
  std::map<Uuid, Target> targets;
  std::map<Uuid, McpServer> servers;
  std::map<Uuid, Service> services;
  std::map<Uuid, Registry> registries;
  std::map<Uuid, Keyspace> keyspaces;
  std::map<Uuid, Session> sessions;
  std::vector<domain::Key> keys;
  std::set<Uuid> seen;
  std::set<std::string> texts_in_use;
  std::vector<std::string> digests;
  std::vector<std::string> tokens;
};

TEST_F(RandomHistory, AppliedChangeByChangeEqualsLoadedAtOnce) {
  for (std::size_t i = 0; i < kOrganizations; ++i) organizations.push_back(new_organization().id);
  for (int step = 1; step <= 1500; ++step) {
    clock.advance(std::chrono::seconds{1});
    apply([&](Change& change) {
      for (std::uint64_t i = 0, n = 1 + random_below(random, 3); i < n; ++i) {
        switch (random_below(random, 8)) {
          case 0:
          case 1: change_people(change); break;
          case 2:
          case 3:
          case 4: change_things(change); break;
          case 5: erase_things(change); break;
          default: change_keys(change); break;
        }
      }
      if (step % 400 == 0) change.erase<Organization>(some_organization().value);
    });
    if (step % 150 != 0) continue;
    Directory fresh(keyring, test_usage_file(), clock.now());
    ASSERT_TRUE(fresh.load(store).has_value());
    ASSERT_EQ(describe(directory), describe(fresh)) << "after step " << step;
    ASSERT_EQ(directory.keys().size(), keys.size());
  }
  EXPECT_GT(tokens.size(), 300u);
}

}  // namespace
}  // namespace keywright::app
