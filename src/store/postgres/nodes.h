// store/postgres/nodes.h - the nodes that may answer checks: one row each, with a lease.
//
//   KW_CHECK_OK(join(connection, me));                             // before its load
//   KW_TRY(auto head, renew(connection, me.id, applied));          // several times a second
//   KW_CHECK_OK(leave(connection, me.id));                         // after its last answer
//
// A row says which position of the log its node has applied. It has no time in it that anybody
// compares: whoever waits for a node waits on his own clock, for as long as the node's
// max_staleness (docs/operating/cluster.md, docs/adr/0011).
//
// Errors: those of connection.h. Threading: as the connection. Cost: one round trip; join, renew
// and leave are commits.
#pragma once

#include <chrono>
#include <optional>
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

// What the log's head is after this. Empty: the row is gone, since the others had not heard from
// this node for too long; it has to join again.
Result<std::optional<LogPoint>> renew(Connection& connection, const Uuid& id, Position applied);

Result<void> leave(Connection& connection, const Uuid& id);

Statement select_nodes();
std::vector<Node> read_nodes(const Rows& rows);

// Unless it renewed meanwhile.
Result<void> remove_silent(Connection& connection, const Node& seen);

// A hint that the log has grown, and that somebody is waiting; heard by those who listen.
inline constexpr Sql kListen("LISTEN keywright_log");
Result<void> notify(Connection& connection, const Uuid& by);

// Drops what is older than a day, but for the newest entries.
Result<void> trim_log(Connection& connection, Time now);

}  // namespace keywright::store::postgres
