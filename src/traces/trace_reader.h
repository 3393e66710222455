// traces/trace_reader.h - a connection that reads. Of this room only.
//
// Threading: one thread at a time. Cost: a prepared statement for each question.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "store/sqlite/sqlite.h"
#include "traces/trace_store.h"

namespace keywright::traces {

class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& file);

  Result<Page> list(const Query& query);
  Result<std::optional<WholeTrace>> get(domain::ProjectId project, const Uuid& id,
                                        std::string_view span_cursor, int span_limit);

 private:
  explicit Reader(store::Database database) : database_(std::move(database)) {}
  Result<void> prepare();
  struct Range {
    Number from = 0;    // inclusive
    Number before = 0;  // exclusive
  };
  Result<void> collect(store::Statement& statement, const Uuid& owner, const Range& range,
                       const Query& query, std::vector<TraceRow>& rows);
  Result<void> add_body(WholeTrace& trace, std::string_view span_cursor, int span_limit);
  Result<void> add_spans(WholeTrace& trace, std::string_view span_cursor, int span_limit);
  Result<std::string> context(std::int64_t id);

  store::Database database_;
  store::Statement of_platform_, of_project_, one_, body_, spans_, context_;
};

}  // namespace keywright::traces
