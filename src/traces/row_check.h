// traces/row_check.h - one number over all that a row tells, so that a row in which a bit was
// flipped, or that belongs to another trace, is known to be damaged. Of the trace stores only.
//
//   insert.bind(check_of(row));                                        // column row_check
//   row.soundness = soundness_of(columns, kCheck, check_of(row));      // when it is read
//
// CRC-32 over the columns, each with its length. What stands for the text of a row is the text's
// own checksum (traces/pack.h). Both stores give the same row the same number, so rows move between
// them as they are. A context needs none: it is known by the digest of its text, which is part of
// the check of each of its spans.
//
// Threading: pure functions. Cost: about 0.3 us for a trace, 0.1 us for a span.
#pragma once

#include <string_view>

#include "base/uuid.h"
#include "traces/pack.h"
#include "traces/trace_row.h"

namespace keywright::traces {

// What tells of a text, without the text.
struct TextMarks {
  std::int64_t size = 0;
  std::int64_t checksum = 0;
  bool compressed = false;
};
inline TextMarks marks_of(const Packed& packed) {
  return {packed.size, packed.checksum, packed.compressed};
}

struct SpanMarks {
  Number trace = 0;
  std::string_view span_id;
  std::int64_t start = 0;
  Uuid context;  // id_of_context()
  TextMarks text;
};

std::int64_t check_of(const TraceRow& row);
std::int64_t check_of(const SpanMarks& span);
// Of a body that has a row of its own.
std::int64_t check_of_body(Number trace, const TextMarks& text);

// The beginning of the digest of a context's text.
Uuid id_of_context(std::string_view context);

// Of a row whose column `check` should be `expected`.
template <class Row>
Soundness soundness_of(const Row& columns, int check, std::int64_t expected) {
  if (columns.is_null(check)) return Soundness::unchecked;
  return columns.integer(check) == expected ? Soundness::sound : Soundness::damaged;
}

// The text in columns size, checksum and compressed, of which `first` is the first.
template <class Row>
TextMarks marks_at(const Row& columns, int first) {
  return {columns.integer(first), columns.integer(first + 1), columns.integer(first + 2) != 0};
}

}  // namespace keywright::traces
