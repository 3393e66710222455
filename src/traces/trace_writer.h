// traces/trace_writer.h - the one connection that writes. Of this room only.
//
//   KW_TRY(auto transaction, writer.begin());
//   KW_TRY(StoredTrace stored, writer.write(trace));
//   KW_CHECK_OK(transaction.commit());                 // durable
//
// Threading: one thread. Cost: about 20 us a native trace, 10 us a span.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/sqlite/sqlite.h"
#include "traces/received.h"
#include "traces/row_check.h"
#include "traces/sqlite_outbox.h"
#include "traces/trace_rows.h"
#include "traces/trace_store.h"

namespace keywright::traces {

class Writer {
 public:
  static Result<std::unique_ptr<Writer>> open(const std::filesystem::path& file,
                                              std::int64_t spans_per_trace_max, const Clock& clock,
                                              Random& random);

  Result<store::DatabaseTransaction> begin();
  Result<StoredTrace> write(const TraceWrite& trace);

  // False: the project has no such trace.
  Result<bool> drop(domain::ProjectId project, const Uuid& id);
  // Drops up to `limit` traces of the project received before `before`; how many it dropped.
  Result<int> drop_older(domain::ProjectId project, Time before, int limit);
  Result<std::vector<domain::ProjectId>> projects();
  // Moves the log into the database.
  Result<void> checkpoint() { return database_.run("PRAGMA wal_checkpoint(PASSIVE)"); }
  // Gives pages that became free back to the file system.
  Result<void> shrink();

  SqliteOutbox& outbox() { return *outbox_; }
  // The platforms for which something was queued since the last call, each once.
  std::vector<domain::PlatformId> take_queued() { return std::exchange(queued_, {}); }
  Result<void> add_unrouted(domain::ProjectId project, Time at, std::string_view added,
                            const TraceStore::Join& join);

 private:
  Writer(store::Database database, std::int64_t spans_per_trace_max, const Clock& clock,
         Random& random);
  Result<void> prepare();
  Result<StoredTrace> write_native(const TraceWrite& trace);
  Result<StoredTrace> write_otlp(const TraceWrite& trace);
  Result<std::optional<TraceRow>> find(const TraceWrite& trace);
  Result<TraceRow> insert(const TraceWrite& trace);
  Result<void> update(TraceRow& row, const TraceWrite& trace);
  Result<void> put_body(Number number, const Packed& body);
  struct Context {
    std::int64_t row = 0;
    Uuid id;  // id_of_context()
  };
  Result<std::vector<Context>> put_contexts(Number trace, const std::vector<std::string>& contexts);
  struct SpanPlace;
  enum class Put : unsigned char { inserted, changed, unchanged, refused };
  Result<Put> put_span(const SpanPlace& place, const SpanWrite& span, const Context& context);
  Result<bool> is_sent_on(const TraceWrite& trace);
  Result<void> queue(const TraceWrite& trace, const TraceRow& row, std::int64_t first_span,
                     std::int64_t last_span);
  Result<std::int64_t> last_span();
  Result<void> drop(Number number);
  Number next_number(Time now);

  store::Database database_;
  const std::int64_t spans_per_trace_max_;
  const Clock& clock_;
  UuidGenerator ids_;
  Number last_number_ = 0;
  Number last_unchecked_ = 0;
  crypto::Sha256 found_digest_{};  // of the row that find() found
  store::Statement find_, insert_, update_, put_body_;
  store::Statement find_context_, insert_context_, insert_span_, find_span_, update_span_;
  store::Statement number_, older_, drop_trace_, drop_body_, drop_contexts_, drop_spans_, projects_;
  store::Statement move_span_, last_span_, unrouted_, keep_unrouted_, drop_unrouted_;
  std::optional<SqliteOutbox> outbox_;
  std::vector<domain::PlatformId> queued_;
};

}  // namespace keywright::traces
