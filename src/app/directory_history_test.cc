// The records in memory follow the change log: applied one by one they are what a start would load.
#include <map>
#include <set>

#include "app/directory_fixture_test.h"
#include "base/encoding.h"
#include "domain/keys/lifecycle.h"

namespace keywright::app {
namespace {

using namespace domain;

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
        default: rotate(key, version_of(new_token()), random_below(random, 2) * 60, clock.now());
      }
      return change.put_key(key);
    }
    domain::Key key;
    key.id = KeyId::arbitrary(random);
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
