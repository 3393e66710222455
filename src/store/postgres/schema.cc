#include "store/postgres/schema.h"

#include <fmt/core.h>

#include "store/postgres/trace_tables.h"

namespace keywright::store::postgres {
namespace {

// "KWST": one program at a time changes tables.
constexpr std::int64_t kLock = 0x4b575354;

constexpr Step kSteps[] = {
    // Text is bytea, since it may hold any byte (convert_from(name, 'UTF8') shows it to people);
    // times are Unix milliseconds, enumerations their numbers in C++.
    {1, 1, R"sql(
      CREATE TABLE settings (name bytea PRIMARY KEY, value bytea NOT NULL);

      -- The one row that every change locks first: the order of the log is the order of commits.
      CREATE TABLE log_head (
        id bigint PRIMARY KEY CHECK (id = 1),
        position bigint NOT NULL,
        entry uuid NOT NULL,             -- of that position
        audit_events bigint NOT NULL,
        audit_head bytea NOT NULL,
        next_key_serial bigint NOT NULL,
        next_user_serial bigint NOT NULL
      ) WITH (fillfactor = 10);
      INSERT INTO log_head VALUES (1, 0, '00000000-0000-0000-0000-000000000000', 0,
                                   decode(repeat('00', 32), 'hex'), 1, 1);

      CREATE TABLE change_log (
        position bigint PRIMARY KEY,
        entry uuid NOT NULL,             -- random: tells two histories apart
        time bigint NOT NULL,
        removes_access bigint NOT NULL,
        subjects bytea NOT NULL          -- what changed: rows.h, 18 bytes each
      );

      -- Who may answer checks. A row is locked by nobody for long; see cluster.md.
      CREATE TABLE nodes (
        id uuid PRIMARY KEY,
        name bytea NOT NULL,
        version bytea NOT NULL,
        joined_at timestamptz NOT NULL DEFAULT now(),
        renewed_at timestamptz NOT NULL DEFAULT now(),  -- for people; never compared
        applied bigint NOT NULL,         -- position of the log
        renewals bigint NOT NULL,
        max_staleness_ms bigint NOT NULL
      ) WITH (fillfactor = 10);

      CREATE TABLE records (
        type bigint NOT NULL,
        id uuid NOT NULL,
        organization uuid NOT NULL,
        parent uuid NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (type, id)
      );
      CREATE INDEX records_by_organization ON records (type, organization, id);
      CREATE INDEX records_by_parent ON records (type, parent, id);

      CREATE TABLE keys (
        serial bigint PRIMARY KEY,
        id bytea NOT NULL UNIQUE,
        kind bigint NOT NULL,
        name bytea NOT NULL,
        description bytea NOT NULL,
        owner_type bigint NOT NULL,
        owner_id bytea NOT NULL,
        organization uuid NOT NULL,
        keyspace uuid,
        policy bytea NOT NULL,           -- policy_text.h
        metadata bytea,
        credits_remaining bigint NOT NULL,
        credits_set_at bigint NOT NULL,
        state bigint NOT NULL,
        state_reason bytea NOT NULL,
        created_by bytea NOT NULL,
        created_at bigint NOT NULL,
        expires_at bigint,
        idle_timeout_seconds bigint,
        idle_expired_at bigint,
        revoked_at bigint,
        version bigint NOT NULL,         -- the current secret
        digest bytea NOT NULL,
        prefix bytea NOT NULL,
        last4 bytea NOT NULL,
        mask bytea NOT NULL,
        sealed_slow_hash bytea NOT NULL,
        version_created_at bigint NOT NULL,
        version_retires_at bigint,
        slow_prefix bytea NOT NULL,      -- of the token that an imported slow hash waits for
        usage_cell bigint NOT NULL,      -- where its last use is counted
        older_versions bytea NOT NULL,   -- rows.h; empty for most
        searched bytea NOT NULL          -- name, id and mask in lower case
      );
      CREATE INDEX keys_by_organization ON keys (organization, serial);
      CREATE INDEX live_keys_by_organization ON keys (organization, serial) WHERE state <> 2;
      CREATE INDEX keys_by_owner ON keys (owner_id, owner_type, serial);
      CREATE INDEX keys_by_keyspace ON keys (keyspace, serial) WHERE keyspace IS NOT NULL;

      CREATE TABLE audit_events (
        number bigint PRIMARY KEY,       -- 1, 2, 3, ... without gaps: the order of the chain
        id uuid NOT NULL,
        organization uuid NOT NULL,
        time bigint NOT NULL,
        actor_type bytea NOT NULL,
        actor_id bytea NOT NULL,
        actor_key_id bytea NOT NULL,
        action bytea NOT NULL,
        object_type bytea NOT NULL,
        object_id bytea NOT NULL,
        object_name bytea NOT NULL,
        outcome bytea NOT NULL,
        reason bytea NOT NULL,
        request_id bytea NOT NULL,
        address bytea NOT NULL,
        details bytea,
        hash bytea NOT NULL
      );
      CREATE INDEX audit_by_time ON audit_events (time, number);
      CREATE INDEX audit_by_organization ON audit_events (organization, time, number);
      CREATE INDEX audit_by_action ON audit_events (organization, action, time, number);
      CREATE INDEX audit_by_object ON audit_events (object_id, time, number)
        WHERE object_id <> '';
      CREATE INDEX audit_by_actor ON audit_events (actor_id, time, number) WHERE actor_id <> '';
      CREATE INDEX audit_by_actor_key ON audit_events (actor_key_id, time, number)
        WHERE actor_key_id <> '';

      CREATE TABLE idempotent_answers (
        caller bytea NOT NULL,
        key bytea NOT NULL,
        request_hash bytea NOT NULL,
        status bigint NOT NULL,
        body bytea NOT NULL,
        expires_at bigint NOT NULL,
        PRIMARY KEY (caller, key)
      );
      CREATE INDEX idempotent_answers_by_end ON idempotent_answers (expires_at);

      -- When keys were used last, on whichever node: merged a few times a minute.
      CREATE TABLE key_uses (
        cell bigint PRIMARY KEY,
        used_at bigint NOT NULL,
        address bytea NOT NULL,
        noted bigint NOT NULL            -- the transaction that wrote it
      ) WITH (fillfactor = 50);
      CREATE INDEX key_uses_by_noted ON key_uses (noted);
    )sql"},
    {2, 1, R"sql(
      -- Which part of a limit, or of credits, is whose: of keys for which it ran low somewhere.
      CREATE TABLE shares (
        serial bigint NOT NULL,
        slot bigint NOT NULL,            -- index of the limit; 255: credits
        node uuid NOT NULL,              -- nil: the pool, which nobody has
        key bytea NOT NULL,              -- its id
        epoch bigint NOT NULL,           -- credits: when they were set or refilled
        amount bigint NOT NULL,          -- parts of 2^20, or credits
        wants bigint NOT NULL,           -- 1: the node needs more
        writer uuid NOT NULL,
        noted bigint NOT NULL,           -- the transaction that wrote it
        written_at timestamptz NOT NULL,
        PRIMARY KEY (serial, slot, node)
      ) WITH (fillfactor = 50);
      CREATE INDEX shares_by_noted ON shares (noted);
    )sql"},
    {3, 1, R"sql(
      -- How often keys were used; each node adds what it counted.
      CREATE TABLE key_counts (
        step bigint NOT NULL,            -- 0 minute, 1 hour, 2 day
        number bigint NOT NULL,          -- of the step, since 1970
        serial bigint NOT NULL,          -- of the key
        reason bigint NOT NULL,          -- 0: accepted
        count bigint NOT NULL,
        PRIMARY KEY (step, number, serial, reason)
      ) WITH (fillfactor = 70);
    )sql"},
    {4, 1, R"sql(
      -- On which start of PostgreSQL a node last had nothing to write again; 0: not said.
      ALTER TABLE nodes ADD COLUMN server bigint NOT NULL DEFAULT 0;
      -- By how many nodes it divides what is shared; 0: not said.
      ALTER TABLE nodes ADD COLUMN counted bigint NOT NULL DEFAULT 0;
    )sql"},
    {5, 1, kTraceTables},
    {6, 1, R"sql(
      -- What one request did.
      CREATE INDEX audit_by_request ON audit_events (request_id, time, number)
        WHERE request_id <> '';
    )sql"},
    // Apart from one another: a step locks one table, so it cannot wait in a circle with who reads
    // and writes.
    {7, 1, kTraceChecks},
    {8, 1, kSpanChecks},
};

struct Stored {
  std::int64_t version = 0;
  std::int64_t oldest = 0;
};

Result<Stored> stored_version(Connection& connection) {
  KW_TRY(Rows found, connection.run(Statement("SELECT to_regclass('keywright_schema') IS NOT NULL, "
                                              "to_regclass('keys') IS NOT NULL")));
  if (found[0].integer(0) == 0) {
    if (found[0].integer(1) == 0) return Stored{};
    return fail(Code::conflict, "not_a_store",
                "The database has a table `keys` that is not Keywright's. Give Keywright a "
                "database of its own.");
  }
  KW_TRY(Rows rows, connection.run(Statement("SELECT version, oldest FROM keywright_schema")));
  if (rows.size() == 0) return Stored{};
  return Stored{rows[0].integer(0), rows[0].integer(1)};
}

Result<Stored> known_version(Connection& connection, std::int64_t newest) {
  KW_TRY(const Stored stored, stored_version(connection));
  if (stored.oldest <= newest) return stored;
  return fail(Code::conflict, "store_too_new",
              fmt::format("The store was written by a newer Keywright (schema {}; this version "
                          "knows {}). Start that version, or restore a backup made before it.",
                          stored.version, newest));
}

Result<void> take_step(Connection& connection, const Step& step) {
  KW_CHECK_OK(
      connection.run_script("BEGIN; CREATE TABLE IF NOT EXISTS keywright_schema (id bigint "
                            "PRIMARY KEY CHECK (id = 1), version bigint NOT NULL, oldest "
                            "bigint NOT NULL)"));
  KW_CHECK_OK(connection.run_script(step.script));
  const Statement finish[] = {
      Statement("INSERT INTO keywright_schema VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "version = excluded.version, oldest = excluded.oldest",
                std::int64_t{step.version}, std::int64_t{step.oldest}),
      Statement("COMMIT")};
  KW_CHECK_OK(connection.run_all(finish));
  return {};
}

Result<void> take_steps(Connection& connection, std::span<const Step> with) {
  KW_TRY(const Stored stored, known_version(connection, with.back().version));
  for (const Step& step : with) {
    if (step.version <= stored.version) continue;
    if (auto taken = take_step(connection, step); !taken) {
      (void)connection.run(Statement("ROLLBACK"));
      return taken;
    }
  }
  return {};
}

}  // namespace

std::span<const Step> steps() { return kSteps; }

Result<void> migrate(Connection& connection, std::span<const Step> with) {
  KW_TRY(const Stored stored, known_version(connection, with.back().version));
  if (stored.version >= with.back().version) return {};
  KW_CHECK_OK(connection.run(Statement("SELECT pg_advisory_lock(?)", kLock)));
  auto done = take_steps(connection, with);
  (void)connection.run(Statement("SELECT pg_advisory_unlock(?)", kLock));
  return done;
}

Result<void> check_schema(Connection& connection) {
  KW_TRY(const Stored stored, known_version(connection, steps().back().version));
  if (stored.version > 0) return {};
  return fail(Code::not_found, "store_not_found",
              "The database holds no store of Keywright. Run `keywright setup` on it first.");
}

}  // namespace keywright::store::postgres
