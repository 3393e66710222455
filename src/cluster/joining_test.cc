// When a node that joins begins to answer, on a real PostgreSQL.
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "cluster/cluster.h"
#include "store/conformance/postgres_server.h"

namespace keywright::cluster {
namespace {

namespace postgres = store::postgres;
using std::chrono::milliseconds;
using std::chrono::seconds;

store::PostgresServer* const server = store::PostgresServer::of_this_program();

class JoiningTest : public testing::Test {
 protected:
  // How often the only other row of a node was renewed; waits until it is more than `than`.
  std::int64_t renewals_beyond(std::int64_t than, const Uuid& other) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(60);
    for (;;) {
      auto rows =
          connection_->run(postgres::Statement("SELECT renewals FROM nodes WHERE id <> ?", other));
      EXPECT_TRUE(rows.has_value());
      const std::int64_t renewals = rows && rows->size() > 0 ? (*rows)[0].integer(0) : -1;
      if (renewals > than || std::chrono::steady_clock::now() > deadline) return renewals;
      std::this_thread::yield();
    }
  }

  TestClock clock_;
  SystemRandom random_;
  const Secret<std::string> url_ = server->make_schema();
  std::unique_ptr<postgres::PostgresStore> store_ =
      std::move(*postgres::PostgresStore::open(url_, {}, clock_, random_));
  std::unique_ptr<postgres::Connection> connection_ =
      std::move(*postgres::Connection::open(url_, {}));
  crypto::Keyring keyring_ = crypto::Keyring::generate(clock_, random_);
  app::Directory directory_{keyring_, std::move(*app::UsageFile::open("")), clock_.now()};
  app::Barrier barrier_;
  UuidGenerator ids_{clock_, random_};
};

// As a server that was promoted shows rows of processes that ended long ago.
TEST_F(JoiningTest, ANodeThatSaysNothingDelaysAnotherOneLessThanFiveSeconds) {
  const Uuid silent = ids_.next();
  ASSERT_TRUE(connection_
                  ->run(postgres::Statement(
                      "INSERT INTO nodes (id, name, version, applied, renewals, max_staleness_ms, "
                      "counted) VALUES (?, '', '', 0, 7, 60000, 1)",
                      silent))
                  .has_value());
  Cluster cluster(*store_, directory_, barrier_, clock_, ids_, {});
  ASSERT_TRUE(cluster.join().has_value());
  ASSERT_TRUE(directory_.load(*store_).has_value());
  ASSERT_TRUE(cluster.loaded().has_value());
  cluster.start();
  milliseconds waited{0};
  std::int64_t renewals = renewals_beyond(0, silent);
  EXPECT_FALSE(cluster.freshness().is_fresh());  // it might still divide by one
  while (!cluster.freshness().is_fresh() && waited < seconds(10)) {
    constexpr milliseconds kStep{100};
    clock_.advance(kStep);
    waited += kStep;
    renewals = renewals_beyond(renewals, silent);
  }
  EXPECT_GE(waited, seconds(3));
  EXPECT_LE(waited, milliseconds(4'500));
  cluster.stop();
}

}  // namespace
}  // namespace keywright::cluster
