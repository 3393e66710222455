// cluster/cluster.h - one node among several on one PostgreSQL: it follows the change log, may
// answer checks while it is fresh, and waits for the others when access is taken away.
//
//   Cluster cluster(store, directory, barrier, clock, ids, options);
//   KW_CHECK_OK(cluster.join());               // a row for this node, before the load
//   KW_CHECK_OK(directory.load(store));
//   cluster.loaded();
//   app::Committer committer(tools, clock, barrier, &cluster);
//   cluster.start();                           // follows from here on
//   if (!cluster.wait_until_fresh(time)) ...
//   if (cluster.freshness().is_fresh()) ...    // any thread, before each check and its answer
//   cluster.stop();                            // after the last answer
//
// docs/adr/0011 tells why this is enough. In short: several times a second the node notes the time,
// says in its row how far it has applied the log, and gets the head of the log back. Once that is
// applied, it may answer until its longest staleness has passed since the time it noted. A change
// locks the log, brings this node to its head, is decided, committed, and returns when each node
// that had a row then has applied it, has gone, or cannot answer any more.
//
// A program that serves no checks (set-up, a repair) leaves out join() and start().
//
// Errors: unavailable/store_unavailable; conflict/conflict of the store.
// Threading: SharedLog's functions on the writer thread, freshness() and numbers() from any, the
// rest on the thread that owns it. Lifetime: what it is given outlives it.
// Cost: three connections with the writer's; about five queries a second when nothing happens.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/barrier.h"
#include "app/directory.h"
#include "app/shared_log.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "cluster/acknowledger.h"
#include "cluster/freshness.h"
#include "cluster/limit_exchange.h"
#include "cluster/usage_exchange.h"
#include "store/postgres/postgres_store.h"

namespace keywright::cluster {

struct ClusterOptions {
  std::chrono::milliseconds max_staleness{5'000};
  std::string name = {};     // of this node, for people
  std::string version = {};  // of the program
  // Where the node's id is kept, below a directory that only one node has at a time: a node that
  // was killed and starts again need not be waited for. "" = nowhere.
  std::filesystem::path id_file = {};
};

class Cluster final : public app::SharedLog {
 public:
  Cluster(store::postgres::PostgresStore& store, app::Directory& directory, app::Barrier& barrier,
          const Clock& clock, UuidGenerator& ids, ClusterOptions options);
  ~Cluster() override { stop(); }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Called on a thread of the cluster's own with keys that were revoked here and are not in the
  // store: it was put back to an earlier state. Before start().
  void on_revived(std::function<void(const std::vector<domain::KeyId>&)> function) {
    on_revived_ = std::move(function);
  }

  // Called likewise when the store has lost changes that took access away. Has to submit a change
  // that writes what take_lost() gives it. No answer relies on the records until it is committed.
  void on_lost(std::function<void()> function) { on_lost_ = std::move(function); }
  // In a turn, on the writer thread.
  store::Transaction take_lost();

  Result<void> join();
  void loaded();
  void start();
  // False if the first lease did not come in time.
  bool wait_until_fresh(std::chrono::milliseconds time);
  void stop();

  const Freshness& freshness() const { return freshness_; }
  struct Numbers {
    std::int64_t nodes = 0;    // with a row, this one included
    std::int64_t resyncs = 0;  // loads of everything since the start
  };
  Numbers numbers() const { return {nodes_.load(), resyncs_.load()}; }

  // app::SharedLog
  Result<void> begin() override;
  void end() override;
  void when_applied(Wait wait, std::function<void(Result<int> nodes)> done) override;

 private:
  using Connection = store::postgres::Connection;
  using Node = store::postgres::Node;

  struct Seen {
    std::int64_t renewals = 0;
    std::chrono::nanoseconds since{};  // boot time when it was seen first
  };

  Node row() const;  // under the mutex
  Result<void> leave_for_previous();
  store::postgres::LogPoint applied();
  // Under the mutex. Publishes what other nodes wrote.
  Result<void> apply(const store::postgres::Missing& missing);
  Result<void> resync();
  Result<void> find_lost();
  bool has_lost();

  void feed();
  Result<void> open_feed();
  Result<void> step(bool was_told);
  Result<void> renew();
  Result<void> follow();
  Result<void> look_after_others();
  void note_nodes(const std::vector<Node>& nodes);
  void note_failure(const Error& error);

  store::postgres::PostgresStore& store_;
  app::Directory& directory_;
  app::Barrier& barrier_;
  const Clock& clock_;
  const Uuid me_;
  const ClusterOptions options_;
  const std::chrono::milliseconds renew_every_;
  Freshness freshness_;
  std::function<void(const std::vector<domain::KeyId>&)> on_revived_;
  std::function<void()> on_lost_;

  std::mutex mutex_;  // who holds it may change the directory; guards applied_
  store::postgres::LogPoint applied_;
  store::Transaction lost_;  // that the store has to get again
  bool has_lost_ = false;
  bool takes_lost_ = false;                 // in this turn
  std::unique_lock<std::mutex> turn_lock_;  // the writer's, from begin() to end()
  std::vector<Node> turn_nodes_;
  store::Position turn_position_ = 0;
  std::chrono::nanoseconds turn_ended_at_{};

  store::postgres::Opener opener_;
  std::unique_ptr<Connection> connection_;  // of the feed
  std::map<Uuid, Seen> seen_;               // of the feed
  std::chrono::nanoseconds looked_at_{};
  std::chrono::nanoseconds trimmed_at_{};
  std::chrono::nanoseconds told_of_lost_at_{};
  UsageExchange usage_;   // of the feed
  LimitExchange limits_;  // of the feed
  bool failing_ = false;
  int wake_ = -1;  // readable: stop
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> nodes_{1};
  std::atomic<std::int64_t> resyncs_{0};
  bool joined_ = false;
  std::promise<void> first_lease_;
  bool has_lease_ = false;  // of the feed
  Acknowledger acknowledger_;
  std::thread thread_;
};

}  // namespace keywright::cluster
