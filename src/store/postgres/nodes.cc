#include "store/postgres/nodes.h"

namespace keywright::store::postgres {
namespace {

constexpr std::int64_t kEntriesKept = 100'000;
constexpr std::chrono::hours kTimeKept{24};

}  // namespace

Result<void> join(Connection& connection, const Node& node) {
  const Statement statements[] = {
      Statement("BEGIN"), Statement("SELECT position FROM log_head FOR UPDATE"),
      Statement("INSERT INTO nodes (id, name, version, applied, renewals, max_staleness_ms) VALUES "
                "(?, ?, ?, ?, 0, ?) ON CONFLICT (id) DO UPDATE SET applied = excluded.applied, "
                "renewals = nodes.renewals + 1",
                node.id, node.name, node.version, static_cast<std::int64_t>(node.applied),
                std::int64_t{node.max_staleness.count()}),
      Statement("COMMIT")};
  auto done = connection.run_all(statements);
  if (done) return {};
  if (!connection.is_broken()) (void)connection.run(Statement("ROLLBACK"));
  return fail(std::move(done).error());
}

Result<std::optional<LogPoint>> renew(Connection& connection, const Uuid& id, Position applied) {
  KW_TRY(const Rows rows,
         connection.run(Statement(
             "UPDATE nodes SET applied = ?, renewals = renewals + 1, renewed_at = now() FROM "
             "log_head WHERE nodes.id = ? RETURNING log_head.position, log_head.entry",
             static_cast<std::int64_t>(applied), id)));
  if (rows.size() == 0) return std::nullopt;
  return LogPoint{static_cast<Position>(rows[0].integer(0)), rows[0].uuid(1)};
}

Result<void> leave(Connection& connection, const Uuid& id) {
  KW_CHECK_OK(connection.run(Statement("DELETE FROM nodes WHERE id = ?", id)));
  return {};
}

Statement select_nodes() {
  return Statement("SELECT id, applied, renewals, max_staleness_ms, name, version FROM nodes");
}

std::vector<Node> read_nodes(const Rows& rows) {
  std::vector<Node> nodes;
  for (int i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    nodes.push_back({.id = row.uuid(0),
                     .applied = static_cast<Position>(row.integer(1)),
                     .renewals = row.integer(2),
                     .max_staleness = std::chrono::milliseconds(row.integer(3)),
                     .name = std::string(row.text(4)),
                     .version = std::string(row.text(5))});
  }
  return nodes;
}

Result<void> remove_silent(Connection& connection, const Node& seen) {
  KW_CHECK_OK(connection.run(
      Statement("DELETE FROM nodes WHERE id = ? AND renewals = ?", seen.id, seen.renewals)));
  return {};
}

Result<void> notify(Connection& connection, const Uuid& by) {
  KW_CHECK_OK(connection.run(
      Statement("SELECT pg_notify('keywright_log', convert_from(?, 'UTF8'))", by.to_string())));
  return {};
}

Result<void> trim_log(Connection& connection, Time now) {
  KW_CHECK_OK(connection.run(Statement(
      "DELETE FROM change_log WHERE time < ? AND position < (SELECT position FROM log_head) - ?",
      to_unix_milliseconds(now - kTimeKept), kEntriesKept)));
  return {};
}

}  // namespace keywright::store::postgres
