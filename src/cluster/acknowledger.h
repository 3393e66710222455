// cluster/acknowledger.h - waits until the other nodes act on a change, or cannot answer any more.
//
//   acknowledger.tell();                                       // the log has grown
//   acknowledger.wait({point, others, committed_at, wait, done});
//
// A node has applied a position when its row says so; it cannot answer any more when its longest
// staleness and a margin have passed since the commit, on this node's clock. A node that has left
// or was removed does not answer either. Rows are read when all whom somebody waits for have
// notified that they reported it, and, since notifications may be lost, again and again anyhow.
//
// Errors: `done` gets unavailable/stopping if stop() comes first, unavailable/store_unavailable if
// the log turns out to have lost the change: the caller has to ask again.
// Threading: any thread; `done` runs on the acknowledger's own. Lifetime: the clock outlives it.
// Cost: one connection; while somebody waits a query for each change, and up to fifty a second.
#pragma once

#include <functional>
#include <map>
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
  store::postgres::LogPoint point;
  std::vector<store::postgres::Node> others;  // that have not said yet that they applied it
  std::chrono::nanoseconds committed_at{};    // boot time after the commit's answer
  app::SharedLog::Wait wait = app::SharedLog::Wait::for_all;
  std::function<void(Result<int> nodes)> done;
  int applied = 1;  // nodes that have; this one to begin with
  bool is_lost = false;
};

class Acknowledger {
 public:
  Acknowledger(const store::postgres::PostgresStore& store, const Clock& clock, const Uuid& me);
  ~Acknowledger();
  Acknowledger(const Acknowledger&) = delete;
  Acknowledger& operator=(const Acknowledger&) = delete;

  void tell();
  void wait(Waiting waiting);
  void stop();

 private:
  struct Seen {
    std::vector<store::postgres::Node> nodes;
    std::vector<store::postgres::LogPoint> standing;  // of those asked for
  };

  void run();
  store::postgres::Connection* connection();
  // Until there is something to do, or the time is over. Notes who has reported what; true: a node
  // has that does not say what.
  bool rest(std::chrono::milliseconds time);
  // Whether the reports say that somebody need not wait any more.
  bool is_worth_a_look(const std::vector<Waiting>& waiting) const;
  // Takes what arrived. False: stopping.
  bool take(std::vector<Waiting>& waiting, bool& tell);
  // What the database says now; empty without an answer.
  std::optional<Seen> look(const std::vector<Waiting>& waiting);
  // Takes out who need not wait any more.
  void settle(std::vector<Waiting>& waiting, const std::optional<Seen>& seen) const;
  static void finish(std::vector<Waiting>& waiting);
  void wake();

  store::postgres::Opener opener_;
  const Clock& clock_;
  const Uuid me_;
  std::unique_ptr<store::postgres::Connection> connection_;  // of the thread
  std::map<Uuid, store::Position> told_;                     // likewise: what was heard last
  int wake_ = -1;                                            // readable: something has arrived
  std::mutex mutex_;                                         // guards what follows
  std::vector<Waiting> arrived_;
  bool tell_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace keywright::cluster
