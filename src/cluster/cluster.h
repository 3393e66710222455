// cluster/cluster.h - one node among several on one PostgreSQL: it follows the change log, may
// answer checks while it is fresh, and waits for the others when access is taken away.
//
//   Cluster cluster(store, directory, barrier, clock, ids, options);
//   KW_CHECK_OK(cluster.join());               // a row for this node, before the load
//   KW_CHECK_OK(directory.load(store));
//   KW_CHECK_OK(cluster.loaded());
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
// that had a row then has applied it, has gone, or cannot answer any more. What others write is
// applied and reported at once when PostgreSQL notifies of it; the renewals find it without.
//
// Limits and credits are divided by the number of nodes. A node that joins answers nothing until
// the others divide by it, too; a node that counts fewer says so before it takes more for itself.
//
// A program that serves no checks (set-up, a repair) leaves out join() and start().
//
// Errors: unavailable/store_unavailable; conflict/conflict of the store;
// conflict/store_was_put_back. Threading: SharedLog's functions on the writer thread, freshness()
// and numbers() from any, the rest on the thread that owns it. Lifetime: what it is given outlives
// it. Cost: three connections with the writer's; about five queries a second when nothing happens,
// and three for each group of changes of another node.
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
#include "cluster/last_removal.h"
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
  // Likewise the last removal of access that it knows of (last_removal.h).
  std::filesystem::path removal_file = {};
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

  // The store has lost changes that took access away. The next turn writes them again, with the
  // audit events that `with_events` adds (on the writer thread); `want_turn` is called likewise and
  // has to make the writer take one. No answer relies on the records, and no change is decided,
  // until that is committed.
  void on_lost(std::function<void()> want_turn,
               std::function<store::Transaction(store::Transaction)> with_events) {
    want_turn_ = std::move(want_turn);
    with_events_ = std::move(with_events);
  }

  Result<void> join();
  // Refused: conflict/store_was_put_back.
  Result<void> loaded();
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
  Result<bool> begin() override;
  void end() override;
  void when_applied(Wait wait, std::function<void(Result<int> nodes)> done) override;

 private:
  using Connection = store::postgres::Connection;
  using Node = store::postgres::Node;

  struct Seen {
    std::int64_t renewals = 0;
    std::chrono::nanoseconds since{};  // boot time when it was seen first
  };

  Node row() const;  // that has applied nothing yet
  Result<void> leave_for_previous();
  Result<void> join_again();
  store::postgres::LogPoint applied();
  // Under the mutex. What other nodes wrote. True: records have moved; pass_barrier() has to
  // follow.
  bool publish(const store::postgres::Missing& missing);
  void pass_barrier();
  Result<void> resync();
  Result<void> find_lost();
  Result<void> write_lost();

  void feed();
  Result<void> open_feed();
  Result<void> step(bool was_told);
  std::chrono::milliseconds until_renewal() const;
  Result<void> renew();
  enum class Extended : unsigned char { yes, no, behind };
  // What this node says of itself when it renews.
  struct Said {
    store::postgres::LogPoint applied;
    std::int64_t resyncs = 0;
    bool is_settled = false;
    Freshness::Mark at;
  };
  Said say();
  Extended extend(const Said& said, const store::postgres::Lease& lease);
  bool may_trust(const store::postgres::Lease& lease);
  Result<void> follow();
  Result<void> report();
  void ask_for_turn();
  void keep_last_removal();
  Result<void> look_after_others();
  void note_nodes(const std::vector<Node>& nodes);
  Result<void> count_nodes(const std::vector<Node>& nodes);
  bool is_counted(const store::postgres::Lease& lease);
  Result<void> finish_joining();
  bool shares() const { return directory_.usage().shares() != nullptr; }
  void note_failure(const Error& error, bool took_long);

  store::postgres::PostgresStore& store_;
  app::Directory& directory_;
  app::Barrier& barrier_;
  const Clock& clock_;
  const Uuid me_;
  const ClusterOptions options_;
  const std::chrono::milliseconds renew_every_;
  Freshness freshness_;
  std::function<void(const std::vector<domain::KeyId>&)> on_revived_;
  std::function<void()> want_turn_;
  std::function<store::Transaction(store::Transaction)> with_events_;

  std::mutex mutex_;  // who holds it may change the directory; guards applied_
  store::postgres::LogPoint applied_;
  store::Transaction lost_;  // that the store has to get again
  bool has_lost_ = false;
  std::unique_lock<std::mutex> turn_lock_;  // the writer's, from begin() to end()
  std::vector<Node> turn_nodes_;
  store::postgres::LogPoint turn_point_;
  std::chrono::nanoseconds turn_ended_at_{};

  store::postgres::Opener opener_;
  std::unique_ptr<Connection> connection_;  // of the feed
  std::map<Uuid, Seen> seen_;               // of the feed
  store::postgres::LogPoint said_;          // of the feed: what its row says
  std::int64_t counts_ = 0;                 // likewise, from the next renewal on
  std::int64_t said_counts_ = 0;
  // Counted: by the others, but what they told before was not read yet.
  enum class Joining : unsigned char { uncounted, counted, done };
  Joining joining_ = Joining::uncounted;
  std::chrono::nanoseconds joined_at_{};
  bool is_held_up_ = false;  // the lease cannot be extended yet
  std::chrono::nanoseconds renewed_at_{};
  std::int64_t server_ = 0;  // that was met last
  std::chrono::nanoseconds met_at_{};
  std::chrono::nanoseconds looked_at_{};
  std::chrono::nanoseconds trimmed_at_{};
  std::chrono::nanoseconds told_of_lost_at_{};
  LastRemoval last_removal_;
  std::chrono::nanoseconds removal_kept_at_{};
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
