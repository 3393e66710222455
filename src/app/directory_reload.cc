// The part of Directory that several nodes need: loading everything anew while others read.
#include "app/directory.h"

#include <set>
#include <unordered_set>

namespace keywright::app {

class DirectoryReloader final : public store::Loader {
 public:
  explicit DirectoryReloader(Directory& directory) : directory_(directory) {}

  void record(store::Record record) override {
    seen_.emplace(record.type, record.id);
    directory_.put_record(record);
  }

  void key(domain::Key key) override {
    seen_keys_.insert(key.id);
    const domain::KeyRecord* known = directory_.keys_.find(key.id);
    if (known != nullptr && known->state == domain::KeyState::revoked &&
        key.state != domain::KeyState::revoked) {
      revived_.push_back(key.id);
      key.state = domain::KeyState::revoked;
    }
    directory_.put_key(key);
  }

  // Owners after what they own.
  std::vector<domain::KeyId> forget_others() {
    std::vector<domain::KeyId> keys;
    directory_.keys_.for_each([&](const domain::KeyRecord& key) {
      if (!seen_keys_.contains(key.id)) keys.push_back(key.id);
    });
    for (const domain::KeyId& id : keys) directory_.keys_.erase(id);
    forget_memberships();
    forget<domain::Ticket>(store::RecordType::ticket);
    forget<domain::Session>(store::RecordType::session);
    forget<domain::Keyspace>(store::RecordType::keyspace);
    forget<domain::Service>(store::RecordType::service);
    forget<domain::Registry>(store::RecordType::registry);
    forget<domain::McpServer>(store::RecordType::mcp_server);
    forget<domain::Target>(store::RecordType::target);
    forget<domain::Platform>(store::RecordType::platform);
    forget<domain::Project>(store::RecordType::project);
    forget<domain::User>(store::RecordType::user);
    forget<domain::Organization>(store::RecordType::organization);
    return std::move(revived_);
  }

 private:
  template <class T>
  void forget(store::RecordType type) {
    std::vector<Uuid> ids;
    directory_.table<T>().for_each([&](const T& object) {
      if (!seen_.contains({type, object.id.value})) ids.push_back(object.id.value);
    });
    for (const Uuid& id : ids) directory_.erase_record(type, id);
  }

  void forget_memberships() {
    std::vector<Uuid> ids;
    for (const auto& [id, user] : directory_.user_of_membership_) {
      if (!seen_.contains({store::RecordType::membership, id})) ids.push_back(id);
    }
    for (const Uuid& id : ids) directory_.erase_record(store::RecordType::membership, id);
  }

  Directory& directory_;
  std::set<std::pair<store::RecordType, Uuid>> seen_;
  std::unordered_set<domain::KeyId> seen_keys_;
  std::vector<domain::KeyId> revived_;
};

Result<std::vector<domain::KeyId>> Directory::reload(store::Store& store) {
  DirectoryReloader reloader(*this);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  const auto loaded = store.load(reloader);
  std::vector<domain::KeyId> revived;
  if (loaded) revived = reloader.forget_others();
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  if (!loaded) return fail(loaded.error());
  return revived;
}

bool Directory::has_record(store::RecordType type, const Uuid& id) const {
  using store::RecordType;
  switch (type) {
    case RecordType::organization: return organizations_.find(id) != nullptr;
    case RecordType::user: return users_.find(id) != nullptr;
    case RecordType::membership: return user_of_membership_.contains(id);
    case RecordType::project: return projects_.find(id) != nullptr;
    case RecordType::platform: return platforms_.find(id) != nullptr;
    case RecordType::target: return targets_.find(id) != nullptr;
    case RecordType::mcp_server: return mcp_servers_.find(id) != nullptr;
    case RecordType::registry: return registries_.find(id) != nullptr;
    case RecordType::service: return services_.find(id) != nullptr;
    case RecordType::keyspace: return keyspaces_.find(id) != nullptr;
    case RecordType::session: return sessions_.find(id) != nullptr;
    case RecordType::ticket: return tickets_.find(id) != nullptr;
  }
  return false;
}

}  // namespace keywright::app
