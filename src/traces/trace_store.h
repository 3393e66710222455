// traces/trace_store.h - where traces lie: durable before they are acknowledged, apart from keys.
//
//   KW_TRY(auto store, TraceStore::open("/var/lib/keywright/traces", {}, clock, random));
//   store->submit(std::move(writes), [](Result<std::vector<StoredTrace>> stored) { ... });
//   KW_TRY(auto page, store->list({.project = project, .limit = 50}));
//   store->stop();
//
// One SQLite database (docs/adr/0009-trace-store.md) and one writer. What is submitted while a
// commit is under way becomes the next commit: all senders of that moment share one fsync, and each
// is called back only after it. The writes of one submission are stored together or not at all.
//
// A native trace with an external id exists once for each platform: the same body again leaves it
// unchanged, another one replaces it. An OTLP trace exists once for each platform and trace id;
// spans join it from any number of requests, in any order, and a span sent again replaces itself.
//
// Errors: storage_full/trace_disk_full; unavailable/trace_store_failed, /trace_store_stopping,
// /trace_damaged; invalid_argument/invalid_cursor. After a failed fsync nothing is known of the
// disk any more, so the store takes nothing until it is opened again.
// Threading: every function from any thread; callbacks come from the writer and must not block.
// Lifetime: clock and random outlive the store; stop() before what callbacks use is gone.
// Cost: submit is a queue entry; reads block on the disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "traces/outbox.h"
#include "traces/received.h"
#include "traces/trace_rows.h"

namespace keywright::traces {

class Writer;
class Reader;

struct StoreOptions {
  // Below this much free room nothing is taken, so that the keys on the same disk can go on.
  std::uint64_t free_bytes_min = 64 * 1024 * 1024;
  std::int64_t spans_per_trace_max = kSpansPerTraceMax;
};

struct Query {
  domain::ProjectId project = {};
  std::optional<std::vector<domain::PlatformId>> platforms = {};
  std::optional<Time> from = {};
  std::optional<Time> to = {};
  std::string status = {};
  std::string cursor = {};
  int limit = 50;
};

struct Page {
  std::vector<TraceRow> rows;  // newest first
  std::string next;            // "" at the end
};

struct WholeTrace {
  TraceRow row;
  std::optional<std::string> body;  // native
  std::vector<std::string> spans;   // JSON texts
  std::string next_spans;           // cursor; "" at the end
};

// From when on the traces of a project are kept. What is of no project listed is dropped.
using Retention = std::map<domain::ProjectId, Time>;

class TraceStore {
 public:
  using Done = std::function<void(Result<std::vector<StoredTrace>>)>;

  static Result<std::unique_ptr<TraceStore>> open(const std::filesystem::path& directory,
                                                  StoreOptions options, const Clock& clock,
                                                  Random& random);
  ~TraceStore();
  TraceStore(const TraceStore&) = delete;
  TraceStore& operator=(const TraceStore&) = delete;

  void submit(std::vector<TraceWrite> writes, Done done);

  // Changes what is sent on (traces/outbox.h), in the next commit. Must fail only where the
  // database does: what shares the commit fails with it.
  using Work = std::function<Result<void>(Outbox&)>;
  void submit_work(Work work, std::function<void(Result<void>)> done);
  // Blocks until done; on any thread but the writer's.
  Result<void> run_work(Work work);
  // Called by the writer after a commit with the platforms for which something was queued. Before
  // the first submit().
  using QueuedHook = std::function<void(const std::vector<domain::PlatformId>&)>;
  void on_queued(QueuedHook hook) { queued_hook_ = std::move(hook); }

  Result<std::vector<ForwardingRow>> forwardings();
  // Behind `after`, in the order of sending.
  Result<std::vector<Queued>> queued(domain::PlatformId platform, std::int64_t after, int limit);
  Result<QueueState> queue_state(domain::PlatformId platform, std::int64_t after);
  // Newest first, with sequences below `before`.
  Result<std::vector<BuriedTrace>> buried(domain::PlatformId platform, std::int64_t before,
                                          int limit);
  // Nothing if the trace is gone.
  Result<std::optional<TraceToSend>> to_send(const Queued& queued);

  // What did not arrive, as one text a project; nobody waits for it to be on the disk.
  void keep_unrouted(domain::ProjectId project, Time at, std::string report);
  Result<std::vector<std::string>> unrouted();

  Result<Page> list(const Query& query);
  Result<std::optional<WholeTrace>> get(domain::ProjectId project, const Uuid& id,
                                        std::string_view span_cursor, int span_limit);

  // Begins to drop what is older; the writer does it piece by piece between commits.
  void keep(Retention retention);

  // What was submitted is stored first.
  void stop();

  std::uint64_t stored() const { return stored_.load(std::memory_order_relaxed); }
  std::uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }

 private:
  struct Submission {
    std::vector<TraceWrite> writes;
    Done done;
    std::function<Result<void>(Writer&)> work = {};
  };
  class Lease;

  TraceStore(std::filesystem::path directory, StoreOptions options, const Clock& clock,
             Random& random);
  Result<void> open_writer();
  void run();
  void run_checkpoints();
  void enqueue(Submission submission);
  void write_group(std::deque<Submission>& group);
  Result<void> write_all(const std::deque<Submission>& group,
                         std::vector<std::vector<StoredTrace>>& stored);
  void tell_queued();
  std::uint64_t checkpoints();
  void note_moved();
  void note_committed(std::size_t bytes, std::uint64_t before);
  void begin_log_anew();
  Result<void> check_room() const;
  template <class Ask>
  std::invoke_result_t<Ask, Reader&> read(Ask ask);
  Result<std::unique_ptr<Reader>> take_reader();
  void give_back(std::unique_ptr<Reader> reader);

  const std::filesystem::path directory_;
  const StoreOptions options_;
  const Clock& clock_;
  Random& random_;
  std::unique_ptr<Writer> writer_;  // null until it could be opened
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Submission> queue_;
  std::optional<Retention> retention_;
  QueuedHook queued_hook_;
  bool stopping_ = false;
  std::optional<Error> failed_;  // writer thread only
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::mutex checkpoint_mutex_;
  std::condition_variable checkpoint_wake_;
  std::size_t unmoved_bytes_ = 0;  // in the log, of commits that began after the last checkpoint
  std::uint64_t checkpoints_ = 0;  // that have ended
  std::mutex moving_mutex_;        // held by whoever makes a checkpoint
  std::size_t log_bytes_ = 0;      // since it began anew; writer thread only
  bool checkpoints_end_ = false;
  std::thread checkpoint_thread_;
  std::thread thread_;
};

}  // namespace keywright::traces
