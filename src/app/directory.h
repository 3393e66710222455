// app/directory.h - the records in memory: a projection of the store's change log, and the only
// thing a check looks at.
//
//   KW_CHECK_OK(directory.load(store));                  // at start
//   Decision d = decide(token, ask, directory, now);     // any io thread, no lock
//   directory.apply(transaction);                        // writer, after the commit
//
// Publication is one atomic store for each record; a reader sees each record whole, before or after
// a change. `epoch()` moves before and after every apply: a request that was admitted under another
// epoch is decided again before its response begins.
//
// Threading: Records and the find functions by any io thread; apply, load and free_retired by the
// writer. Lifetime: pointers are valid until the reader's next suspension (app/barrier.h).
// Cost: see key_table.h and object_table.h.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/found_idle.h"
#include "app/key_table.h"
#include "app/object_table.h"
#include "app/outcome_counters.h"
#include "app/session_uses.h"
#include "app/standings.h"
#include "app/usage.h"
#include "crypto/keyring.h"
#include "domain/keys/decide.h"
#include "store/store.h"

namespace keywright::app {

class Directory final : public domain::Records {
 public:
  // `keyring` outlives the directory.
  Directory(const crypto::Keyring& keyring, std::unique_ptr<UsageFile> usage_file, Time started_at);
  ~Directory();

  // The records of up to kTokensAtOnce tokens; null for those that nobody has. Cheaper than one
  // find_token() after the other when the keys are not in the cache.
  static constexpr std::size_t kTokensAtOnce = 16;
  void find_tokens(std::span<const std::string_view> tokens,
                   std::span<const domain::KeyRecord*> found) const;

  // domain::Records
  const domain::Kinds& kinds() const override { return domain::shipped_kinds(); }
  const domain::KeyRecord* find_token(std::string_view token) const override;
  bool admits_foreign_tokens() const override { return true; }
  const domain::Organization* organization(domain::Slot slot) const override;
  const domain::User* user(domain::Slot slot) const override;
  domain::Standing standing(domain::Slot user) const override { return standings_.at(user); }
  const domain::Project* project(domain::Slot slot) const override;
  const domain::Target* target(domain::Slot slot) const override;
  const domain::Keyspace* keyspace(domain::Slot slot) const override;
  const domain::McpServer* find_mcp_server(std::string_view id_or_slug) const override;
  const domain::Platform* find_platform(std::string_view id) const override;
  const domain::Target* find_target(std::string_view id) const override;
  const domain::Service* find_service(std::string_view id_or_slug) const override;
  const std::vector<const domain::Registry*>& registries_of(
      domain::OrganizationId organization) const override;
  domain::Meter& meter() const override { return meter_; }

  // By id. Null: never was, or deleted.
  template <class T>
  const T* find(const Uuid& id) const {
    return table<T>().find(id);
  }
  template <class T>
  const ObjectTable<T>& table() const;

  domain::Slot organization_slot(domain::OrganizationId id) const;
  const domain::User* find_user_by_email(std::string_view email) const;
  const domain::Session* find_session(const crypto::Sha256& digest) const;
  const domain::Ticket* find_ticket(const crypto::Sha256& digest) const;
  const KeyTable& keys() const { return keys_; }
  // "" if that owner is gone.
  std::string owner_name(const domain::KeyRecord& key) const;
  std::string owner_name(const domain::KeyOwner& owner) const;
  // False once owner, organization or keyspace is gone, or the user is active nowhere.
  bool owner_exists(const domain::KeyRecord& key) const;

  // Writer only.
  bool has_record(store::RecordType type, const Uuid& id) const;

  crypto::Sha256 digest_of(std::string_view token) const;  // with the newest digest key
  const crypto::Keyring& keyring() const { return keyring_; }
  UsageMeter& usage() const { return meter_; }
  SessionUses& session_uses() const { return session_uses_; }
  // Counts how a decision came out, and notes a key that was found idle.
  void note(const domain::Decision& decision) const;
  const OutcomeCounters& outcomes() const { return outcomes_; }
  FoundIdle& found_idle() const { return found_idle_; }
  // False while the records may be older than a check can be answered from: what other nodes wrote
  // does not reach this one. Always true for one node alone.
  bool is_fresh() const { return !fresh_ || fresh_(); }
  // Before the first request.
  void set_fresh(std::function<bool()> fresh) { fresh_ = std::move(fresh); }

  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

  // Writer only.
  Result<void> load(store::Store& store);
  // Makes room for so many keys; what a load does by itself.
  void reserve(std::size_t keys) { keys_.reserve(keys); }
  // While others read: takes what the store has, forgets what it has not. A key that was revoked
  // here stays revoked, whatever the store says; those for which it says otherwise are returned.
  Result<std::vector<domain::KeyId>> reload(store::Store& store);
  void apply(const store::Transaction& transaction);
  void free_retired() { reclaimer_.free_all(); }

 private:
  friend class DirectoryLoader;
  friend class DirectoryReloader;
  struct RegistryList {
    std::vector<const domain::Registry*> registries;
  };

  template <class T>
  ObjectTable<T>& mutable_table();
  template <class T>
  void put_object(const store::Record& record);
  void put_record(const store::Record& record);
  void erase_record(store::RecordType type, const Uuid& id);
  void put_user(const store::Record& record);
  void publish_user(const Uuid& id, std::unique_ptr<const domain::User> user);
  void note_standing(const Uuid& user);
  void put_membership(const store::Record& record);
  void erase_membership(const Uuid& id);
  void put_registry(const store::Record& record);
  void publish_registries(const Uuid& organization);
  void put_key(const domain::Key& key);
  KeySlots slots_of(const domain::Key& key) const;

  mutable Reclaimer reclaimer_;
  const crypto::Keyring& keyring_;
  mutable UsageMeter meter_;
  mutable SessionUses session_uses_;
  mutable OutcomeCounters outcomes_;
  mutable FoundIdle found_idle_;
  KeyTable keys_;
  ObjectTable<domain::Organization> organizations_;
  ObjectTable<domain::User> users_;
  ObjectTable<domain::Project> projects_;
  ObjectTable<domain::Platform> platforms_;
  ObjectTable<domain::Target> targets_;
  ObjectTable<domain::McpServer> mcp_servers_;
  ObjectTable<domain::Registry> registries_;
  ObjectTable<domain::Service> services_;
  ObjectTable<domain::Keyspace> keyspaces_;
  ObjectTable<domain::Session> sessions_;
  ObjectTable<domain::Ticket> tickets_;
  ObjectTable<RegistryList> registry_lists_;  // by organization
  Standings standings_;
  HashIndex users_by_email_;
  HashIndex mcp_servers_by_slug_;
  HashIndex services_by_slug_;
  HashIndex sessions_by_digest_;
  HashIndex tickets_by_digest_;
  std::unordered_map<Uuid, Uuid> user_of_membership_;
  std::map<Uuid, std::vector<Uuid>> registries_by_organization_;
  std::function<bool()> fresh_;
  std::atomic<std::uint64_t> epoch_{0};
};

}  // namespace keywright::app
