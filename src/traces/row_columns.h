// traces/row_columns.h - traces and what is queued, from the columns of a row, whichever database
// gives it. Of the trace stores only.
//
//   select.add(Sql(KW_TRACE_COLUMNS)) ...;  TraceRow row = trace_row_of(rows[0]);
//   select.add(Sql(KW_QUEUED_COLUMNS)) ...; Queued queued = queued_of(rows[0]);
//
// `Row` gives columns by number: integer(), text(), blob() and is_null(), as store::Query and
// store::postgres::Row do.
//
// Threading: plain functions. Lifetime: what they give holds copies.
#pragma once

#include <algorithm>
#include <string>

#include "traces/outbox.h"
#include "traces/pack.h"
#include "traces/row_check.h"
#include "traces/trace_row.h"

namespace keywright::traces {

#define KW_TRACE_COLUMNS                                                                  \
  "number, id, project, platform, source, external_id, name, status, key_id, routed_by, " \
  "warnings, span_count, size_bytes, revision, updated_at, row_check"
#define KW_SPAN_COLUMNS "context, span_id, start, size, checksum, compressed, row_check"
#define KW_QUEUED_COLUMNS \
  "sequence, platform, trace, revision, first_span, last_span, hops, queued_at"
inline constexpr int kTraceColumns = 16;
inline constexpr int kQueuedColumns = 8;

template <class Row>
Uuid uuid_at(const Row& row, int column) {
  Uuid id;
  const ByteView bytes = row.blob(column);
  if (bytes.size() == id.bytes.size()) std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

template <class Row>
TraceRow trace_row_of(const Row& columns) {
  TraceRow row;
  row.number = columns.integer(0);
  row.id = uuid_at(columns, 1);
  row.project = {uuid_at(columns, 2)};
  row.platform = {uuid_at(columns, 3)};
  row.source = columns.integer(4) == 0 ? Source::native : Source::otlp;
  row.external_id = columns.text(5);
  row.name = columns.text(6);
  row.status = columns.text(7);
  row.key_id = columns.text(8);
  row.routed_by = columns.text(9);
  row.warnings = split_warnings(columns.text(10));
  row.span_count = columns.integer(11);
  row.size_bytes = columns.integer(12);
  row.revision = columns.integer(13);
  row.created_at = time_of(row.number);
  row.updated_at = from_unix_milliseconds(columns.integer(14));
  row.soundness = soundness_of(columns, 15, check_of(row));
  return row;
}

template <class Row>
Queued queued_of(const Row& columns) {
  Queued queued;
  queued.sequence = columns.integer(0);
  queued.platform = {uuid_at(columns, 1)};
  queued.trace = columns.integer(2);
  queued.revision = columns.integer(3);
  queued.first_span = columns.integer(4);
  queued.last_span = columns.integer(5);
  queued.hops = columns.integer(6);
  queued.queued_at = from_unix_milliseconds(columns.integer(7));
  return queued;
}

// The text in the columns size, checksum, compressed and body, of which `first` is the first.
template <class Row>
Result<std::string> unpack_columns(const Row& columns, int first) {
  return unpack(view_text(columns.blob(first + 3)), columns.integer(first),
                columns.integer(first + 1), columns.integer(first + 2) != 0);
}

}  // namespace keywright::traces
