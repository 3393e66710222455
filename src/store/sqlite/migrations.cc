#include "store/sqlite/migrations.h"

#include <fmt/core.h>

namespace keywright::store {
namespace {

// "KWST": tells a store from any other database, to us and to file(1).
constexpr std::int64_t kApplicationId = 0x4b575354;
constexpr Sql kMarkAsStore(R"sql(
  PRAGMA application_id = 1264014164;
  CREATE TABLE IF NOT EXISTS schema_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
  ) STRICT;
)sql");

constexpr Migration kMigrations[] = {
    // Ids of 16 bytes are BLOBs, times are Unix milliseconds, enumerations their numbers in C++.
    // The row id of `keys` is the serial: a load reads it in order, new keys go to its end, and
    // every index on it is ordered by serial within its own columns.
    {1, R"sql(
      CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)
      STRICT, WITHOUT ROWID;

      CREATE TABLE heads (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        audit_events INTEGER NOT NULL,
        audit_head BLOB NOT NULL,
        next_key_serial INTEGER NOT NULL,
        next_user_serial INTEGER NOT NULL
      ) STRICT;
      INSERT INTO heads VALUES (1, 0, zeroblob(32), 1, 1);

      CREATE TABLE change_log (
        position INTEGER PRIMARY KEY,
        entry BLOB NOT NULL,             -- 16 random bytes: tells two histories apart
        time INTEGER NOT NULL,
        removes_access INTEGER NOT NULL,
        subjects BLOB NOT NULL           -- what changed: journal.h, 18 bytes each
      ) STRICT;
      CREATE INDEX change_log_removals ON change_log (position) WHERE removes_access = 1;

      CREATE TABLE records (
        type INTEGER NOT NULL,
        id BLOB NOT NULL,
        organization BLOB NOT NULL,
        parent BLOB NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (type, id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX records_by_organization ON records (type, organization);
      CREATE INDEX records_by_parent ON records (type, parent);

      CREATE TABLE keys (
        serial INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        owner_type INTEGER NOT NULL,
        owner_id TEXT NOT NULL,
        organization BLOB NOT NULL,
        keyspace BLOB,
        policy TEXT NOT NULL,            -- policy_text.h
        metadata TEXT,
        credits_remaining INTEGER NOT NULL,
        credits_set_at INTEGER NOT NULL,
        state INTEGER NOT NULL,
        state_reason TEXT NOT NULL,
        created_by TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        idle_timeout_seconds INTEGER,
        idle_expired_at INTEGER,
        revoked_at INTEGER,
        version INTEGER NOT NULL,        -- the current secret; older ones are in key_versions
        digest BLOB NOT NULL,
        prefix TEXT NOT NULL,
        last4 TEXT NOT NULL,
        mask TEXT NOT NULL,
        sealed_slow_hash TEXT NOT NULL,
        version_created_at INTEGER NOT NULL,
        version_retires_at INTEGER,
        slow_prefix TEXT NOT NULL,       -- of the token that an imported slow hash waits for
        usage_cell INTEGER NOT NULL,     -- where its last use is counted
        older_versions INTEGER NOT NULL  -- how many rows key_versions has
      ) STRICT;
      CREATE INDEX keys_by_organization ON keys (organization);
      CREATE INDEX live_keys_by_organization ON keys (organization) WHERE state <> 2;
      CREATE INDEX keys_by_owner ON keys (owner_id, owner_type);
      CREATE INDEX keys_by_keyspace ON keys (keyspace) WHERE keyspace IS NOT NULL;

      CREATE TABLE key_versions (
        serial INTEGER NOT NULL,
        place INTEGER NOT NULL,          -- 1 is the newest after the current one
        version INTEGER NOT NULL,
        digest BLOB NOT NULL,
        prefix TEXT NOT NULL,
        last4 TEXT NOT NULL,
        mask TEXT NOT NULL,
        sealed_slow_hash TEXT NOT NULL,
        version_created_at INTEGER NOT NULL,
        version_retires_at INTEGER,
        slow_prefix TEXT NOT NULL,
        usage_cell INTEGER NOT NULL,
        PRIMARY KEY (serial, place)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE audit_events (
        number INTEGER PRIMARY KEY,      -- 1, 2, 3, ... without gaps: the order of the chain
        id BLOB NOT NULL,
        organization BLOB NOT NULL,
        time INTEGER NOT NULL,
        actor_type TEXT NOT NULL,
        actor_id TEXT NOT NULL,
        actor_key_id TEXT NOT NULL,
        action TEXT NOT NULL,
        object_type TEXT NOT NULL,
        object_id TEXT NOT NULL,
        object_name TEXT NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        request_id TEXT NOT NULL,
        address TEXT NOT NULL,
        details TEXT,
        hash BLOB NOT NULL
      ) STRICT;
      CREATE INDEX audit_by_time ON audit_events (time);
      CREATE INDEX audit_by_organization ON audit_events (organization, time);
      CREATE INDEX audit_by_action ON audit_events (organization, action, time);
      CREATE INDEX audit_by_object ON audit_events (object_id, time) WHERE object_id <> '';
      CREATE INDEX audit_by_actor ON audit_events (actor_id, time) WHERE actor_id <> '';
      CREATE INDEX audit_by_actor_key ON audit_events (actor_key_id, time)
        WHERE actor_key_id <> '';

      CREATE TABLE idempotent_answers (
        caller TEXT NOT NULL,
        key TEXT NOT NULL,
        request_hash TEXT NOT NULL,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (caller, key)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX idempotent_answers_by_end ON idempotent_answers (expires_at);
    )sql"},
    // Audit events that came many at once: audit_pack.h. Their numbers are missing in audit_events.
    {2, R"sql(
      CREATE TABLE audit_packs (
        first INTEGER PRIMARY KEY,       -- number of its first event
        last INTEGER NOT NULL,
        time INTEGER NOT NULL,           -- of all its events
        events BLOB NOT NULL
      ) STRICT;
      CREATE TABLE audit_pack_terms (
        term BLOB NOT NULL,              -- what occurs in the pack
        time INTEGER NOT NULL,
        first INTEGER NOT NULL,
        PRIMARY KEY (term, time, first)
      ) STRICT, WITHOUT ROWID;
    )sql"},
    // What one request did. Packs have no term for it: nearly each of their events has its own.
    {3, R"sql(
      CREATE INDEX audit_by_request ON audit_events (request_id, time) WHERE request_id <> '';
    )sql"},
};

Result<std::int64_t> stored_version(Database& database) {
  KW_TRY(std::int64_t application, database.integer("PRAGMA application_id"));
  if (application == kApplicationId) {
    return database.integer("SELECT version FROM schema_version");
  }
  KW_TRY(std::int64_t tables, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && tables == 0) return 0;
  return fail(Code::conflict, "not_a_store",
              "The file is a SQLite database, but not a store of Keywright.");
}

Result<std::int64_t> known_version(Database& database, int newest) {
  KW_TRY(std::int64_t version, stored_version(database));
  if (version <= newest) return version;
  return fail(Code::conflict, "store_too_new",
              fmt::format("The store was written by a newer Keywright (schema {}; this version "
                          "knows {}). Start that version, or restore a backup made before it.",
                          version, newest));
}

Result<void> take_step(Database& database, const Migration& step) {
  KW_TRY(auto transaction, DatabaseTransaction::begin(database, "BEGIN IMMEDIATE"));
  KW_CHECK_OK(database.run(kMarkAsStore));
  KW_CHECK_OK(database.run(step.script));
  KW_TRY(Statement statement, database.prepare("INSERT INTO schema_version VALUES (1, ?1) "
                                               "ON CONFLICT (id) DO UPDATE SET version = ?1"));
  KW_CHECK_OK(Query(statement).bind(step.version).run());
  return transaction.commit();
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Result<void> migrate(Database& database, std::span<const Migration> steps) {
  KW_TRY(std::int64_t version, known_version(database, steps.back().version));
  for (const Migration& step : steps) {
    if (step.version > version) KW_CHECK_OK(take_step(database, step));
  }
  return {};
}

Result<void> check_schema(Database& database) {
  const int newest = migrations().back().version;
  KW_TRY(std::int64_t version, known_version(database, newest));
  if (version == newest) return {};
  return fail(Code::conflict, "store_too_old",
              fmt::format("The store has schema {}, this version reads {}. Start `keywright serve` "
                          "on it once, which brings it up to date.",
                          version, newest));
}

}  // namespace keywright::store
