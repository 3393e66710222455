#include "traces/postgres/trace_queries.h"

#include <algorithm>
#include <iterator>
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

// One platform's, or (null) all of the project: the newest.
void add_newest(Statement& select, const Query& query, const Range& range,
                const domain::PlatformId* platform, std::int64_t limit) {
  select.add(" FROM traces WHERE number >= ? AND number < ? AND project = ?", range.from,
             range.before, query.project.value);
  if (platform != nullptr) select.add(" AND platform = ?", platform->value);
  select.add(" ORDER BY number DESC LIMIT ?", limit);
}

void add_filters(Statement& select, const Query& query) {
  if (!query.status.empty()) select.add(" AND status = ?", std::string_view(query.status));
  if (!query.key_id.empty()) select.add(" AND key_id = ?", std::string_view(query.key_id));
  if (!query.name.empty()) select.add(" AND name = ?", std::string_view(query.name));
  if (query.has_error == true) select.add(" AND status = 'error'::bytea");
  if (query.has_error == false) select.add(" AND status <> 'error'::bytea");
}

Statement select_page(const Query& query, const Range& range, const domain::PlatformId* platform) {
  Statement select("SELECT ");
  const std::int64_t limit = std::int64_t{query.limit} + 1;
  if (!is_search(query)) {
    add_newest(select.add(kRow), query, range, platform, limit);
    return select;
  }
  select.add(kRow).add(" FROM (SELECT ").add(kRow);
  add_newest(select, query, range, platform, looked_at_max(query));
  add_filters(select.add(") AS looked_at WHERE true"), query);
  select.add(" ORDER BY number DESC LIMIT ?", limit);
  return select;
}

// Where looking ends. Asked after the page: what comes in between makes it end earlier, and the
// next page begins there.
Statement select_floor(const Query& query, const Range& range, const domain::PlatformId* platform) {
  Statement select("SELECT min(number) FROM (SELECT number");
  add_newest(select, query, range, platform, looked_at_max(query));
  select.add(") AS looked_at HAVING count(*) = ?", looked_at_max(query));
  return select;
}

// One trace of each platform and source at most. Which platforms there are is found by going from
// one to the next in the index.
Statement select_same_id(const Query& query, const Range& range) {
  Statement select(
      "WITH RECURSIVE known (id) AS ((SELECT platform FROM trace_identities ORDER BY platform "
      "LIMIT "
      "1) UNION ALL SELECT (SELECT platform FROM trace_identities WHERE platform > known.id ORDER "
      "BY "
      "platform LIMIT 1) FROM known WHERE known.id IS NOT NULL) SELECT ");
  select.add(kRow).add(
      " FROM traces WHERE number = ANY (ARRAY(SELECT i.number FROM known JOIN trace_identities i "
      "ON "
      "i.platform = known.id WHERE i.source IN (0, 1) AND i.external_id = ?)) AND number >= ? AND "
      "number < ? AND project = ?",
      std::string_view(query.external_id), range.from, range.before, query.project.value);
  if (query.platforms) {
    std::vector<Uuid> platforms;
    for (const domain::PlatformId& platform : *query.platforms) platforms.push_back(platform.value);
    select.add(" AND platform = ANY (?)", std::span<const Uuid>(platforms));
  }
  add_filters(select, query);
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
  std::vector<Statement> floors;
  const auto select = [&](const domain::PlatformId* platform) {
    selects.push_back(select_page(query, range, platform));
    if (is_search(query)) floors.push_back(select_floor(query, range, platform));
  };
  if (!query.external_id.empty()) {
    selects.push_back(select_same_id(query, range));
  } else if (query.platforms) {
    for (const domain::PlatformId& platform : *query.platforms) select(&platform);
  } else {
    select(nullptr);
  }
  Page page;
  if (selects.empty()) return page;
  const std::size_t pages = selects.size();
  std::ranges::move(floors, std::back_inserter(selects));
  KW_TRY(const std::vector<Rows> found, connection.run_all(selects));
  Number floor = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Rows& rows = found[i];
    if (i >= pages && rows.size() > 0) floor = std::max(floor, rows[0].integer(0));
    for (int row = 0; i < pages && row < rows.size(); ++row) {
      page.rows.push_back(trace_row_of(rows[row]));
    }
  }
  std::ranges::sort(page.rows, std::ranges::greater(), &TraceRow::number);
  end_page(page, query.limit, floor);
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
