// store/postgres/log.h - following the change log: what other nodes wrote since a point of it.
//
//   KW_TRY(Missing missing, read_missing(connection, applied));
//   if (missing.resync) ...                    // load everything anew
//   directory.apply(missing.changes);          // rows as they are at missing.head, not one by one
//
// The log says what was changed, the rows say how they are. Both are read in one state of the
// database, so what is applied is exactly the state at the head. Positions have no gaps and come in
// the order of commits, since every writer locks log_head first; nothing that commits late can be
// skipped.
//
// Errors: those of connection.h. Threading: as the connection. Cost: one round trip.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "store/postgres/connection.h"
#include "store/store.h"

namespace keywright::store::postgres {

// A place in the log. The entry's random id tells a log that was cut and written anew (a fail-over
// to a server that lagged behind, a restored backup) from the one that was followed.
struct LogPoint {
  Position position = 0;
  Uuid entry;

  bool operator==(const LogPoint&) const = default;
};

struct Missing {
  LogPoint head;
  Transaction changes;
  // Of these what access was taken away from, and where the last entry that did is.
  std::map<std::pair<RecordType, Uuid>, LogPoint> removed_records;
  std::map<domain::KeyId, LogPoint> removed_keys;
  bool resync = false;  // the log does not lead from there to the head, or is too long to follow
};

inline constexpr std::int64_t kEntriesMax = 20'000;

Result<Missing> read_missing(Connection& connection, const LogPoint& applied);

// The same inside a transaction of the caller's, REPEATABLE READ or while it holds log_head:
// `rows` are the answers to what select_missing() adds.
inline constexpr std::size_t kMissingStatements = 3;
void select_missing(const LogPoint& applied, std::vector<Statement>& statements);
Missing read_missing_rows(const LogPoint& applied, const LogPoint& head,
                          std::span<const Rows> rows);

// Of what access was taken away since then, and by which entries; without the rows.
Statement select_removals(Time since);
Missing read_removals(const Rows& rows);

}  // namespace keywright::store::postgres
