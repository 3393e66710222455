#include "traces/paging.h"

#include <string>
#include <vector>

#include "traces/native.h"

namespace keywright::traces {

void end_page(Page& page, int limit) {
  const auto shown = static_cast<std::size_t>(limit);
  if (page.rows.size() > shown) {
    page.rows.resize(shown);
    // A damaged row may tell any number.
    Number last = page.rows.back().number;
    for (const TraceRow& row : page.rows) {
      if (row.soundness != Soundness::damaged) last = row.number;
    }
    page.next = std::to_string(last);
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
