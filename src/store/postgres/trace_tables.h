// store/postgres/trace_tables.h - the tables of traces, as a step of schema.cc; traces/postgres
// reads and writes them.
//
// Traces lie in partitions of one day each: `number` is the millisecond in which a trace was
// received, times 2^20, and a counter. make_trace_day() makes them, ahead of time and by whoever
// comes first. What has to be unique in all of them stands in trace_identities.
#pragma once

#include "store/postgres/connection.h"

namespace keywright::store::postgres {

inline constexpr Sql kTraceTables = R"sql(
  CREATE TABLE traces (
    number bigint PRIMARY KEY,
    id uuid NOT NULL,
    project uuid NOT NULL,
    platform uuid NOT NULL,
    source bigint NOT NULL,          -- 0 native, 1 OTLP
    external_id bytea NOT NULL,      -- '': none
    name bytea NOT NULL,
    status bytea NOT NULL,
    key_id bytea NOT NULL,
    routed_by bytea NOT NULL,
    warnings bytea NOT NULL,
    span_count bigint NOT NULL,
    size_bytes bigint NOT NULL,
    revision bigint NOT NULL,
    updated_at bigint NOT NULL,
    size bigint NOT NULL,            -- of the body, of a native trace
    checksum bigint NOT NULL,
    compressed bigint NOT NULL,
    body bytea NOT NULL
  ) PARTITION BY RANGE (number);
  ALTER TABLE traces ALTER body SET STORAGE EXTERNAL;   -- it is compressed already
  CREATE INDEX traces_by_id ON traces (id);
  CREATE INDEX traces_by_project ON traces (project, number);
  CREATE INDEX traces_by_platform ON traces (platform, number);

  -- Resource and scope, once for each trace.
  CREATE TABLE trace_contexts (
    trace bigint NOT NULL,
    digest uuid NOT NULL,
    size bigint NOT NULL,
    checksum bigint NOT NULL,
    compressed bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (trace, digest)
  ) PARTITION BY RANGE (trace);
  ALTER TABLE trace_contexts ALTER body SET STORAGE EXTERNAL;

  CREATE TABLE trace_spans (
    trace bigint NOT NULL,
    span_id bytea NOT NULL,
    start bigint NOT NULL,
    context uuid NOT NULL,
    revision bigint,                 -- of the trace when it came; null: it is not sent on
    size bigint NOT NULL,
    checksum bigint NOT NULL,
    compressed bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (trace, span_id)
  ) PARTITION BY RANGE (trace);
  ALTER TABLE trace_spans ALTER body SET STORAGE EXTERNAL;
  CREATE INDEX trace_spans_by_revision ON trace_spans (trace, revision)
    WHERE revision IS NOT NULL;

  -- A trace that may come again, and how it stands. Its row is the lock under which it changes.
  CREATE TABLE trace_identities (
    platform uuid NOT NULL,
    source bigint NOT NULL,
    external_id bytea NOT NULL,
    number bigint NOT NULL,
    id uuid NOT NULL,
    digest bytea NOT NULL,           -- of a native body
    name bytea NOT NULL,
    status bytea NOT NULL,
    span_count bigint NOT NULL,
    size_bytes bigint NOT NULL,
    revision bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (platform, source, external_id)
  ) WITH (fillfactor = 70);
  CREATE INDEX trace_identities_by_number ON trace_identities (number);

  CREATE SEQUENCE trace_counters;    -- each value is a block of counters of one node

  -- What is sent on.
  CREATE SEQUENCE trace_forwarding_versions;
  CREATE TABLE trace_forwardings (
    platform uuid PRIMARY KEY,
    project uuid NOT NULL,
    settings bytea NOT NULL,
    state bytea NOT NULL,
    since bigint NOT NULL,           -- what was queued up to there is of an earlier forwarding
    version bigint NOT NULL          -- never the same twice
  ) WITH (fillfactor = 50);
  CREATE SEQUENCE trace_outbox_sequence;
  CREATE TABLE trace_outbox (
    sequence bigint PRIMARY KEY DEFAULT nextval('trace_outbox_sequence'),
    platform uuid NOT NULL,
    trace bigint NOT NULL,
    revision bigint NOT NULL,
    first_span bigint NOT NULL,
    last_span bigint NOT NULL,
    hops bigint NOT NULL,
    queued_at bigint NOT NULL
  );
  CREATE INDEX trace_outbox_by_platform ON trace_outbox (platform, sequence);
  CREATE INDEX trace_outbox_by_trace ON trace_outbox (trace);
  CREATE TABLE trace_dead_letters (
    LIKE trace_outbox,
    failed_at bigint NOT NULL,
    attempts bigint NOT NULL,
    status bigint NOT NULL,
    problem bytea NOT NULL,
    PRIMARY KEY (sequence)
  );
  CREATE INDEX trace_dead_letters_by_platform ON trace_dead_letters (platform, sequence);
  CREATE INDEX trace_dead_letters_by_trace ON trace_dead_letters (trace);
  -- Which node sends for a platform now, and until when if nothing more is heard of it.
  CREATE TABLE trace_lanes (
    platform uuid PRIMARY KEY,
    node uuid NOT NULL,
    until timestamptz NOT NULL       -- on the clock of the database
  ) WITH (fillfactor = 50);

  CREATE TABLE trace_unrouted (
    project uuid PRIMARY KEY,
    at bigint NOT NULL,
    report bytea NOT NULL
  );

  CREATE FUNCTION make_trace_day(day bigint) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    parent text;
    child text;
  BEGIN
    PERFORM pg_advisory_xact_lock(1264014151);   -- one at a time: "KWTG"
    FOREACH parent IN ARRAY ARRAY['traces', 'trace_contexts', 'trace_spans'] LOOP
      child := parent || '_' || day;
      CONTINUE WHEN to_regclass(child) IS NOT NULL;
      -- Made apart and then attached, so that nobody who reads or writes has to wait.
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent,
                     child, (day * 86400000) << 20, ((day + 1) * 86400000) << 20);
    END LOOP;
    RETURN day;
  END $$;

  CREATE FUNCTION drop_trace_day(day bigint) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    parent text;
  BEGIN
    PERFORM set_config('lock_timeout', '1500', true);   -- who waits makes others wait
    FOREACH parent IN ARRAY ARRAY['traces', 'trace_contexts', 'trace_spans'] LOOP
      EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || day);
    END LOOP;
    RETURN day;
  END $$;

  CREATE FUNCTION trace_days() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT substring(relname FROM '[0-9]+$')::bigint FROM pg_inherits
      JOIN pg_class ON oid = inhrelid WHERE inhparent = 'traces'::regclass ORDER BY 1
  $$;
)sql";

// A check over the columns of a row (traces/row_check.h); null: written by a version that knew
// none. Such a version, serving beside this one, changes a row and leaves its check: that is
// forgotten.
inline constexpr Sql kTraceChecks = R"sql(
  ALTER TABLE traces ADD COLUMN row_check bigint;
  CREATE FUNCTION forget_row_check() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.row_check := NULL;
    RETURN NEW;
  END $$;
  CREATE TRIGGER forget_row_check BEFORE UPDATE ON traces FOR EACH ROW
    WHEN (NEW.row_check = OLD.row_check AND
          (NEW.name, NEW.status, NEW.key_id, NEW.routed_by, NEW.warnings, NEW.span_count,
           NEW.size_bytes, NEW.revision, NEW.updated_at) IS DISTINCT FROM
          (OLD.name, OLD.status, OLD.key_id, OLD.routed_by, OLD.warnings, OLD.span_count,
           OLD.size_bytes, OLD.revision, OLD.updated_at))
    EXECUTE FUNCTION forget_row_check();
)sql";

inline constexpr Sql kSpanChecks = R"sql(
  ALTER TABLE trace_spans ADD COLUMN row_check bigint;
  CREATE TRIGGER forget_row_check BEFORE UPDATE ON trace_spans FOR EACH ROW
    WHEN (NEW.row_check = OLD.row_check AND
          (NEW.start, NEW.context, NEW.size, NEW.checksum, NEW.compressed) IS DISTINCT FROM
          (OLD.start, OLD.context, OLD.size, OLD.checksum, OLD.compressed))
    EXECUTE FUNCTION forget_row_check();
)sql";

}  // namespace keywright::store::postgres
