// store/sqlite/writer.h - the one connection that writes, and checkpoints.
//
//   KW_TRY(Writer writer, Writer::open(path, "", clock, random));
//   KW_TRY(std::vector<Position> at, writer.write(group));       // all durable, or none
//
// SQLite in WAL mode with synchronous=FULL: write() returns after the WAL was synced. The audit
// chain's head, the serials and the position live here and are written with each group.
//
// Errors: those of sqlite.h and migrations.h.
// Threading: one thread at a time. Lifetime: clock and random outlive it.
// Cost: one fdatasync for a group, about 20 µs for a key with its audit event; every
// kCheckpointPages pages of WAL also a checkpoint.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/sqlite/journal.h"
#include "store/sqlite/sqlite.h"
#include "store/store.h"

namespace keywright::store {

class Writer {
 public:
  static constexpr int kCheckpointPages = 4000;  // of 4 KiB

  static Result<std::unique_ptr<Writer>> open(const std::string& path, const std::string& vfs,
                                              const Clock& clock, Random& random);

  Result<std::vector<Position>> write(std::span<const Transaction* const> group);
  // The next transaction gets a position above this one.
  void skip_positions(Position above) { heads_.position = std::max(heads_.position, above); }
  // Moves what it can from the WAL into the database, so that the WAL starts over.
  Result<void> checkpoint();

  Result<std::optional<IdempotentAnswer>> find_idempotent(std::string_view caller,
                                                          std::string_view key);
  Result<std::optional<std::string>> setting(std::string_view name);
  Result<void> set_setting(std::string_view name, std::string_view value);

  // Of the changes above `above`, oldest first, what took access away; about `limit` at most, but
  // whole transactions.
  Result<std::vector<JournalEntry>> removals(Position above, std::size_t limit);

  Position position() const { return heads_.position; }
  std::int64_t next_key_serial() { return next_key_serial_.fetch_add(1); }    // any thread
  std::int64_t next_user_serial() { return next_user_serial_.fetch_add(1); }  // any thread
  const Uuid& store_id() const { return store_id_; }

 private:
  struct Heads {
    Position position = 0;
    std::int64_t audit_events = 0;
    crypto::Sha256 audit_head{};
  };
  struct Statements {
    Statement put_record, delete_record, put_key, delete_versions, put_version, put_event, put_pack,
        put_term, put_change, put_heads, put_answer, delete_answers, find_answer, find_setting,
        put_setting, find_removals, find_reason;
  };

  Writer(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  Result<void> prepare();
  Result<void> read_heads();
  Result<void> read_store_id();

  Result<void> write_one(const Transaction& transaction, Heads& heads);
  Result<void> write_record(const RecordWrite& write);
  Result<void> write_key(const domain::Key& key);
  Result<void> write_events(std::span<const domain::AuditEvent> events, Heads& heads);
  Result<void> write_event(const domain::AuditEvent& event, Heads& heads);
  Result<void> write_pack(std::span<const domain::AuditEvent> events, Heads& heads);
  Result<void> write_answer(const IdempotentAnswer& answer);
  Result<void> write_change(const Transaction& transaction, Position position);
  Result<void> write_heads(const Heads& heads);
  Result<void> add_removals(const Query& change, std::vector<JournalEntry>& entries);

  const Clock& clock_;
  Random& random_;
  Database database_;
  Statements statements_;
  Heads heads_;
  std::atomic<std::int64_t> next_key_serial_{1};
  std::atomic<std::int64_t> next_user_serial_{1};
  Uuid store_id_;
};

}  // namespace keywright::store
