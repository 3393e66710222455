// store/sqlite/migrations.h - the tables, and how older ones become today's.
//
//   KW_CHECK_OK(migrate(database));                   // to the newest schema
//   KW_CHECK_OK(check_schema(database));              // for who only reads: is it the newest?
//
// A step is one transaction that ends with its version number in the file: after a crash the store
// has the old schema or the new one, and the next start goes on from there. A released step is
// never edited; a change is a step of its own.
//
// Errors: conflict/store_too_new for a store that a newer version has changed, conflict/
// store_too_old (check_schema only), conflict/not_a_store for some other SQLite file.
// Threading: the writer, before anybody reads. Cost: one look when there is nothing to do.
#pragma once

#include <span>

#include "store/sqlite/sqlite.h"

namespace keywright::store {

struct Migration {
  int version;
  Sql script;
};

std::span<const Migration> migrations();

Result<void> migrate(Database& database, std::span<const Migration> steps = migrations());
Result<void> check_schema(Database& database);

}  // namespace keywright::store
