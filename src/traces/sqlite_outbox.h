// traces/sqlite_outbox.h - the outbox in SQLite. Of this room only.
//
//   KW_TRY(auto outbox, SqliteOutbox::open(database));     // of the connection that writes
//   if (KW_TRY(outbox.takes(platform))) outbox.add({.platform = platform, .trace = number, ...});
//
// Errors: those of store/sqlite/sqlite.h. Threading: the thread of the connection.
// Lifetime: the database outlives it.
#pragma once

#include <utility>

#include "store/sqlite/sqlite.h"
#include "traces/outbox.h"
#include "traces/trace_rows.h"

namespace keywright::traces {

class SqliteOutbox final : public Outbox {
 public:
  static Result<SqliteOutbox> open(store::Database& database);

  // Is this platform forwarded?
  Result<bool> takes(domain::PlatformId platform);
  Result<void> add(const Queued& queued);

  Result<void> put(const ForwardingRow& row) override;
  Result<void> remove(domain::PlatformId platform) override;

  Result<void> delivered(domain::PlatformId platform, std::int64_t sequence,
                         std::string_view state) override;
  Result<void> bury(const DeadLetter& letter, std::string_view state) override;
  Result<std::int64_t> redrive(domain::PlatformId platform, std::int64_t sequence,
                               Time now) override;

  Result<void> forget(Number trace);
  // Drops some of what belongs to no forwarding any more; how much.
  Result<int> sweep(int limit);
  // Was a forwarding removed since this was asked last?
  bool take_removed() { return std::exchange(removed_, false); }

 private:
  explicit SqliteOutbox(store::Database& database) : database_(&database) {}
  Result<void> prepare();
  Result<void> set_state(domain::PlatformId platform, std::string_view state);

  store::Database* database_;
  bool removed_ = false;
  store::Statement takes_, add_, put_, remove_, set_state_, delivered_, bury_, unqueue_;
  store::Statement redrive_, dug_up_, forget_, forget_dead_, sweep_, sweep_dead_;
};

}  // namespace keywright::traces
