// cluster/acknowledger.h - waits until the other nodes act on a change, or cannot answer any more.
//
//   acknowledger.tell();                                       // the log has grown
//   acknowledger.wait({position, others, committed_at, wait, done});
//
// A node has applied a position when its row says so; it cannot answer any more when its longest
// staleness and a margin have passed since the commit, on this node's clock. A node that has left
// or was removed does not answer either.
//
// Errors: `done` gets unavailable/stopping if stop() comes first.
// Threading: any thread; `done` runs on the acknowledger's own. Lifetime: the clock outlives it.
// Cost: one connection, used while somebody waits; a query every few milliseconds then.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/shared_log.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/postgres/nodes.h"
#include "store/postgres/postgres_store.h"

namespace keywright::cluster {

// What differs between two clocks over the longest staleness, and what a thread may be late by.
inline constexpr std::chrono::milliseconds kMargin{500};
// So that a database that does not answer is noticed before a lease ends.
inline constexpr store::postgres::Timeouts kClusterTimeouts{
    .connect = std::chrono::milliseconds(2'000),
    .statement = std::chrono::milliseconds(2'000),
    .answer = std::chrono::milliseconds(2'500),
    .idle_in_transaction = std::chrono::milliseconds(2'000)};
// What a healthy node needs at most.
inline constexpr std::chrono::milliseconds kBriefly{1'000};

struct Waiting {
  store::Position position = 0;
  std::vector<store::postgres::Node> others;  // that have not said yet that they applied it
  std::chrono::nanoseconds committed_at{};    // boot time after the commit's answer
  app::SharedLog::Wait wait = app::SharedLog::Wait::for_all;
  std::function<void(Result<int> nodes)> done;
  int applied = 1;  // nodes that have; this one to begin with
};

class Acknowledger {
 public:
  Acknowledger(const store::postgres::PostgresStore& store, const Clock& clock, const Uuid& me);
  ~Acknowledger() { stop(); }
  Acknowledger(const Acknowledger&) = delete;
  Acknowledger& operator=(const Acknowledger&) = delete;

  void tell();
  void wait(Waiting waiting);
  void stop();

 private:
  void run();
  store::postgres::Connection* connection();
  // What the rows say now; empty without an answer.
  std::optional<std::vector<store::postgres::Node>> read_others();
  // Takes out who need not wait any more.
  void settle(std::vector<Waiting>& waiting,
              const std::optional<std::vector<store::postgres::Node>>& nodes) const;

  store::postgres::Opener opener_;
  const Clock& clock_;
  const Uuid me_;
  std::unique_ptr<store::postgres::Connection> connection_;  // of the thread
  std::mutex mutex_;                                         // guards what follows
  std::condition_variable wake_;
  std::vector<Waiting> arrived_;
  bool tell_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace keywright::cluster
