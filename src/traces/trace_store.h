// traces/trace_store.h - where traces lie: durable before they are acknowledged, apart from keys.
//
//   KW_TRY(auto store, SqliteTraceStore::open("/var/lib/keywright/traces", {}, clock, random));
//   store->submit(std::move(writes), [](Result<std::vector<StoredTrace>> stored) { ... });
//   KW_TRY(auto page, store->list({.project = project, .limit = 50}));
//   store->stop();
//
// The interface; sqlite_trace_store.h keeps them beside one server, postgres/ in the database that
// several share, and conformance/ is the suite that both must pass. There is one writer. What is
// submitted while a commit is under way becomes the next commit: all senders of that moment share
// one fsync, and each is called back only after it. The writes of one submission are stored
// together or not at all.
//
// A native trace with an external id exists once for each platform: the same body again leaves it
// unchanged, another one replaces it. An OTLP trace exists once for each platform and trace id;
// spans join it from any number of requests, in any order, and a span sent again replaces itself;
// if all of a request is here already, it is unchanged, too.
//
// Errors: storage_full/trace_disk_full; unavailable/trace_store_failed, /trace_store_stopping,
// /trace_damaged; invalid_argument/invalid_cursor. What was damaged is never shown: a trace is an
// error then, and a list goes on without it.
// Threading: every function from any thread; callbacks come from the writer and must not block.
// Lifetime: stop() before what callbacks use is gone.
// Cost: submit is a queue entry; reads block.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "traces/outbox.h"
#include "traces/received.h"
#include "traces/trace_row.h"

namespace keywright::traces {

// How many traces are looked at for a page when no index leads to those that are asked for.
inline constexpr int kLookedAtMax = 10'000;

struct Query {
  domain::ProjectId project = {};
  std::optional<std::vector<domain::PlatformId>> platforms = {};
  std::optional<Time> from = {};
  std::optional<Time> to = {};
  std::string status = {};  // "": any, as of the other texts
  std::string external_id = {};
  std::string key_id = {};
  std::string name = {};
  std::optional<bool> has_error = {};
  std::string cursor = {};
  int limit = 50;
  int looked_at_max = kLookedAtMax;
};

struct Page {
  std::vector<TraceRow> rows;        // newest first; may be fewer than the limit before the end
  std::string next;                  // "" at the end
  std::vector<Number> damaged = {};  // left out: what their rows tell is not what was stored
};

struct WholeTrace {
  TraceRow row;
  std::optional<std::string> body;  // native
  std::vector<std::string> spans;   // JSON texts
  std::string next_spans;           // cursor; "" at the end
};

enum class Claim : unsigned char {
  refused,  // another process has it
  taken,    // nobody had it, or another process until now
  kept,     // this process had it already
};

// From when on the traces of a project are kept. What is of no project listed is dropped.
using Retention = std::map<domain::ProjectId, Time>;

class TraceStore {
 public:
  using Done = std::function<void(Result<std::vector<StoredTrace>>)>;

  virtual ~TraceStore() = default;
  TraceStore(const TraceStore&) = delete;
  TraceStore& operator=(const TraceStore&) = delete;

  virtual void submit(std::vector<TraceWrite> writes, Done done) = 0;

  // Changes what is sent on (traces/outbox.h), in the next commit. Must fail only where the
  // database does: what shares the commit fails with it. May be called again if the commit failed.
  using Work = std::function<Result<void>(Outbox&)>;
  virtual void submit_work(Work work, std::function<void(Result<void>)> done) = 0;
  // Blocks until done; on any thread but the writer's.
  Result<void> run_work(Work work);
  // Called by the writer after a commit with the platforms for which something was queued, and in a
  // shared store with those whose queue nobody works on. Before the first submit().
  using QueuedHook = std::function<void(const std::vector<domain::PlatformId>&)>;
  void on_queued(QueuedHook hook) { queued_hook_ = std::move(hook); }

  virtual Result<std::vector<ForwardingRow>> forwardings() = 0;
  // Nothing if the platform is not forwarded.
  virtual Result<std::optional<ForwardingRow>> forwarding(domain::PlatformId platform);
  // Behind `after`, in the order of sending.
  virtual Result<std::vector<Queued>> queued(domain::PlatformId platform, std::int64_t after,
                                             int limit) = 0;
  virtual Result<QueueState> queue_state(domain::PlatformId platform, std::int64_t after) = 0;
  // Newest first, with sequences below `before`.
  virtual Result<std::vector<BuriedTrace>> buried(domain::PlatformId platform, std::int64_t before,
                                                  int limit) = 0;
  // Nothing if the trace is gone.
  virtual Result<std::optional<TraceToSend>> to_send(const Queued& queued) = 0;

  // What did not arrive, as one text for each project: `join` puts what is added to what is kept
  // ("" at first) and may be called again if the commit failed.
  using Join = std::function<std::string(std::string_view kept, std::string_view added)>;
  virtual void add_unrouted(domain::ProjectId project, Time at, std::string added, Join join,
                            std::function<void(Result<void>)> done) = 0;
  // "" if there is nothing.
  virtual Result<std::string> unrouted(domain::ProjectId project) = 0;

  // Whether other processes have this store, too; what follows is for such a one.
  virtual bool is_shared() const { return false; }
  // Whether this process may send for the platform. No other one may then, until release(), or
  // until nothing was heard of this one for some seconds. Blocks.
  virtual Result<Claim> claim(domain::PlatformId) { return Claim::kept; }
  virtual void release(domain::PlatformId) {}
  // Called by the writer when what is forwarded, or where to, was changed. Before the first
  // submit().
  void on_forwardings_changed(std::function<void()> hook) { changed_hook_ = std::move(hook); }

  virtual Result<Page> list(const Query& query) = 0;
  virtual Result<std::optional<WholeTrace>> get(domain::ProjectId project, const Uuid& id,
                                                std::string_view span_cursor, int span_limit) = 0;

  // With all that belongs to it, and what was to be sent on of it. False: the project has none of
  // this id. Blocks until done; on any thread but the writer's.
  virtual Result<bool> drop(domain::ProjectId project, const Uuid& id) = 0;

  // Begins to drop what is older; the writer does it piece by piece between commits.
  virtual void keep(Retention retention) = 0;

  // What was submitted is stored first.
  virtual void stop() = 0;

  std::uint64_t stored() const { return stored_.load(std::memory_order_relaxed); }
  std::uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  // How often a reader met a trace that was damaged.
  std::uint64_t damaged() const { return damaged_.load(std::memory_order_relaxed); }

 protected:
  TraceStore() = default;

  // Counts what was met, and logs each trace once.
  void note_damaged(const Page& page);
  void note_damaged(const Error& error, std::string_view trace);
  template <class T>
  Result<T> noting(Result<T> result, std::string_view trace) {
    if (!result) note_damaged(result.error(), trace);
    return result;
  }

  QueuedHook queued_hook_;
  std::function<void()> changed_hook_;
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> commits_{0};

 private:
  void note_damaged(std::string_view trace);

  std::atomic<std::uint64_t> damaged_{0};
  std::mutex damaged_mutex_;
  std::set<std::string, std::less<>> logged_damage_;
};

}  // namespace keywright::traces
