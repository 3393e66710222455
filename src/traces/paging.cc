#include "traces/paging.h"

#include <algorithm>
#include <string>
#include <vector>

#include "traces/native.h"

namespace keywright::traces {

bool matches(const TraceRow& row, const Query& query) {
  const auto is_any = [](std::string_view asked, std::string_view found) {
    return asked.empty() || asked == found;
  };
  return is_any(query.status, row.status) && is_any(query.external_id, row.external_id) &&
         is_any(query.key_id, row.key_id) && is_any(query.name, row.name) &&
         (!query.has_error || *query.has_error == (row.status == kStatusError));
}

bool is_search(const Query& query) {
  if (!query.external_id.empty()) return false;  // an index has them
  return !query.status.empty() || !query.key_id.empty() || !query.name.empty() || query.has_error;
}

std::int64_t looked_at_max(const Query& query) {
  const std::size_t owners =
      query.platforms ? std::max<std::size_t>(query.platforms->size(), 1) : 1;
  return std::max<std::int64_t>(query.looked_at_max / static_cast<std::int64_t>(owners), 10);
}

void end_page(Page& page, int limit, Number floor) {
  const auto shown = static_cast<std::size_t>(limit);
  std::erase_if(page.rows, [&](const TraceRow& row) { return row.number < floor; });
  if (page.rows.size() > shown) {
    page.rows.resize(shown);
    // A damaged row may tell any number.
    Number last = page.rows.back().number;
    for (const TraceRow& row : page.rows) {
      if (row.soundness != Soundness::damaged) last = row.number;
    }
    page.next = std::to_string(last);
  } else if (floor > 0) {
    page.next = std::to_string(floor);
  }
  std::erase_if(page.rows, [&](const TraceRow& row) {
    if (row.soundness != Soundness::damaged) return false;
    page.damaged.push_back(row.number);
    return true;
  });
}

Result<Number> first_span(std::string_view span_cursor) {
  if (span_cursor.empty()) return 0;
  return parse_cursor(span_cursor);
}

void end_spans(WholeTrace& trace, Number first) {
  const Number next = first + static_cast<Number>(trace.spans.size());
  if (next < trace.row.span_count) trace.next_spans = std::to_string(next);
}

Result<void> add_native_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit) {
  if (trace.row.span_count == 0) return {};
  KW_TRY(const Number first, first_span(span_cursor));
  trace.spans =
      spans_of(*trace.body, static_cast<std::size_t>(first), static_cast<std::size_t>(span_limit));
  end_spans(trace, first);
  if (!span_cursor.empty()) trace.body.reset();
  return {};
}

}  // namespace keywright::traces
