#include "traces/postgres/trace_queries.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "traces/otlp.h"
#include "traces/paging.h"
#include "traces/postgres/days.h"
#include "traces/row_columns.h"

namespace keywright::traces {
namespace {

using store::postgres::Connection;
using store::postgres::ReadMoment;
using store::postgres::Row;
using store::postgres::Rows;
using store::postgres::Sql;
using store::postgres::Statement;

constexpr Sql kRow(KW_TRACE_COLUMNS);
constexpr Sql kText(", size, checksum, compressed, body");

struct Range {
  Number from = 0;    // inclusive
  Number before = 0;  // exclusive
};

// One platform's, or (null) all of the project.
Statement select_page(const Query& query, const Range& range, const domain::PlatformId* platform) {
  Statement select("SELECT ");
  select.add(kRow).add(" FROM traces WHERE number >= ? AND number < ? AND project = ?", range.from,
                       range.before, query.project.value);
  if (platform != nullptr) select.add(" AND platform = ?", platform->value);
  if (!query.status.empty()) select.add(" AND status = ?", std::string_view(query.status));
  select.add(" ORDER BY number DESC LIMIT ?", std::int64_t{query.limit} + 1);
  return select;
}

Statement select_one(domain::ProjectId project, const Uuid& id, const Range& range) {
  Statement select("SELECT ");
  select.add(kRow).add(kText).add(
      " FROM traces WHERE id = ? AND project = ? AND number >= ? AND number < ?", id, project.value,
      range.from, range.before);
  return select;
}

// The days in which a trace of this id was most likely received: an id says when it was made.
Range likely_range(const Uuid& id) {
  std::int64_t milliseconds = 0;
  for (int i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | id.bytes[i];
  milliseconds = std::clamp(milliseconds, kDayMilliseconds, kLatestMillisecond - kDayMilliseconds);
  return {(milliseconds - kDayMilliseconds) << kCounterBits, (milliseconds + kDayMilliseconds)
                                                                 << kCounterBits};
}

constexpr Range kEverything{0, std::numeric_limits<Number>::max()};

constexpr Sql kSpan(KW_SPAN_COLUMNS ", body");

using Contexts = std::map<Uuid, std::string>;

Result<Contexts> read_contexts(Connection& connection, Number trace, const std::set<Uuid>& wanted) {
  Contexts contexts;
  const std::vector<Uuid> digests(wanted.begin(), wanted.end());
  KW_TRY(const Rows rows,
         connection.run(Statement("SELECT digest, size, checksum, compressed, body FROM "
                                  "trace_contexts WHERE trace = ? AND digest = ANY (?)",
                                  trace, std::span(digests))));
  for (int i = 0; i < rows.size(); ++i) {
    KW_TRY(std::string text, unpack_columns(rows[i], 1));
    if (id_of_context(text) != rows[i].uuid(0)) return fail(trace_damaged());
    contexts.emplace(rows[i].uuid(0), std::move(text));
  }
  return contexts;
}

// Of the columns kSpan.
Result<std::vector<SpanToSend>> read_spans(Connection& connection, Number trace,
                                           const Statement& select) {
  KW_TRY(const Rows rows, connection.run(select));
  std::set<Uuid> wanted;
  for (int i = 0; i < rows.size(); ++i) wanted.insert(rows[i].uuid(0));
  KW_TRY(const Contexts contexts, read_contexts(connection, trace, wanted));
  std::vector<SpanToSend> spans;
  for (int i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    const auto context = contexts.find(row.uuid(0));
    const TextMarks marks = marks_at(row, 3);
    const std::int64_t check =
        check_of(SpanMarks{trace, row.text(1), row.integer(2), row.uuid(0), marks});
    if (context == contexts.end() || soundness_of(row, 6, check) == Soundness::damaged) {
      return fail(trace_damaged());
    }
    KW_TRY(std::string text, unpack(row.text(7), marks.size, marks.checksum, marks.compressed));
    spans.push_back({std::move(text), context->second});
  }
  return spans;
}

Result<void> add_spans(Connection& connection, WholeTrace& trace, std::string_view span_cursor,
                       int span_limit) {
  KW_TRY(const Number first, first_span(span_cursor));
  Statement select("SELECT ");
  select.add(kSpan).add(
      " FROM trace_spans WHERE trace = ? ORDER BY start, span_id LIMIT ? OFFSET ?",
      trace.row.number, std::int64_t{span_limit}, first);
  KW_TRY(const std::vector<SpanToSend> spans, read_spans(connection, trace.row.number, select));
  const Number left = std::max(Number{0}, trace.row.span_count - first);
  if (static_cast<Number>(spans.size()) != std::min(Number{span_limit}, left)) {
    return fail(trace_damaged());
  }
  for (const SpanToSend& span : spans) {
    trace.spans.push_back(with_context(span.json, span.context));
  }
  end_spans(trace, first);
  return {};
}

// As KW_QUEUED_COLUMNS, of a table that is called o.
constexpr Sql kQueued(
    "sequence, o.platform, trace, revision, first_span, last_span, hops, queued_at");

ForwardingRow forwarding_of(const Row& columns) {
  return {{columns.uuid(0)},
          {columns.uuid(1)},
          std::string(columns.text(2)),
          std::string(columns.text(3))};
}

}  // namespace

Result<Page> list_traces(Connection& connection, const Query& query) {
  Range range = kEverything;
  if (query.from) range.from = std::max(Number{0}, first_number_of(*query.from));
  if (query.to) range.before = first_number_of(*query.to);
  if (!query.cursor.empty()) {
    KW_TRY(const Number cursor, parse_cursor(query.cursor));
    range.before = std::min(range.before, cursor);
  }
  std::vector<Statement> selects;
  if (query.platforms) {
    for (const domain::PlatformId& platform : *query.platforms) {
      selects.push_back(select_page(query, range, &platform));
    }
  } else {
    selects.push_back(select_page(query, range, nullptr));
  }
  Page page;
  if (selects.empty()) return page;
  KW_TRY(const std::vector<Rows> found, connection.run_all(selects));
  for (const Rows& rows : found) {
    for (int i = 0; i < rows.size(); ++i) page.rows.push_back(trace_row_of(rows[i]));
  }
  std::ranges::sort(page.rows, std::ranges::greater(), &TraceRow::number);
  end_page(page, query.limit);
  return page;
}

Result<std::optional<WholeTrace>> get_trace(Connection& connection, domain::ProjectId project,
                                            const Uuid& id, std::string_view span_cursor,
                                            int span_limit) {
  KW_TRY(const ReadMoment moment, ReadMoment::begin(connection));
  KW_TRY(Rows rows, connection.run(select_one(project, id, likely_range(id))));
  if (rows.size() == 0) {
    KW_TRY(rows, connection.run(select_one(project, id, kEverything)));
  }
  if (rows.size() == 0) return std::nullopt;
  WholeTrace trace;
  trace.row = trace_row_of(rows[0]);
  if (trace.row.soundness == Soundness::damaged) return fail(trace_damaged());
  if (trace.row.source == Source::otlp) {
    KW_CHECK_OK(add_spans(connection, trace, span_cursor, span_limit));
    return trace;
  }
  KW_TRY(trace.body, unpack_columns(rows[0], kTraceColumns));
  KW_CHECK_OK(add_native_spans(trace, span_cursor, span_limit));
  return trace;
}

Result<std::vector<ForwardingRow>> read_forwardings(Connection& connection) {
  KW_TRY(const Rows rows, connection.run(Statement("SELECT platform, project, settings, state "
                                                   "FROM trace_forwardings")));
  std::vector<ForwardingRow> forwardings;
  for (int i = 0; i < rows.size(); ++i) forwardings.push_back(forwarding_of(rows[i]));
  return forwardings;
}

Result<std::optional<ForwardingRow>> read_forwarding(Connection& connection,
                                                     domain::PlatformId platform) {
  const Statement select(
      "SELECT platform, project, settings, state FROM trace_forwardings WHERE platform = ?",
      platform.value);
  KW_TRY(const Rows rows, connection.run(select));
  if (rows.size() == 0) return std::nullopt;
  return forwarding_of(rows[0]);
}

Result<std::vector<Queued>> read_queued(Connection& connection, domain::PlatformId platform,
                                        std::int64_t after, int limit) {
  Statement select("SELECT ");
  select.add(kQueued).add(
      " FROM trace_outbox o JOIN trace_forwardings f ON f.platform = o.platform WHERE o.platform = "
      "? AND sequence > greatest(?, since) ORDER BY sequence LIMIT ?",
      platform.value, after, std::int64_t{limit});
  KW_TRY(const Rows rows, connection.run(select));
  std::vector<Queued> queued;
  for (int i = 0; i < rows.size(); ++i) queued.push_back(queued_of(rows[i]));
  return queued;
}

Result<QueueState> read_queue_state(Connection& connection, domain::PlatformId platform,
                                    std::int64_t after) {
  const Statement selects[] = {
      Statement("SELECT count(*), min(queued_at) FROM trace_outbox o JOIN trace_forwardings f "
                "ON f.platform = o.platform WHERE o.platform = ? AND sequence > greatest(?, since)",
                platform.value, after),
      Statement("SELECT count(*) FROM trace_dead_letters d JOIN trace_forwardings f "
                "ON f.platform = d.platform WHERE d.platform = ? AND sequence > since",
                platform.value)};
  KW_TRY(const std::vector<Rows> rows, connection.run_all(selects));
  QueueState state;
  state.queued = rows[0][0].integer(0);
  if (!rows[0][0].is_null(1)) state.oldest_at = from_unix_milliseconds(rows[0][0].integer(1));
  state.dead = rows[1][0].integer(0);
  return state;
}

Result<std::vector<BuriedTrace>> read_buried(Connection& connection, domain::PlatformId platform,
                                             std::int64_t before, int limit) {
  Statement select("SELECT ");
  select.add(kQueued).add(
      ", failed_at, attempts, status, problem, (SELECT id FROM traces t WHERE t.number = o.trace) "
      "FROM trace_dead_letters o JOIN trace_forwardings f ON f.platform = o.platform "
      "WHERE o.platform = ? AND sequence < ? AND sequence > since ORDER BY sequence DESC LIMIT ?",
      platform.value, before, std::int64_t{limit});
  KW_TRY(const Rows rows, connection.run(select));
  std::vector<BuriedTrace> buried;
  for (int i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    BuriedTrace& trace = buried.emplace_back();
    trace.letter.queued = queued_of(row);
    trace.letter.failed_at = from_unix_milliseconds(row.integer(kQueuedColumns));
    trace.letter.attempts = row.integer(kQueuedColumns + 1);
    trace.letter.status = row.integer(kQueuedColumns + 2);
    trace.letter.problem = row.text(kQueuedColumns + 3);
    trace.trace_id = row.uuid(kQueuedColumns + 4);
  }
  return buried;
}

Result<std::optional<TraceToSend>> read_to_send(Connection& connection, const Queued& queued) {
  KW_TRY(const ReadMoment moment, ReadMoment::begin(connection));
  Statement select("SELECT ");
  select.add(kRow).add(kText).add(" FROM traces WHERE number = ?", queued.trace);
  KW_TRY(const Rows rows, connection.run(select));
  if (rows.size() == 0) return std::nullopt;
  TraceToSend trace;
  trace.row = trace_row_of(rows[0]);
  const bool is_other = trace.row.platform != queued.platform;
  if (is_other || trace.row.soundness == Soundness::damaged) return fail(trace_damaged());
  if (trace.row.source == Source::native) {
    KW_TRY(trace.body, unpack_columns(rows[0], kTraceColumns));
    return trace;
  }
  Statement spans("SELECT ");
  spans.add(kSpan).add(
      " FROM trace_spans WHERE trace = ? AND revision BETWEEN ? AND ? "
      "ORDER BY revision, start, span_id",
      queued.trace, queued.first_span, queued.last_span);
  KW_TRY(trace.spans, read_spans(connection, queued.trace, spans));
  return trace;
}

Result<std::string> read_unrouted(Connection& connection, domain::ProjectId project) {
  KW_TRY(const Rows rows,
         connection.run(
             Statement("SELECT report FROM trace_unrouted WHERE project = ?", project.value)));
  return rows.size() == 0 ? std::string() : std::string(rows[0].text(0));
}

}  // namespace keywright::traces
