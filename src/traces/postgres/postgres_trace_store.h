// traces/postgres/postgres_trace_store.h - the trace store that the nodes of a cluster share, in
// their PostgreSQL.
//
//   KW_TRY(auto traces, PostgresTraceStore::open(store, {}, clock, random));    // a PostgresStore
//
// docs/adr/0012-traces-of-a-cluster.md tells why it is as it is. In short: tables by day of
// receipt; what is submitted while a commit is under way is the next one (trace_group.h); what two
// nodes are told of one trace at the same time comes out as if one had been told it all. What is
// acknowledged is read by every node.
//
// Of a platform that is forwarded one node at a time has the lane. It says every second or so that
// it is still there; a lane of which nothing was heard for six seconds is taken over. What is to
// be sent and by nobody is seen by a look every two seconds.
//
// Errors: as trace_store.h; while PostgreSQL is away everything is unavailable, at once.
// Threading: as trace_store.h. Lifetime: store, clock and random outlive it.
// Cost: one thread and one connection that writes; reads share those of the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/postgres/postgres_store.h"
#include "traces/postgres/days.h"
#include "traces/postgres/dropping.h"
#include "traces/postgres/numbers.h"
#include "traces/trace_store.h"

namespace keywright::traces {

struct PostgresTraceOptions {
  std::int64_t spans_per_trace_max = kSpansPerTraceMax;
  std::chrono::milliseconds look_every{2'000};
  std::chrono::milliseconds lease{6'000};
};

class PostgresTraceStore final : public TraceStore {
 public:
  // `store` has made the tables.
  static Result<std::unique_ptr<PostgresTraceStore>> open(store::postgres::PostgresStore& store,
                                                          const PostgresTraceOptions& options,
                                                          const Clock& clock, Random& random);
  ~PostgresTraceStore() override;

  void submit(std::vector<TraceWrite> writes, Done done) override;
  void submit_work(Work work, std::function<void(Result<void>)> done) override;

  Result<std::vector<ForwardingRow>> forwardings() override;
  Result<std::optional<ForwardingRow>> forwarding(domain::PlatformId platform) override;
  Result<std::vector<Queued>> queued(domain::PlatformId platform, std::int64_t after,
                                     int limit) override;
  Result<QueueState> queue_state(domain::PlatformId platform, std::int64_t after) override;
  Result<std::vector<BuriedTrace>> buried(domain::PlatformId platform, std::int64_t before,
                                          int limit) override;
  Result<std::optional<TraceToSend>> to_send(const Queued& queued) override;

  void add_unrouted(domain::ProjectId project, Time at, std::string added, Join join,
                    std::function<void(Result<void>)> done) override;
  Result<std::string> unrouted(domain::ProjectId project) override;

  bool is_shared() const override { return true; }
  Result<Claim> claim(domain::PlatformId platform) override;
  void release(domain::PlatformId platform) override;

  Result<Page> list(const Query& query) override;
  Result<std::optional<WholeTrace>> get(domain::ProjectId project, const Uuid& id,
                                        std::string_view span_cursor, int span_limit) override;

  Result<bool> drop(domain::ProjectId project, const Uuid& id) override;
  void keep(Retention retention) override;
  void stop() override;

 private:
  using Connection = store::postgres::Connection;
  using Moment = std::chrono::nanoseconds;  // boot time
  // Either writes or work.
  struct Submission {
    std::vector<TraceWrite> writes;
    Done done;
    std::function<Result<void>(Connection&)> work = {};
    std::function<void(Result<void>)> work_done = {};
  };
  using Group = std::vector<Submission>;

  PostgresTraceStore(store::postgres::PostgresStore& store, const PostgresTraceOptions& options,
                     const Clock& clock, Random& random);
  void enqueue(Submission submission);
  void enqueue_work(std::function<Result<void>(Connection&)> work,
                    std::function<void(Result<void>)> done);
  void run();
  bool wait_for_more(Group& group);
  Result<Connection*> connect();
  void write_traces(Group& group);
  Result<std::vector<std::vector<StoredTrace>>> try_to_write(const Group& group, bool& again);
  void do_works(Group& group);
  Result<void> try_works(const Group& group);
  void look_around();
  Result<void> look();
  Result<void> renew();
  void leave();
  void note_failure(const Error& error);
  template <class Ask>
  std::invoke_result_t<Ask, Connection&> read(Ask ask);

  const PostgresTraceOptions options_;
  const Clock& clock_;
  UuidGenerator ids_;
  const Uuid node_;  // new for each start
  store::postgres::ReaderPool& readers_;

  // The writer thread's.
  store::postgres::Opener opener_;
  std::unique_ptr<Connection> connection_;
  Numbers numbers_;
  Days days_;
  PostgresDropping dropping_;
  Moment looked_at_{};
  Moment renewed_at_{};
  std::int64_t fingerprint_ = 0;  // of what is forwarded
  bool removed_some_ = false;
  bool has_failed_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Submission> queue_;
  std::optional<Retention> retention_;
  std::set<domain::PlatformId> lanes_;  // that this process has
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace keywright::traces
