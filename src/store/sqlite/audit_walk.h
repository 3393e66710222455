// store/sqlite/audit_walk.h - the audit events of a store in the order of the chain.
//
//   AuditWalk walk(database);
//   for (;;) {
//     KW_TRY(auto events, walk.next());          // empty: there are no more
//     ...                                        // check that their numbers follow one another
//   }
//
// It begins behind `after`, the number of an event. Rows and packs (audit_pack.h) come alike. No
// read transaction stays open between two calls, so the writer goes on.
//
// Errors: those of sqlite.h; internal/store_damaged names the event.
// Threading: as the Database. Lifetime: the database outlives it. Cost: some hundred events in
// memory at a time.
#pragma once

#include <vector>

#include "store/sqlite/rows.h"

namespace keywright::store {

class AuditWalk {
 public:
  explicit AuditWalk(Database& database, std::int64_t after = 0)
      : database_(database), last_(after) {}

  Result<std::vector<StoredEvent>> next();

 private:
  Result<void> prepare();
  Result<std::vector<StoredEvent>> rows(std::int64_t below);

  Database& database_;
  Statement find_pack_, read_pack_, read_rows_;
  bool prepared_ = false;
  std::int64_t last_;
};

}  // namespace keywright::store
