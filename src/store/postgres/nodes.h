// store/postgres/nodes.h - the nodes that may answer checks: one row each, with a lease.
//
//   KW_CHECK_OK(join(connection, me));                             // before its load
//   KW_TRY(auto lease, renew(connection, me.id, news));            // several times a second
//   KW_CHECK_OK(report(connection, me.id, applied));               // at once after an apply
//   KW_CHECK_OK(leave(connection, me.id));                         // after its last answer
//
// A row says which position of the log its node has applied, if that is a position of the log that
// stands here: after a fail-over a node may have followed another one. It has no time in it that
// anybody compares: whoever waits for a node waits on his own clock, for as long as the node's
// max_staleness (docs/operating/cluster.md, docs/adr/0011).
//
// Errors: those of connection.h. Threading: as the connection. Cost: one round trip; join, renew
// and leave wait for the disk.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/postgres/connection.h"
#include "store/postgres/log.h"

namespace keywright::store::postgres {

struct Node {
  Uuid id;  // new for each start
  Position applied = 0;
  std::int64_t renewals = 0;  // grows while it lives
  std::chrono::milliseconds max_staleness{};
  std::string name = {};     // for people
  std::string version = {};  // of the program
};

// Takes a turn of the log for it: every change before is in what the node loads, every change after
// sees the node.
Result<void> join(Connection& connection, const Node& node);

struct Lease {
  LogPoint head;
  std::int64_t server = 0;  // tells one start of PostgreSQL from another
  // Others whose newest news come from another server than this one: they may know of removals of
  // access that this one has lost.
  std::int64_t elsewhere = 0;
  std::int64_t nodes = 0;      // with a row, this one included
  std::int64_t undivided = 0;  // others that count fewer than these
};

// What a node says of itself when it renews.
struct News {
  LogPoint applied = {};
  bool is_settled = true;    // nothing that it knows of has to be written again here
  std::int64_t counted = 0;  // by how many nodes it divides what is shared
};

// What the log's head is after this. Empty: the row is gone, since the others had not heard from
// this node for too long; it has to join again.
Result<std::optional<Lease>> renew(Connection& connection, const Uuid& id, const News& news);

// Tells those who wait, and gives no lease. It does not wait for the disk: a report that is lost
// with the server is made again by the next renewal, and what it said was true.
Result<void> report(Connection& connection, const Uuid& id, const LogPoint& applied);

// What a report's notification says: a hint that it is worth looking, since only the row tells
// whether it is of this log. Empty: it says nothing, as those of earlier versions.
struct Report {
  Uuid node;
  Position position = 0;
};
std::string payload_of(const Report& report);
std::optional<Report> parse_report(std::string_view text);

Result<void> leave(Connection& connection, const Uuid& id);

Statement select_nodes();
std::vector<Node> read_nodes(const Rows& rows);

// Which of these positions the log has, and with which entries.
Statement select_standing(std::span<const std::int64_t> positions);
std::vector<LogPoint> read_standing(const Rows& rows);

// Unless it renewed meanwhile.
Result<void> remove_silent(Connection& connection, const Node& seen);

// Hints, heard by those who listen: the log has grown and somebody is waiting; a node has reported.
inline constexpr Sql kListen("LISTEN keywright_log");
inline constexpr Sql kListenReports("LISTEN keywright_applied");
Result<void> notify(Connection& connection, const Uuid& by);
// The same for those who listen to the log: there is one node more.
inline constexpr std::string_view kNodesChanged = "nodes";
Result<void> notify_of_nodes(Connection& connection);

// Drops what is older than a day, but for the newest entries.
Result<void> trim_log(Connection& connection, Time now);

}  // namespace keywright::store::postgres
