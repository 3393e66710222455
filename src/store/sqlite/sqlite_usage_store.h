// store/sqlite/sqlite_usage_store.h - the counts of keys in a SQLite file of their own.
//
//   KW_TRY(auto usage, SqliteUsageStore::open("/var/lib/keywright/usage.db"));
//
// A file of its own, so that no change of a key waits for counts. WAL with synchronous=NORMAL: a
// machine that loses power may lose the last minutes, never the file.
//
// Rows are ordered by time first: a minute is written in one place of the file, however many keys
// it has, and old ones go in one piece.
//
// Errors: those of sqlite.h; conflict/usage_store_newer for a file of a newer program.
// Threading: as store/usage_store.h; reads take turns. Cost: a row is about 16 bytes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "store/sqlite/sqlite.h"
#include "store/usage_store.h"

namespace keywright::store {

class SqliteUsageStore final : public UsageStore {
 public:
  static Result<std::unique_ptr<SqliteUsageStore>> open(const std::string& path);

  Result<void> add(Time minute, std::span<const UsageCount> counts) override;
  Result<std::vector<UsageRow>> read(std::span<const std::int64_t> serials, UsageStep step,
                                     Time from, Time to) override;
  Result<void> drop_old(Time now) override;

 private:
  SqliteUsageStore() = default;

  Result<void> prepare();

  Database writer_;
  Statement add_;
  Statement oldest_;
  Statement drop_;
  std::mutex mutex_;  // guards what follows
  Database reader_;
  Statement find_;
};

}  // namespace keywright::store
