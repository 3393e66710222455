// traces/trace_rows.h - the tables of the trace store in SQLite, and what is read of them. Of this
// room only.
//
// Threading: plain values.
#pragma once

#include <string>

#include "store/sqlite/sqlite.h"
#include "traces/trace_row.h"

namespace keywright::traces {

// The columns that read_row() reads, in their order.
#define KW_TRACE_COLUMNS                                                                  \
  "number, id, project, platform, source, external_id, name, status, key_id, routed_by, " \
  "warnings, span_count, size_bytes, revision, updated_at"
TraceRow read_row(const store::Query& query);

// The text in the columns size, checksum, compressed and body, of which `first` is the first.
Result<std::string> unpack_columns(const store::Query& query, int first);

// Makes the tables if they are missing, and those that an older Keywright did not have.
Result<void> prepare_tables(store::Database& database);

}  // namespace keywright::traces
