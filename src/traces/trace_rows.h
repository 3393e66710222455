// traces/trace_rows.h - the tables of the trace store in SQLite. Of this room only.
//
// Errors: conflict/trace_store_newer; those of the database. Threading: a plain function.
#pragma once

#include "store/sqlite/sqlite.h"
#include "traces/row_columns.h"

namespace keywright::traces {

// Makes the tables if they are missing, and those that an older Keywright did not have.
Result<void> prepare_tables(store::Database& database);

// Traces with greater numbers have checks in all of their rows; 0: all have.
Result<Number> last_unchecked(store::Database& database);
inline bool is_damaged(Soundness soundness, Number trace, Number last_unchecked) {
  return soundness == Soundness::damaged ||
         (soundness == Soundness::unchecked && trace > last_unchecked);
}

}  // namespace keywright::traces
