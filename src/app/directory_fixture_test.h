// app/directory_fixture_test.h - a directory over a store in memory, and ways to change both.
//
//   class Mine : public DirectoryTest {};
//   TEST_F(Mine, ...) {
//     const User ann = new_user("ann@acme.test");     // committed and applied
//     EXPECT_EQ(decided("anns-token"), Outcome::valid);
//   }
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "app/records_test.h"

namespace keywright::app {

class DirectoryTest : public RecordsTest<> {
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

  domain::Organization new_organization(std::string name = "Acme") {
    return put(domain::Organization{{ids.next()}, std::move(name), clock.now()});
  }
  domain::User new_user(std::string email) {
    domain::User user;
    user.id = {ids.next()};
    user.serial = store.next_user_serial();
    user.email = std::move(email);
    user.name = "Name of " + user.email;
    return put(user);
  }
  domain::Membership new_membership(domain::OrganizationId organization, domain::UserId user,
                                    domain::Role role) {
    const domain::Membership held{{ids.next()}, organization, user, role, true, clock.now()};
    apply([&](Change& change) { change.put_membership(held); });
    return held;
  }
  // A key whose token is `token`.
  domain::Key new_key(std::string_view kind, domain::OrganizationId organization,
                      domain::KeyOwner owner, const std::string& token,
                      std::optional<domain::KeyspaceId> keyspace = std::nullopt) {
    domain::Key key;
    key.id = domain::KeyId::arbitrary(random);
    key.serial = store.next_key_serial();
    key.kind = domain::shipped_kinds().named(kind)->number;
    key.name = token;
    key.owner = std::move(owner);
    key.organization_id = organization;
    key.keyspace_id = keyspace;
    key.created_at = clock.now();
    domain::KeyVersion version;
    version.cell = key.serial;
    version.digest = directory.digest_of(token);
    version.created_at = clock.now();
    key.versions = {version};
    apply([&](Change& change) { change.put_key(key); });
    return key;
  }
  domain::Outcome decided(std::string_view token, const domain::Ask& ask = {}) const {
    return domain::decide(token, ask, directory, clock.now()).outcome;
  }
};

}  // namespace keywright::app
