// app/committer.h - the one writer: takes changes, makes them durable in groups, then visible.
//
//   auto rename = [&](Change& change) { return rename_project(change, id, name); };
//   Result<Committed> done = co_await committer.submit(rename);     // io thread
//
// Changes that wait together share one commit, and so one fsync. For each group: every change is
// decided against the records as the ones before it leave them; what they put is committed; the
// records in memory are replaced; every io thread passes the barrier; only then do the callers go
// on. So when submit() comes back, the change is durable and no thread acts on what was before.
//
// Where other nodes share the store, a group takes a turn of their common log first, and its
// changes come back when every node acts on them (app/shared_log.h).
//
// Errors: what the change returned; storage_full; unavailable when the store fails or is stopping.
// Threading: submit from any io thread (resumes there), run from any thread but the io threads.
// Lifetime: stop() before the io threads stop; changes already queued are finished.
// Cost: one queue entry; the writer's work is the store's commit.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "app/barrier.h"
#include "app/change.h"
#include "app/scheduler.h"
#include "app/shared_log.h"
#include "base/clock.h"

namespace keywright::app {

struct Committed {
  store::Position position = 0;  // 0: the change wrote nothing
  std::int64_t nodes = 1;        // that had applied it
  std::int64_t waited_ms = 0;    // until every io thread, and every node asked for, had applied it
};

using ChangeWork = std::function<Result<void>(Change&)>;

class Committer {
 public:
  // `shared_log` is null where no other node writes; else it outlives the committer.
  Committer(ChangeTools tools, const Clock& clock, Barrier& barrier,
            SharedLog* shared_log = nullptr);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  class Submission;
  // co_await it on an io thread. `work` must stay valid until then: it is kept by reference.
  Submission submit(const ChangeWork& work);

  // Blocks until done.
  Result<Committed> run(const ChangeWork& work);

  // Nobody waits: what happens later is only logged.
  void post(ChangeWork work);
  // The same for what is told rather than done: it may wait until kSoon has passed since the last
  // of its like, so that many of them share one commit. The first one does not wait.
  void post_soon(ChangeWork work);
  static constexpr std::chrono::milliseconds kSoon{50};

  void stop();

 private:
  struct Command {
    const ChangeWork* work = nullptr;
    std::function<void(Result<Committed>)> done;
    std::optional<ChangeWork> owned;
  };

  void enqueue(Command command);
  void write_loop();
  bool take_group(std::deque<Command>& group);  // waits for it; false: stopping, nothing is left
  void fill(std::deque<Command>& group);
  void take_more(std::deque<Command>& group);
  void write_group(std::deque<Command>& group);
  // What the group's commit made of this change, given what the change itself returned.
  static Result<Committed> outcome(const Result<void>& decided, std::optional<std::size_t> written,
                                   const std::vector<Result<store::Position>>& results,
                                   std::optional<Error>& lost);
  // `moved`: something else was published before.
  void publish(const std::vector<store::Transaction>& transactions,
               const std::vector<Result<store::Position>>& results, bool moved);
  std::int64_t milliseconds_since(std::chrono::nanoseconds boot_time) const;
  void answer(Command& command, Result<Committed> result, std::optional<SharedLog::Wait> wait,
              std::chrono::nanoseconds since);

  ChangeTools tools_;
  const Clock& clock_;
  Barrier& barrier_;
  SharedLog* const shared_log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Command> queue_;
  std::deque<Command> soon_;
  bool resting_ = false;  // events that can wait were just written
  bool stopping_ = false;
  std::thread thread_;
};

class Committer::Submission {
 public:
  Submission(Committer& committer, const ChangeWork& work) : committer_(committer), work_(work) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  Result<Committed> await_resume() { return std::move(*result_); }

 private:
  Committer& committer_;
  const ChangeWork& work_;
  std::optional<Result<Committed>> result_;
};

}  // namespace keywright::app
