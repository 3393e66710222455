// store/memory/memory_store.h - the reference store: everything in plain containers, gone at the
// end.
//
//   TestClock clock;
//   MemoryStore store(clock);
//   store.set_disk_full(true);       // from now on only what removes access is stored
//   store.fail_commit(3);            // the third commit from now meets a broken disk
//
// It says by its simplicity what a store does; the others are held against it by store/conformance.
// Lists are sorted and searched from end to end at each call: for tests, not for use.
//
// Errors: as store.h. backup() is not_found/backup_unsupported.
// Threading: every function from any thread; one mutex. Cost: linear in everything.
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "store/store.h"

namespace keywright::store {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  std::vector<Result<Position>> commit(std::span<const Transaction> group) override;
  Result<std::optional<IdempotentAnswer>> find_idempotent(std::string_view caller,
                                                          std::string_view key) override;
  Result<void> load(Loader& loader) override;
  Position position() override;
  std::int64_t next_key_serial() override;
  std::int64_t next_user_serial() override;
  Result<std::optional<std::string>> setting(std::string_view name) override;
  Result<void> set_setting(std::string_view name, std::string_view value) override;

  Result<PageOf<Record>> list_records(const RecordFilter& filter, const Page& page) override;
  Result<std::optional<domain::Key>> get_key(const domain::KeyId& id) override;
  Result<PageOf<domain::Key>> list_keys(const KeyFilter& filter, const Page& page) override;
  Result<PageOf<domain::AuditEvent>> list_audit(const AuditFilter& filter,
                                                const Page& page) override;
  Result<AuditVerification> verify_stretch(const AuditStretch& stretch) override;
  Result<void> backup(const std::string& to_path,
                      const std::function<void(int, int)>& progress) override;
  bool writable() override;

  // Faults, for tests. `number` counts commits from now, 1 is the next one; after it nothing is
  // stored any more, as with a disk whose fsync failed.
  void fail_commit(int number);
  void set_disk_full(bool full);
  // Replaces a stored event behind the chain's back; `number` counts from 1, oldest first.
  void tamper_with_event(std::uint64_t number, const domain::AuditEvent& event);

 private:
  struct ChainedEvent {
    domain::AuditEvent event;
    crypto::Sha256 hash;
  };

  // What would keep the group from being stored as a whole.
  Result<void> check_group(std::span<const Transaction> group) const;
  void apply(const Transaction& transaction);

  const Clock& clock_;
  std::mutex mutex_;
  Position position_ = 0;
  std::map<std::pair<RecordType, Uuid>, Record> records_;
  std::map<std::int64_t, domain::Key> keys_;  // by serial
  std::map<domain::KeyId, std::int64_t> serials_;
  std::vector<ChainedEvent> events_;
  std::map<std::pair<std::string, std::string>, IdempotentAnswer> answers_;
  std::map<std::string, std::string, std::less<>> settings_;
  std::int64_t last_key_serial_ = 0;
  std::int64_t last_user_serial_ = 0;
  int commits_until_failure_ = 0;  // 0 = no failure is due
  bool broken_ = false;
  bool disk_full_ = false;
};

}  // namespace keywright::store
