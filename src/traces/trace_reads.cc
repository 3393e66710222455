#include <algorithm>
#include <limits>

#include "traces/native.h"
#include "traces/otlp.h"
#include "traces/paging.h"
#include "traces/trace_reader.h"

namespace keywright::traces {
namespace {

constexpr std::int64_t kNear = 10;  // ms

bool is_of_errors(const Query& query) {
  return query.has_error == true || query.status == kStatusError;
}

// Their index has nothing that is not asked for.
bool is_of_errors_only(const Query& query) {
  return is_of_errors(query) && query.key_id.empty() && query.name.empty() &&
         query.has_error != false;
}

store::Sql owner_clause(const Query& query) {
  if (is_of_errors(query)) {
    return query.platforms
               ? store::Sql("INDEXED BY errors_by_platform WHERE status = 'error' AND platform = ?")
               : store::Sql("INDEXED BY errors_by_project WHERE status = 'error' AND project = ?");
  }
  return query.platforms ? store::Sql("INDEXED BY traces_by_platform WHERE platform = ?")
                         : store::Sql("INDEXED BY traces_by_project WHERE project = ?");
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& file) {
  KW_TRY(auto database,
         store::Database::open(file.native(), store::Database::Access::read_only, ""));
  std::unique_ptr<Reader> reader(new Reader(std::move(database)));
  KW_CHECK_OK(reader->prepare());
  return reader;
}

// Where an index was damaged it leads to rows that are none of those asked for.
Result<void> Reader::prepare() {
  KW_CHECK_OK(database_.run("PRAGMA cell_size_check = 1"));
  KW_TRY(last_unchecked_, last_unchecked(database_));
  KW_TRY(of_platform_, database_.prepare("SELECT " KW_TRACE_COLUMNS
                                         " FROM traces INDEXED BY traces_by_platform WHERE "
                                         "platform = ? AND number >= ? AND number < ? "
                                         "AND project = ? ORDER BY number DESC LIMIT ?"));
  KW_TRY(of_project_,
         database_.prepare("SELECT " KW_TRACE_COLUMNS
                           " FROM traces WHERE project = ? AND number >= ? AND number < ? "
                           "AND project = ? ORDER BY number DESC LIMIT ?"));
  KW_TRY(one_,
         database_.prepare("SELECT " KW_TRACE_COLUMNS " FROM traces WHERE id = ? AND project = ?"));
  KW_TRY(near_, database_.prepare("SELECT " KW_TRACE_COLUMNS
                                  " FROM traces WHERE number BETWEEN ? AND ? ORDER BY number"));
  KW_TRY(body_, database_.prepare("SELECT size, checksum, compressed, body, row_check FROM bodies "
                                  "WHERE number = ?"));
  KW_TRY(spans_, database_.prepare("SELECT " KW_SPAN_COLUMNS
                                   ", id FROM spans WHERE trace = ? ORDER BY start, span_id"));
  KW_TRY(span_text_, database_.prepare("SELECT body FROM spans WHERE id = ?"));
  KW_TRY(context_, database_.prepare("SELECT size, checksum, compressed, body, digest FROM "
                                     "contexts WHERE id = ?"));
  return prepare_queue();
}

Result<void> Reader::take_rows(store::Query& read, const Uuid& owner, const Range& range,
                               const Query& query, Found& found) {
  Number above = range.before;
  while (true) {
    KW_TRY(const bool is_more, read.next());
    if (!is_more) return {};
    TraceRow& row = found.rows.emplace_back(trace_row_of(read));
    const bool is_other = row.project != query.project || row.number >= above ||
                          owner != (query.platforms ? row.platform.value : row.project.value) ||
                          !matches(row, query);
    if (is_other || is_damaged(row)) row.soundness = Soundness::damaged;
    above = std::min(above, row.number);
  }
}

// Where looking ends, if rows have to be looked at one after the other; 0: with the last one.
Result<Number> Reader::floor_of(const Uuid& owner, const Range& range, const Query& query) {
  store::SqlText sql("SELECT number FROM traces ");
  sql += owner_clause(query);
  sql += " AND number >= ? AND number < ? ORDER BY number DESC LIMIT 1 OFFSET ?";
  KW_TRY(auto statement, database_.prepare(sql));
  store::Query read(statement);
  read.bind(bytes_of(owner)).bind(range.from).bind(range.before).bind(looked_at_max(query) - 1);
  KW_TRY(const bool found, read.next());
  return found ? read.integer(0) : 0;
}

Result<void> Reader::collect(const Uuid& owner, const Range& range, const Query& query,
                             Found& found) {
  if (!is_search(query)) {
    store::Query read(query.platforms ? of_platform_ : of_project_);
    read.bind(bytes_of(owner)).bind(range.from).bind(range.before);
    read.bind(bytes_of(query.project.value)).bind(std::int64_t{query.limit} + 1);
    return take_rows(read, owner, range, query, found);
  }
  Number floor = 0;
  if (!is_of_errors_only(query)) {
    KW_TRY(floor, floor_of(owner, range, query));
    found.floor = std::max(found.floor, floor);
  }
  store::SqlText sql("SELECT " KW_TRACE_COLUMNS " FROM traces ");
  sql += owner_clause(query);
  sql += " AND number >= ? AND number < ? AND project = ?";
  if (!query.status.empty()) sql += " AND status = ?";
  if (!query.key_id.empty()) sql += " AND key_id = ?";
  if (!query.name.empty()) sql += " AND name = ?";
  if (query.has_error == false) sql += " AND status <> 'error'";
  sql += " ORDER BY number DESC LIMIT ?";
  KW_TRY(auto statement, database_.prepare(sql));
  store::Query read(statement);
  read.bind(bytes_of(owner)).bind(std::max(range.from, floor)).bind(range.before);
  read.bind(bytes_of(query.project.value));
  for (const std::string* text : {&query.status, &query.key_id, &query.name}) {
    if (!text->empty()) read.bind(*text);
  }
  read.bind(std::int64_t{query.limit} + 1);
  return take_rows(read, owner, range, query, found);
}

// One trace of each platform and source at most. Which platforms there are is found by going from
// one to the next in their index.
Result<void> Reader::collect_same_id(const Range& range, const Query& query, Found& found) {
  KW_TRY(auto statement,
         database_.prepare(
             "WITH RECURSIVE known (owner) AS (SELECT min(platform) FROM traces UNION ALL SELECT "
             "(SELECT min(platform) FROM traces WHERE platform > known.owner) FROM known WHERE "
             "known.owner IS NOT NULL) SELECT " KW_TRACE_COLUMNS
             " FROM known CROSS JOIN traces INDEXED BY traces_by_external_id ON platform = "
             "known.owner "
             "WHERE source IN (0, 1) AND external_id = ? AND number >= ? AND number < ? AND "
             "project = ?"));
  store::Query read(statement);
  read.bind(query.external_id).bind(range.from).bind(range.before);
  read.bind(bytes_of(query.project.value));
  while (true) {
    KW_TRY(const bool is_more, read.next());
    if (!is_more) return {};
    TraceRow row = trace_row_of(read);
    if (is_damaged(row)) row.soundness = Soundness::damaged;
    const bool is_readable =
        !query.platforms ||
        std::ranges::find(*query.platforms, row.platform) != query.platforms->end();
    if (is_readable && matches(row, query)) found.rows.push_back(std::move(row));
  }
}

Result<Page> Reader::list(const Query& query) {
  Range range{0, std::numeric_limits<Number>::max()};
  if (query.from) range.from = std::max(Number{0}, first_number_of(*query.from));
  if (query.to) range.before = first_number_of(*query.to);
  if (!query.cursor.empty()) {
    KW_TRY(const Number cursor, parse_cursor(query.cursor));
    range.before = std::min(range.before, cursor);
  }
  Found found;
  if (!query.external_id.empty()) {
    KW_CHECK_OK(collect_same_id(range, query, found));
  } else if (query.platforms) {
    for (const domain::PlatformId& platform : *query.platforms) {
      KW_CHECK_OK(collect(platform.value, range, query, found));
    }
  } else {
    KW_CHECK_OK(collect(query.project.value, range, query, found));
  }
  Page page;
  page.rows = std::move(found.rows);
  std::ranges::sort(page.rows, std::ranges::greater(), &TraceRow::number);
  end_page(page, query.limit, found.floor);
  return page;
}

Result<std::optional<TraceRow>> Reader::find(domain::ProjectId project, const Uuid& id) {
  {
    store::Query query(one_);
    query.bind(bytes_of(id)).bind(bytes_of(project.value));
    KW_TRY(const bool found, query.next());
    if (found) {
      TraceRow row = trace_row_of(query);
      if (is_damaged(row) || row.id != id || row.project != project) return fail(trace_damaged());
      return row;
    }
  }
  return find_near(project, id);
}

// An id and the number of its trace are made in the same moment. So a trace that the index does not
// find any more is found by its number; and where one is damaged, nobody knows whose id it had.
Result<std::optional<TraceRow>> Reader::find_near(domain::ProjectId project, const Uuid& id) {
  std::int64_t made_at = 0;
  for (int i = 0; i < 6; ++i) made_at = made_at << 8 | id.bytes[i];
  if (made_at <= kNear || made_at >= kLatestMillisecond) return std::nullopt;
  store::Query query(near_);
  query.bind((made_at - kNear) << kCounterBits).bind(((made_at + 1) << kCounterBits) - 1);
  bool is_damage_near = false;
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) break;
    TraceRow row = trace_row_of(query);
    if (is_damaged(row)) {
      is_damage_near = true;
    } else if (row.id == id && row.project == project) {
      return row;
    }
  }
  if (is_damage_near) return fail(trace_damaged());
  return std::nullopt;
}

Result<std::optional<WholeTrace>> Reader::get(domain::ProjectId project, const Uuid& id,
                                              std::string_view span_cursor, int span_limit) {
  KW_TRY(auto transaction, store::DatabaseTransaction::begin(database_, "BEGIN"));
  KW_TRY(std::optional<TraceRow> row, find(project, id));
  if (!row) return std::nullopt;
  WholeTrace trace;
  trace.row = std::move(*row);
  if (trace.row.source == Source::native) {
    KW_TRY(trace.body, body(trace.row.number));
    KW_CHECK_OK(add_native_spans(trace, span_cursor, span_limit));
  } else {
    KW_CHECK_OK(add_spans(trace, span_cursor, span_limit));
  }
  return trace;
}

Result<std::string> Reader::body(Number number) {
  store::Query query(body_);
  KW_TRY(const bool found, query.bind(number).next());
  if (!found) return fail(trace_damaged());
  const std::int64_t check = check_of_body(number, marks_at(query, 0));
  if (traces::is_damaged(soundness_of(query, 4, check), number, last_unchecked_)) {
    return fail(trace_damaged());
  }
  return unpack_columns(query, 0);
}

Result<const Reader::Context*> Reader::context(std::int64_t row) {
  const auto known = contexts_.find(row);
  if (known != contexts_.end()) return &known->second;
  store::Query query(context_);
  KW_TRY(const bool found, query.bind(row).next());
  if (!found) return fail(trace_damaged());
  Context read;
  KW_TRY(read.text, unpack_columns(query, 0));
  read.id = id_of_context(read.text);
  const ByteView digest = query.blob(4);
  if (digest.size() < read.id.bytes.size() ||
      !std::equal(read.id.bytes.begin(), read.id.bytes.end(), digest.begin())) {
    return fail(trace_damaged());
  }
  return &contexts_.emplace(row, std::move(read)).first->second;
}

// Of KW_SPAN_COLUMNS.
Result<void> Reader::check_span(const store::Query& columns, Number trace) {
  KW_TRY(const Context* context, this->context(columns.integer(0)));
  const SpanMarks marks{trace, columns.text(1), columns.integer(2), context->id,
                        marks_at(columns, 3)};
  if (traces::is_damaged(soundness_of(columns, 6, check_of(marks)), trace, last_unchecked_)) {
    return fail(trace_damaged());
  }
  return {};
}

// All of the trace, without their texts: one that is not where it was sent to, or missing, would
// move others from one page to the next.
Result<std::vector<Reader::SpanRow>> Reader::span_rows(Number trace) {
  std::vector<SpanRow> rows;
  std::int64_t start = 0;
  std::string span_id;
  store::Query query(spans_);
  query.bind(trace);
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) return rows;
    KW_CHECK_OK(check_span(query, trace));
    const bool is_again = !rows.empty() && start == query.integer(2) && span_id == query.text(1);
    if (is_again) return fail(trace_damaged());
    start = query.integer(2);
    span_id = query.text(1);
    rows.push_back({query.integer(7), marks_at(query, 3), query.integer(0)});
  }
}

Result<std::string> Reader::span_text(const SpanRow& span) {
  store::Query query(span_text_);
  KW_TRY(const bool found, query.bind(span.row).next());
  if (!found) return fail(trace_damaged());
  return unpack(view_text(query.blob(0)), span.text.size, span.text.checksum, span.text.compressed);
}

Result<void> Reader::add_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit) {
  KW_TRY(const Number asked, first_span(span_cursor));
  const Number first = std::min(asked, trace.row.span_count);
  contexts_.clear();
  KW_TRY(const std::vector<SpanRow> rows, span_rows(trace.row.number));
  if (static_cast<std::int64_t>(rows.size()) != trace.row.span_count) return fail(trace_damaged());
  const Number end = std::min(trace.row.span_count, first + span_limit);
  for (Number i = first; i < end; ++i) {
    const SpanRow& row = rows[static_cast<std::size_t>(i)];
    KW_TRY(const Context* context, this->context(row.context));
    KW_TRY(const std::string span, span_text(row));
    trace.spans.push_back(with_context(span, context->text));
  }
  end_spans(trace, first);
  return {};
}

}  // namespace keywright::traces
