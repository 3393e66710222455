// traces/sqlite_trace_store.h - the trace store of one server: an SQLite database of its own.
//
//   KW_TRY(auto store, SqliteTraceStore::open("/var/lib/keywright/traces", {}, clock, random));
//
// docs/adr/0009-trace-store.md tells why it is as it is.
//
// Errors: as trace_store.h. After a failed fsync nothing is known of the disk any more, so the
// store takes nothing until it is opened again. Threading: as trace_store.h. Lifetime: clock and
// random outlive the store. Cost: one thread that writes and one for checkpoints; reads block on
// the disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "traces/trace_store.h"

namespace keywright::traces {

class Writer;
class Reader;

struct StoreOptions {
  // Below this much free room nothing is taken, so that the keys on the same disk can go on.
  std::uint64_t free_bytes_min = 64 * 1024 * 1024;
  std::int64_t spans_per_trace_max = kSpansPerTraceMax;
};

class SqliteTraceStore final : public TraceStore {
 public:
  static Result<std::unique_ptr<SqliteTraceStore>> open(const std::filesystem::path& directory,
                                                        StoreOptions options, const Clock& clock,
                                                        Random& random);
  ~SqliteTraceStore() override;

  void submit(std::vector<TraceWrite> writes, Done done) override;
  void submit_work(Work work, std::function<void(Result<void>)> done) override;

  Result<std::vector<ForwardingRow>> forwardings() override;
  Result<std::vector<Queued>> queued(domain::PlatformId platform, std::int64_t after,
                                     int limit) override;
  Result<QueueState> queue_state(domain::PlatformId platform, std::int64_t after) override;
  Result<std::vector<BuriedTrace>> buried(domain::PlatformId platform, std::int64_t before,
                                          int limit) override;
  Result<std::optional<TraceToSend>> to_send(const Queued& queued) override;

  void add_unrouted(domain::ProjectId project, Time at, std::string added, Join join,
                    std::function<void(Result<void>)> done) override;
  Result<std::string> unrouted(domain::ProjectId project) override;

  Result<Page> list(const Query& query) override;
  Result<std::optional<WholeTrace>> get(domain::ProjectId project, const Uuid& id,
                                        std::string_view span_cursor, int span_limit) override;

  Result<bool> drop(domain::ProjectId project, const Uuid& id) override;
  void keep(Retention retention) override;
  void stop() override;

 private:
  struct Submission {
    std::vector<TraceWrite> writes;
    Done done;
    std::function<Result<void>(Writer&)> work = {};
  };
  class Lease;

  SqliteTraceStore(std::filesystem::path directory, StoreOptions options, const Clock& clock,
                   Random& random);
  Result<void> open_writer();
  void run();
  void run_checkpoints();
  void enqueue(Submission submission);
  void enqueue_work(std::function<Result<void>(Writer&)> work,
                    std::function<void(Result<void>)> done);
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
  bool stopping_ = false;
  std::optional<Error> failed_;  // writer thread only
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Reader>> readers_;
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
