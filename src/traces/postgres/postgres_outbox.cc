#include "traces/postgres/postgres_outbox.h"

namespace keywright::traces {

using store::postgres::Connection;
using store::postgres::Rows;
using store::postgres::Statement;

Result<void> PostgresOutbox::lock(domain::PlatformId platform) {
  KW_CHECK_OK(connection_.run(Statement(
      "SELECT 1 FROM trace_forwardings WHERE platform = ? FOR NO KEY UPDATE", platform.value)));
  return {};
}

Result<void> PostgresOutbox::put(const ForwardingRow& row) {
  KW_CHECK_OK(connection_.run(
      Statement("INSERT INTO trace_forwardings (platform, project, settings, state, since, "
                "version) VALUES (?, ?, ?, ?, (SELECT CASE WHEN is_called THEN last_value ELSE 0 "
                "END FROM trace_outbox_sequence), nextval('trace_forwarding_versions')) "
                "ON CONFLICT (platform) DO UPDATE SET settings = excluded.settings, "
                "version = excluded.version",
                row.platform.value, row.project.value, std::string_view(row.settings),
                std::string_view(row.state))));
  return {};
}

Result<void> PostgresOutbox::remove(domain::PlatformId platform) {
  has_removed_ = true;
  KW_CHECK_OK(connection_.run(
      Statement("DELETE FROM trace_forwardings WHERE platform = ?", platform.value)));
  return {};
}

Result<void> PostgresOutbox::set_state(domain::PlatformId platform, std::string_view state) {
  KW_CHECK_OK(connection_.run(Statement("UPDATE trace_forwardings SET state = ? WHERE platform = ?",
                                        state, platform.value)));
  return {};
}

Result<void> PostgresOutbox::delivered(domain::PlatformId platform, std::int64_t sequence,
                                       std::string_view state) {
  KW_CHECK_OK(set_state(platform, state));
  KW_CHECK_OK(connection_.run(Statement(
      "DELETE FROM trace_outbox WHERE platform = ? AND sequence <= ?", platform.value, sequence)));
  return {};
}

Result<void> PostgresOutbox::bury(const DeadLetter& letter, std::string_view state) {
  const Queued& queued = letter.queued;
  KW_CHECK_OK(set_state(queued.platform, state));
  KW_CHECK_OK(connection_.run(
      Statement("INSERT INTO trace_dead_letters (sequence, platform, trace, revision, first_span, "
                "last_span, hops, queued_at, failed_at, attempts, status, problem) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sequence) DO NOTHING",
                queued.sequence, queued.platform.value, queued.trace, queued.revision,
                queued.first_span, queued.last_span, queued.hops,
                to_unix_milliseconds(queued.queued_at), to_unix_milliseconds(letter.failed_at),
                letter.attempts, letter.status, std::string_view(letter.problem))));
  KW_CHECK_OK(
      connection_.run(Statement("DELETE FROM trace_outbox WHERE sequence = ?", queued.sequence)));
  return {};
}

Result<std::int64_t> PostgresOutbox::redrive(domain::PlatformId platform, std::int64_t sequence,
                                             Time now) {
  KW_CHECK_OK(lock(platform));
  KW_TRY(const Rows added,
         connection_.run(Statement(
             "INSERT INTO trace_outbox (platform, trace, revision, first_span, last_span, hops, "
             "queued_at) SELECT d.platform, trace, revision, first_span, last_span, hops, ? "
             "FROM trace_dead_letters d JOIN trace_forwardings f ON f.platform = d.platform "
             "WHERE d.platform = ? AND ? IN (0, d.sequence) AND d.sequence > f.since "
             "ORDER BY d.sequence",
             to_unix_milliseconds(now), platform.value, sequence)));
  KW_CHECK_OK(connection_.run(
      Statement("DELETE FROM trace_dead_letters WHERE platform = ? AND ? IN (0, sequence)",
                platform.value, sequence)));
  return std::int64_t{added.affected()};
}

Result<int> sweep_outbox(Connection& connection, int limit) {
  const Statement statements[] = {
      Statement("DELETE FROM trace_outbox WHERE sequence IN (SELECT o.sequence FROM trace_outbox o "
                "LEFT JOIN trace_forwardings f ON f.platform = o.platform WHERE f.platform IS NULL "
                "OR o.sequence <= f.since LIMIT ?)",
                std::int64_t{limit}),
      Statement("DELETE FROM trace_dead_letters WHERE sequence IN (SELECT d.sequence FROM "
                "trace_dead_letters d LEFT JOIN trace_forwardings f ON f.platform = d.platform "
                "WHERE f.platform IS NULL OR d.sequence <= f.since LIMIT ?)",
                std::int64_t{limit})};
  KW_TRY(const auto rows, connection.run_all(statements));
  return rows[0].affected() + rows[1].affected();
}

}  // namespace keywright::traces
