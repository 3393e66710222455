#include <algorithm>
#include <limits>
#include <map>

#include "traces/otlp.h"
#include "traces/paging.h"
#include "traces/trace_reader.h"

namespace keywright::traces {

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& file) {
  KW_TRY(auto database,
         store::Database::open(file.native(), store::Database::Access::read_only, ""));
  std::unique_ptr<Reader> reader(new Reader(std::move(database)));
  KW_CHECK_OK(reader->prepare());
  return reader;
}

Result<void> Reader::prepare() {
  KW_TRY(of_platform_,
         database_.prepare("SELECT " KW_TRACE_COLUMNS
                           " FROM traces WHERE platform = ? AND number >= ? AND number < ? "
                           "AND project = ? AND (?5 = '' OR status = ?5) "
                           "ORDER BY number DESC LIMIT ?"));
  KW_TRY(of_project_,
         database_.prepare("SELECT " KW_TRACE_COLUMNS
                           " FROM traces WHERE project = ? AND number >= ? AND number < ? "
                           "AND project = ? AND (?5 = '' OR status = ?5) "
                           "ORDER BY number DESC LIMIT ?"));
  KW_TRY(one_,
         database_.prepare("SELECT " KW_TRACE_COLUMNS " FROM traces WHERE id = ? AND project = ?"));
  KW_TRY(body_,
         database_.prepare("SELECT size, checksum, compressed, body FROM bodies WHERE number = ?"));
  KW_TRY(spans_, database_.prepare("SELECT context, size, checksum, compressed, body FROM spans "
                                   "WHERE trace = ? ORDER BY start, span_id LIMIT ? OFFSET ?"));
  KW_TRY(context_,
         database_.prepare("SELECT size, checksum, compressed, body FROM contexts WHERE id = ?"));
  return prepare_queue();
}

Result<void> Reader::collect(store::Statement& statement, const Uuid& owner, const Range& range,
                             const Query& query, std::vector<TraceRow>& rows) {
  store::Query read(statement);
  read.bind(bytes_of(owner)).bind(range.from).bind(range.before);
  read.bind(bytes_of(query.project.value)).bind(query.status);
  read.bind(std::int64_t{query.limit} + 1);
  while (true) {
    KW_TRY(const bool found, read.next());
    if (!found) return {};
    rows.push_back(trace_row_of(read));
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
  Page page;
  if (query.platforms) {
    for (const domain::PlatformId& platform : *query.platforms) {
      KW_CHECK_OK(collect(of_platform_, platform.value, range, query, page.rows));
    }
    const auto newer = [](const TraceRow& a, const TraceRow& b) { return a.number > b.number; };
    std::sort(page.rows.begin(), page.rows.end(), newer);
  } else {
    KW_CHECK_OK(collect(of_project_, query.project.value, range, query, page.rows));
  }
  end_page(page, query.limit);
  return page;
}

Result<std::optional<WholeTrace>> Reader::get(domain::ProjectId project, const Uuid& id,
                                              std::string_view span_cursor, int span_limit) {
  KW_TRY(auto transaction, store::DatabaseTransaction::begin(database_, "BEGIN"));
  WholeTrace trace;
  {
    store::Query query(one_);
    query.bind(bytes_of(id)).bind(bytes_of(project.value));
    KW_TRY(const bool found, query.next());
    if (!found) return std::nullopt;
    trace.row = trace_row_of(query);
  }
  if (trace.row.source == Source::native) {
    KW_CHECK_OK(add_body(trace, span_cursor, span_limit));
  } else {
    KW_CHECK_OK(add_spans(trace, span_cursor, span_limit));
  }
  return trace;
}

Result<void> Reader::add_body(WholeTrace& trace, std::string_view span_cursor, int span_limit) {
  store::Query query(body_);
  KW_TRY(const bool found, query.bind(trace.row.number).next());
  if (!found) return fail(Code::unavailable, "trace_damaged", "The body of this trace is missing.");
  KW_TRY(trace.body, unpack_columns(query, 0));
  return add_native_spans(trace, span_cursor, span_limit);
}

Result<std::string> Reader::context(std::int64_t id) {
  store::Query query(context_);
  KW_TRY(const bool found, query.bind(id).next());
  if (!found) return std::string();
  return unpack_columns(query, 0);
}

Result<void> Reader::add_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit) {
  KW_TRY(const Number first, first_span(span_cursor));
  std::map<std::int64_t, std::string> contexts;
  store::Query query(spans_);
  query.bind(trace.row.number).bind(std::int64_t{span_limit}).bind(first);
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) break;
    const std::int64_t id = query.integer(0);
    auto known = contexts.find(id);
    if (known == contexts.end()) {
      KW_TRY(std::string text, context(id));
      known = contexts.emplace(id, std::move(text)).first;
    }
    KW_TRY(const std::string span, unpack_columns(query, 1));
    trace.spans.push_back(with_context(span, known->second));
  }
  end_spans(trace, first);
  return {};
}

}  // namespace keywright::traces
