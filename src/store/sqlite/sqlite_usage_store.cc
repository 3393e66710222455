#include "store/sqlite/sqlite_usage_store.h"

#include <algorithm>

namespace keywright::store {

namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kStepsDroppedAtOnce = 60;

std::int64_t stored(UsageStep step) { return static_cast<std::int64_t>(step); }

Result<void> make_tables(Database& database) {
  KW_CHECK_OK(
      database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                   "PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -4000"));
  KW_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version == kVersion) return {};
  if (version > kVersion) {
    return fail(Code::conflict, "usage_store_newer",
                "The counts of keys were kept by a newer Keywright. Start that one.");
  }
  KW_TRY(auto transaction, DatabaseTransaction::begin(database, "BEGIN IMMEDIATE"));
  KW_CHECK_OK(database.run(R"(
    CREATE TABLE counts (
      step INTEGER NOT NULL,     -- 0 minute, 1 hour, 2 day
      number INTEGER NOT NULL,   -- of the step, since 1970
      serial INTEGER NOT NULL,   -- of the key
      reason INTEGER NOT NULL,   -- 0: accepted
      count INTEGER NOT NULL,
      PRIMARY KEY (step, number, serial, reason)) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 1)"));
  return transaction.commit();
}

}  // namespace

Result<std::unique_ptr<SqliteUsageStore>> SqliteUsageStore::open(const std::string& path) {
  std::unique_ptr<SqliteUsageStore> store(new SqliteUsageStore);
  KW_TRY(store->writer_, Database::open(path, Database::Access::create, {}));
  KW_CHECK_OK(make_tables(store->writer_));
  KW_TRY(store->reader_, Database::open(path, Database::Access::read_only, {}));
  KW_CHECK_OK(store->prepare());
  return store;
}

Result<void> SqliteUsageStore::prepare() {
  KW_TRY(add_, writer_.prepare("INSERT INTO counts VALUES (?, ?, ?, ?, ?) ON CONFLICT "
                               "DO UPDATE SET count = count + excluded.count"));
  KW_TRY(oldest_, writer_.prepare("SELECT min(number) FROM counts WHERE step = ?"));
  KW_TRY(drop_, writer_.prepare("DELETE FROM counts WHERE step = ? AND number < ?"));
  KW_TRY(find_, reader_.prepare("SELECT reason, count FROM counts "
                                "WHERE step = ? AND number = ? AND serial = ?"));
  return {};
}

Result<void> SqliteUsageStore::add(Time minute, std::span<const UsageCount> counts) {
  KW_TRY(auto transaction, DatabaseTransaction::begin(writer_, "BEGIN IMMEDIATE"));
  for (const UsageStep step : kUsageSteps) {
    for (const UsageCount& count : counts) {
      Query query(add_);
      query.bind(stored(step)).bind(number_of(step, minute));
      query.bind(count.serial).bind(count.reason).bind(count.count);
      KW_CHECK_OK(query.run());
    }
  }
  return transaction.commit();
}

Result<std::vector<UsageRow>> SqliteUsageStore::read(std::span<const std::int64_t> serials,
                                                     UsageStep step, Time from, Time to) {
  std::vector<UsageRow> rows;
  const std::lock_guard lock(mutex_);
  KW_TRY(auto moment, DatabaseTransaction::begin(reader_, "BEGIN"));
  for (std::int64_t number = number_of(step, from); begin_of(step, number) < to; ++number) {
    for (const std::int64_t serial : serials) {
      Query query(find_);
      query.bind(stored(step)).bind(number).bind(serial);
      while (true) {
        KW_TRY(const bool found, query.next());
        if (!found) break;
        rows.push_back({begin_of(step, number), serial, query.integer(0), query.integer(1)});
      }
    }
  }
  KW_CHECK_OK(moment.commit());
  return rows;
}

Result<void> SqliteUsageStore::drop_old(Time now) {
  for (const UsageStep step : kUsageSteps) {
    const std::int64_t kept = number_of(step, now - kept_for(step));
    std::int64_t end = kept;
    {
      Query query(oldest_);
      query.bind(stored(step));
      KW_TRY(const bool found, query.next());
      if (!found || query.is_null(0) || query.integer(0) >= kept) continue;
      end = std::min(kept, query.integer(0) + kStepsDroppedAtOnce);
    }
    Query query(drop_);
    query.bind(stored(step)).bind(end);
    KW_CHECK_OK(query.run());
  }
  return {};
}

}  // namespace keywright::store
