#include "store/postgres/nodes.h"

#include <charconv>

#include <fmt/core.h>

namespace keywright::store::postgres {
namespace {

constexpr std::int64_t kEntriesKept = 100'000;
constexpr std::chrono::hours kTimeKept{24};

// For the end of this transaction only. Hints need not last.
constexpr Sql kWithoutDisk("SELECT set_config('synchronous_commit', 'off', true), ");

Statement set_applied(const LogPoint& applied) {
  return Statement("UPDATE nodes SET applied = CASE WHEN is_known THEN ? ELSE applied END",
                   static_cast<std::int64_t>(applied.position));
}

// A position counts only if its entry is the one that stands in the log.
void add_where(Statement& update, const Uuid& id, const LogPoint& applied) {
  const auto position = static_cast<std::int64_t>(applied.position);
  update.add(
      " FROM (SELECT position, entry, position = ? AND entry = ? OR EXISTS (SELECT FROM change_log "
      "WHERE position = ? AND entry = ?) AS is_known, (extract(epoch FROM "
      "pg_postmaster_start_time()) * 1000000)::bigint AS here FROM log_head) AS head "
      "WHERE nodes.id = ?",
      position, applied.entry, position, applied.entry, id);
}

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

Result<std::optional<Lease>> renew(Connection& connection, const Uuid& id, const News& news) {
  Statement update = set_applied(news.applied);
  update.add(", renewals = renewals + 1, renewed_at = now(), counted = ?", news.counted);
  if (news.is_settled) update.add(", server = CASE WHEN is_known THEN here ELSE server END");
  add_where(update, id, news.applied);
  update.add(
      " RETURNING head.position, head.entry, here, (SELECT count(*) FROM nodes AS other WHERE "
      "other.id <> nodes.id AND other.server NOT IN (0, here)), (SELECT count(*) FROM nodes), "
      "(SELECT count(*) FROM nodes AS other WHERE other.id <> nodes.id AND other.counted <> 0 AND "
      "other.counted < (SELECT count(*) FROM nodes))");
  KW_TRY(const Rows rows, connection.run(update));
  if (rows.size() == 0) return std::nullopt;
  const Row row = rows[0];
  return Lease{.head = {static_cast<Position>(row.integer(0)), row.uuid(1)},
               .server = row.integer(2),
               .elsewhere = row.integer(3),
               .nodes = row.integer(4),
               .undivided = row.integer(5)};
}

std::string payload_of(const Report& report) {
  return fmt::format("{} {}", report.node.to_string(), report.position);
}

std::optional<Report> parse_report(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto node = Uuid::parse(text.substr(0, space));
  Position position = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + space + 1, end, position);
  if (!node || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return Report{*node, position};
}

Result<void> report(Connection& connection, const Uuid& id, const LogPoint& applied) {
  Statement tell(kWithoutDisk);
  tell.add("pg_notify('keywright_applied', convert_from(?, 'UTF8'))",
           std::string_view(payload_of({id, applied.position})));
  Statement update = set_applied(applied);
  add_where(update, id, applied);
  const Statement statements[] = {tell, update};
  KW_CHECK_OK(connection.run_all(statements));
  return {};
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

Statement select_standing(std::span<const std::int64_t> positions) {
  return Statement(
      "SELECT position, entry FROM log_head WHERE position = ANY(?) UNION SELECT position, entry "
      "FROM change_log WHERE position = ANY(?)",
      positions, positions);
}

std::vector<LogPoint> read_standing(const Rows& rows) {
  std::vector<LogPoint> points;
  for (int i = 0; i < rows.size(); ++i) {
    points.push_back({static_cast<Position>(rows[i].integer(0)), rows[i].uuid(1)});
  }
  return points;
}

Result<void> remove_silent(Connection& connection, const Node& seen) {
  KW_CHECK_OK(connection.run(
      Statement("DELETE FROM nodes WHERE id = ? AND renewals = ?", seen.id, seen.renewals)));
  return {};
}

static Result<void> notify_log(Connection& connection, std::string_view payload) {
  Statement tell(kWithoutDisk);
  tell.add("pg_notify('keywright_log', convert_from(?, 'UTF8'))", payload);
  KW_CHECK_OK(connection.run(tell));
  return {};
}

Result<void> notify(Connection& connection, const Uuid& by) {
  return notify_log(connection, by.to_string());
}

Result<void> notify_of_nodes(Connection& connection) {
  return notify_log(connection, kNodesChanged);
}

Result<void> trim_log(Connection& connection, Time now) {
  KW_CHECK_OK(connection.run(Statement(
      "DELETE FROM change_log WHERE time < ? AND position < (SELECT position FROM log_head) - ?",
      to_unix_milliseconds(now - kTimeKept), kEntriesKept)));
  return {};
}

}  // namespace keywright::store::postgres
