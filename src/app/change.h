// app/change.h - what one change sees and what it is going to write.
//
//   Result<void> rename(Change& change, domain::ProjectId id, std::string name) {
//     const domain::Project* project = change.find<domain::Project>(id.value);
//     if (project == nullptr) return fail(Code::not_found, "not_found", "No project has this id.");
//     domain::Project renamed = *project;
//     renamed.name = std::move(name);
//     change.put(renamed);
//     return {};
//   }
//
// A change runs on the writer thread, immediately before it is written: it reads the records in
// memory as the changes before it leave them, including those of its own group that are not yet
// durable, so rules and rights are decided on what will be true. Nothing it puts is visible to
// anybody until the group is durable. A change that returns an error leaves nothing behind.
//
// Threading: writer thread. Lifetime: pointers from find() die with the change, and with the next
// put of the same record. Cost: memory only, except whole_key(), which may read the store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/directory.h"
#include "app/record_traits.h"
#include "app/settings.h"
#include "base/uuid.h"
#include "json/codec.h"

namespace keywright::app {

// What the changes of one group have put so far.
struct Pending {
  using RecordKey = std::pair<store::RecordType, Uuid>;
  std::map<RecordKey, std::shared_ptr<const void>> records;  // null: deleted
  std::unordered_map<domain::KeyId, std::shared_ptr<const domain::Key>> keys;
  std::map<std::pair<std::string, std::string>, store::IdempotentAnswer> answers;
};

// What a change needs besides records.
struct ChangeTools {
  Directory& directory;
  store::Store& store;
  Random& random;
  UuidGenerator& ids;
  const Settings& settings;
};

class Change {
 public:
  Change(ChangeTools& tools, const Pending& earlier, Time time)
      : now(time), tools_(tools), earlier_(earlier) {}
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  const Time now;

  const Directory& directory() const { return tools_.directory; }
  const Settings& settings() const { return tools_.settings; }
  const crypto::Keyring& keyring() const { return tools_.directory.keyring(); }
  Random& random() { return tools_.random; }
  Uuid new_id() { return tools_.ids.next(); }
  domain::KeyId new_key_id() const;
  std::int64_t new_key_serial() { return tools_.store.next_key_serial(); }
  std::int64_t new_user_serial() { return tools_.store.next_user_serial(); }

  template <class T>
  const T* find(const Uuid& id) const {
    const Pending::RecordKey key{RecordTraits<T>::type, id};
    for (const Pending* pending : {&own_, &earlier_}) {
      const auto found = pending->records.find(key);
      if (found != pending->records.end()) return static_cast<const T*>(found->second.get());
    }
    return tools_.directory.find<T>(id);
  }

  // A record put by this group that `accept` likes. For uniqueness: the index knows the rest.
  template <class T, class Accept>
  const T* find_pending(Accept&& accept) const {
    const T* found = nullptr;
    for_each_pending<T>([&](const T& object) {
      if (found == nullptr && accept(object)) found = &object;
    });
    return found;
  }

  const domain::User* find_user_by_email(std::string_view email) const;

  // Every object of a type, each once, with what this group did to them.
  template <class T, class Visit>
  void for_each(Visit&& visit) const {
    tools_.directory.table<T>().for_each([&](const T& object) {
      const T* newest = find<T>(object.id.value);
      if (newest != nullptr) visit(*newest);
    });
    for_each_pending<T>([&](const T& object) {
      if (tools_.directory.find<T>(object.id.value) == nullptr) visit(object);
    });
  }

  // A key with all its fields; not_found if there is none with this id.
  Result<domain::Key> whole_key(const domain::KeyId& id) const;
  // As this group leaves it; null if the group has not touched it.
  const domain::Key* pending_key(const domain::KeyId& id) const;
  // What an earlier request of this caller with this Idempotency-Key was answered.
  Result<std::optional<store::IdempotentAnswer>> find_answer(const std::string& caller,
                                                             const std::string& key) const;
  // True if a token with this digest exists or is about to.
  bool digest_taken(const crypto::Sha256& digest) const;

  template <class T>
  void put(const T& object) {
    using Traits = RecordTraits<T>;
    store::Record record{Traits::type, object.id.value, Traits::organization(object),
                         Traits::parent(object), json::encode(object, {.form = json::Form::store})};
    transaction.records.push_back({std::move(record), false});
    own_.records[{Traits::type, object.id.value}] = std::make_shared<const T>(object);
  }

  template <class T>
  void erase(const Uuid& id) {
    transaction.records.push_back({{RecordTraits<T>::type, id, {}, {}, {}}, true});
    own_.records[{RecordTraits<T>::type, id}] = nullptr;
  }

  // Keys that wait for the first use of an imported slow hash with this prefix.
  std::size_t slow_count(std::string_view prefix) const;

  // A membership changes the user that holds it, too.
  void put_membership(const domain::Membership& membership);
  void erase_membership(const domain::Membership& membership);

  void put_key(domain::Key key);

  // The line of the audit log that tells of this change. Fields that the caller's request gives
  // (actor, request id, address) are filled in by the operation.
  void audit(domain::AuditEvent event);

  // This change takes access away: it must succeed on a full disk.
  void removes_access() { transaction.removes_access = true; }

  // Moves what this change put into what its group has put.
  void merge_into(Pending& group);

  store::Transaction transaction;

 private:
  // What this group put and did not delete, each in its newest state.
  template <class T, class Visit>
  void for_each_pending(Visit&& visit) const {
    for (const Pending* pending : {&own_, &earlier_}) {
      for (const auto& [key, value] : pending->records) {
        if (key.first != RecordTraits<T>::type || value == nullptr) continue;
        if (pending == &earlier_ && own_.records.contains(key)) continue;
        visit(*static_cast<const T*>(value.get()));
      }
    }
  }

  ChangeTools& tools_;
  const Pending& earlier_;
  Pending own_;
};

}  // namespace keywright::app
