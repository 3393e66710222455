#include "traces/trace_rows.h"

namespace keywright::traces {
namespace {

constexpr std::int64_t kVersion = 3;

Result<void> make_traces(store::Database& database) {
  return database.run(R"(
    CREATE TABLE traces (
      number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, project BLOB NOT NULL,
      platform BLOB NOT NULL, source INTEGER NOT NULL, external_id TEXT, name TEXT NOT NULL,
      status TEXT NOT NULL, key_id TEXT NOT NULL, routed_by TEXT NOT NULL, warnings TEXT NOT NULL,
      span_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, revision INTEGER NOT NULL,
      updated_at INTEGER NOT NULL, digest BLOB) STRICT;
    CREATE UNIQUE INDEX traces_by_external_id ON traces (platform, source, external_id)
      WHERE external_id IS NOT NULL;
    CREATE INDEX traces_by_platform ON traces (platform);
    CREATE INDEX traces_by_project ON traces (project);
    CREATE TABLE bodies (
      number INTEGER PRIMARY KEY, size INTEGER NOT NULL, checksum INTEGER NOT NULL,
      compressed INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE contexts (
      id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
      checksum INTEGER NOT NULL, compressed INTEGER NOT NULL, body BLOB NOT NULL,
      UNIQUE (trace, digest)) STRICT;
    CREATE TABLE spans (
      id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, span_id TEXT NOT NULL, start INTEGER NOT NULL,
      context INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL,
      compressed INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (trace, span_id)) STRICT;)");
}

Result<void> make_forwarding(store::Database& database) {
  return database.run(R"(
    CREATE TABLE forwardings (
      platform BLOB PRIMARY KEY, project BLOB NOT NULL, settings TEXT NOT NULL,
      state TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
    CREATE TABLE outbox (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, platform BLOB NOT NULL, trace INTEGER NOT NULL,
      revision INTEGER NOT NULL, first_span INTEGER NOT NULL, last_span INTEGER NOT NULL,
      hops INTEGER NOT NULL, queued_at INTEGER NOT NULL) STRICT;
    CREATE INDEX outbox_by_platform ON outbox (platform);
    CREATE INDEX outbox_by_trace ON outbox (trace);
    CREATE TABLE dead_letters (
      sequence INTEGER PRIMARY KEY, platform BLOB NOT NULL, trace INTEGER NOT NULL,
      revision INTEGER NOT NULL, first_span INTEGER NOT NULL, last_span INTEGER NOT NULL,
      hops INTEGER NOT NULL, queued_at INTEGER NOT NULL, failed_at INTEGER NOT NULL,
      attempts INTEGER NOT NULL, status INTEGER NOT NULL, problem TEXT NOT NULL) STRICT;
    CREATE INDEX dead_letters_by_platform ON dead_letters (platform);
    CREATE INDEX dead_letters_by_trace ON dead_letters (trace);
    CREATE TABLE unrouted (
      project BLOB PRIMARY KEY, at INTEGER NOT NULL, report TEXT NOT NULL) STRICT;
    PRAGMA user_version = 2)");
}

// Errors are what people look for; others pay nothing for these. And checks of rows
// (traces/row_check.h). Traces up to the number in `unchecked` were written without.
Result<void> add_checks(store::Database& database) {
  return database.run(R"(
    ALTER TABLE traces ADD COLUMN row_check INTEGER;
    ALTER TABLE bodies ADD COLUMN row_check INTEGER;
    ALTER TABLE spans ADD COLUMN row_check INTEGER;
    CREATE TABLE unchecked (number INTEGER NOT NULL) STRICT;
    INSERT INTO unchecked SELECT max(number) FROM traces HAVING max(number) IS NOT NULL;
    CREATE INDEX errors_by_platform ON traces (platform) WHERE status = 'error';
    CREATE INDEX errors_by_project ON traces (project) WHERE status = 'error';
    PRAGMA user_version = 3)");
}

}  // namespace

Result<void> prepare_tables(store::Database& database) {
  KW_CHECK_OK(
      database.run("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; "
                   "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; "
                   "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000"));
  KW_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version == kVersion) return {};
  if (version > kVersion) {
    return fail(Code::conflict, "trace_store_newer",
                "The trace store was made by a newer Keywright. Start that one.");
  }
  KW_TRY(auto transaction, store::DatabaseTransaction::begin(database, "BEGIN IMMEDIATE"));
  if (version == 0) KW_CHECK_OK(make_traces(database));
  if (version < 2) KW_CHECK_OK(make_forwarding(database));
  KW_CHECK_OK(add_checks(database));
  return transaction.commit();
}

Result<Number> last_unchecked(store::Database& database) {
  return database.integer("SELECT coalesce(max(number), 0) FROM unchecked");
}

}  // namespace keywright::traces
