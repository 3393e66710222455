// store/postgres/schema.h - the tables, and how a database comes to have them.
//
//   // At every start, by as many nodes at once as there are.
//   KW_CHECK_OK(migrate(connection));
//
// Steps are numbered and taken in order, each in a transaction of its own, one program at a time.
// Nodes of this version and of the one before it run side by side while a cluster is upgraded, so a
// step only adds what the version before can do without (a column with a default, a table, an
// index); it says in `oldest` which schema a program must know at least to write beside it. A
// program refuses a database whose `oldest` it does not know yet.
//
// Errors: conflict/store_too_new, conflict/not_a_store; those of connection.h.
// Threading: as the connection. Cost: one query when nothing is to be done.
#pragma once

#include <span>

#include "store/postgres/connection.h"

namespace keywright::store::postgres {

struct Step {
  int version;
  int oldest;  // the schema that a program must know at least, once this step was taken
  Sql script;
};

std::span<const Step> steps();

// The connection must be one that waits long: another node may be at work.
inline constexpr Timeouts kMigrationTimeouts{
    .connect = std::chrono::milliseconds(5'000),
    .statement = std::chrono::milliseconds(0),
    .answer = std::chrono::milliseconds(600'000),
    .idle_in_transaction = std::chrono::milliseconds(10'000)};

Result<void> migrate(Connection& connection, std::span<const Step> with = steps());
// For programs that only read: refuses what migrate() would refuse, and a database without tables.
Result<void> check_schema(Connection& connection);

}  // namespace keywright::store::postgres
