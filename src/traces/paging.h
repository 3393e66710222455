// traces/paging.h - where a page of traces ends, and a page of the spans of one. Of the trace
// stores only.
//
//   KW_TRY(const Number first, first_span(span_cursor));
//   ...                                       // trace.spans: from there on, up to the limit
//   end_spans(trace, first);
//
// Errors: invalid_argument/invalid_cursor. Threading: pure functions.
#pragma once

#include <string_view>

#include "traces/trace_store.h"

namespace keywright::traces {

// Whether the trace is one of those asked for, project and platforms apart.
bool matches(const TraceRow& row, const Query& query);

// Whether rows have to be looked at one after the other, and of each owner (the project, or one of
// its platforms) how many may be.
bool is_search(const Query& query);
std::int64_t looked_at_max(const Query& query);

// Of rows from the newest on, one more than the limit where there are more. `floor`: none below was
// looked at; 0: all were. Those that are damaged are taken out.
void end_page(Page& page, int limit, Number floor);

Result<Number> first_span(std::string_view span_cursor);
void end_spans(WholeTrace& trace, Number first);

// Out of the body, which stands in the first page only.
Result<void> add_native_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit);

}  // namespace keywright::traces
