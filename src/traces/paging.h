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

// Of rows from the newest on, one more than the limit where there are more. Those that are damaged
// are taken out.
void end_page(Page& page, int limit);

Result<Number> first_span(std::string_view span_cursor);
void end_spans(WholeTrace& trace, Number first);

// Out of the body, which stands in the first page only.
Result<void> add_native_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit);

}  // namespace keywright::traces
