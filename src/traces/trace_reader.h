// traces/trace_reader.h - a connection that reads. Of this room only.
//
// Threading: one thread at a time. Cost: a prepared statement for each question.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "store/sqlite/sqlite.h"
#include "traces/row_check.h"
#include "traces/sqlite_outbox.h"
#include "traces/trace_store.h"

namespace keywright::traces {

class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& file);

  Result<Page> list(const Query& query);
  Result<std::optional<WholeTrace>> get(domain::ProjectId project, const Uuid& id,
                                        std::string_view span_cursor, int span_limit);

  // See TraceStore. Errors: unavailable/trace_damaged.
  Result<std::vector<ForwardingRow>> forwardings();
  Result<std::vector<Queued>> queued(domain::PlatformId platform, std::int64_t after, int limit);
  Result<QueueState> queue_state(domain::PlatformId platform, std::int64_t after);
  Result<std::vector<BuriedTrace>> buried(domain::PlatformId platform, std::int64_t before,
                                          int limit);
  Result<std::optional<TraceToSend>> to_send(const Queued& queued);
  Result<std::string> unrouted(domain::ProjectId project);

 private:
  explicit Reader(store::Database database) : database_(std::move(database)) {}
  Result<void> prepare();
  struct Range {
    Number from = 0;    // inclusive
    Number before = 0;  // exclusive
  };
  struct Found {
    std::vector<TraceRow> rows;
    Number floor = 0;  // see end_page()
  };
  Result<void> collect(const Uuid& owner, const Range& range, const Query& query, Found& found);
  Result<Number> floor_of(const Uuid& owner, const Range& range, const Query& query);
  Result<void> collect_same_id(const Range& range, const Query& query, Found& found);
  Result<void> take_rows(store::Query& read, const Uuid& owner, const Range& range,
                         const Query& query, Found& found);
  bool is_damaged(const TraceRow& row) const {
    return traces::is_damaged(row.soundness, row.number, last_unchecked_);
  }
  Result<std::optional<TraceRow>> find(domain::ProjectId project, const Uuid& id);
  Result<std::optional<TraceRow>> find_near(domain::ProjectId project, const Uuid& id);
  Result<std::string> body(Number number);
  Result<void> add_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit);
  struct SpanRow {
    std::int64_t row = 0;
    TextMarks text;
    std::int64_t context = 0;
  };
  Result<std::vector<SpanRow>> span_rows(Number trace);
  Result<std::string> span_text(const SpanRow& span);
  Result<void> check_span(const store::Query& columns, Number trace);
  struct Context {
    Uuid id;  // id_of_context()
    std::string text;
  };
  // Of the trace whose spans are read.
  Result<const Context*> context(std::int64_t row);
  Result<void> prepare_queue();
  Result<void> add_spans_to_send(const Queued& queued, TraceToSend& trace);

  store::Database database_;
  Number last_unchecked_ = 0;
  std::map<std::int64_t, Context> contexts_;
  store::Statement of_platform_, of_project_, one_, near_, body_, spans_, span_text_, context_;
  store::Statement forwardings_, queued_, queue_state_, dead_count_, buried_, by_number_;
  store::Statement sent_spans_, unrouted_;
};

}  // namespace keywright::traces
