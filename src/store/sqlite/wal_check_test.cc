#include "store/sqlite/wal_check.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "store/conformance/conformance.h"
#include "store/sqlite/open_store_test.h"
#include "store/sqlite/sqlite.h"

namespace keywright::store {
namespace {

constexpr std::size_t kFrame = 24 + 4096;

// A database with rows in its log, as a killed process leaves it.
class KilledDatabase : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(from_);
    database_ = Database::open(from_ / "a.db", Database::Access::create, "").value();
    ASSERT_TRUE(
        database_.run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; "
                      "CREATE TABLE rows (number INTEGER)"));
    for (int i = 0; i < 20; ++i) insert();
    kill();
  }

  void insert() { ASSERT_TRUE(database_.run("INSERT INTO rows VALUES (1)")); }
  // What would be on the disk if the process ended now.
  void kill() {
    std::filesystem::remove_all(to_);
    std::filesystem::create_directories(to_);
    for (const char* suffix : {"", "-wal", "-shm"}) {
      const std::string name = std::string("a.db") + suffix;
      std::filesystem::copy_file(from_ / name, to_ / name);
    }
    std::ifstream in(wal(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    log_ = bytes.str();
  }
  void without_index() const { std::filesystem::remove(to_ / "a.db-shm"); }
  void write(const std::string& log) const {
    std::ofstream(wal(), std::ios::binary | std::ios::trunc) << log;
  }
  void flip(std::size_t place) const {
    std::string log = log_;
    log[place] ^= 4;
    write(log);
  }
  std::size_t frames() const { return (log_.size() - 32) / kFrame; }
  bool is_damaged() const { return find_wal_damage(file()).has_value(); }
  std::int64_t rows() const {
    auto opened = Database::open(file(), Database::Access::read_write, "").value();
    return opened.integer("SELECT count(*) FROM rows").value();
  }
  std::filesystem::path file() const { return to_ / "a.db"; }
  std::filesystem::path wal() const { return to_ / "a.db-wal"; }

  TestDirectory directory_;
  const std::filesystem::path from_ = directory_.path() / "from";
  const std::filesystem::path to_ = directory_.path() / "to";
  Database database_;
  std::string log_;
};

TEST_F(KilledDatabase, AWholeLogIsNotDamaged) {
  EXPECT_FALSE(is_damaged());
  without_index();
  EXPECT_FALSE(is_damaged());
  EXPECT_EQ(rows(), 20);
  EXPECT_FALSE(find_wal_damage(to_ / "none.db"));
}

TEST_F(KilledDatabase, AFlippedBitIsSeenWhereverItIs) {
  for (std::size_t place = 0; place < log_.size(); place += 301) {
    flip(place);
    EXPECT_TRUE(is_damaged()) << place;
  }
}

TEST_F(KilledDatabase, ACutIsSeenWhereverItIs) {
  for (std::size_t size = 32; size < log_.size(); size += 1037) {
    write(log_.substr(0, size));
    EXPECT_TRUE(is_damaged()) << size;
  }
  write(log_.substr(0, log_.size() - kFrame));  // between two commits
  EXPECT_TRUE(is_damaged());
}

TEST_F(KilledDatabase, WithoutTheIndexDamageBeforeTheLastCommitsIsSeen) {
  without_index();
  for (std::size_t frame = 0; frame + 2 < frames(); ++frame) {
    for (const std::size_t in_frame : {2UL, 17UL, 500UL}) {
      flip(32 + frame * kFrame + in_frame);
      EXPECT_TRUE(is_damaged()) << frame << " " << in_frame;
    }
  }
  flip(20);  // in the header: SQLite would read nothing
  EXPECT_TRUE(is_damaged());
}

TEST_F(KilledDatabase, ATornEndIsNotDamage) {
  without_index();
  const std::size_t last = log_.size() - kFrame;
  for (std::size_t size = last; size < log_.size(); size += 511) {
    write(log_.substr(0, size));
    EXPECT_FALSE(is_damaged()) << size;
  }
  write(log_ + std::string(3 * kFrame, '\0'));
  EXPECT_FALSE(is_damaged());
  flip(last + 100);
  EXPECT_FALSE(is_damaged());
}

TEST_F(KilledDatabase, WhatAnEarlierLogLeftInTheFileIsNotDamage) {
  ASSERT_TRUE(database_.run("PRAGMA wal_checkpoint(RESTART)"));
  for (int i = 0; i < 5; ++i) insert();
  kill();
  EXPECT_FALSE(is_damaged());
  without_index();
  EXPECT_FALSE(is_damaged());
  EXPECT_EQ(rows(), 25);
}

TEST_F(KilledDatabase, WhatWasRolledBackIsNotDamage) {
  ASSERT_TRUE(
      database_.run("PRAGMA cache_size = 10; BEGIN; WITH RECURSIVE n (i) AS (SELECT 1 "
                    "UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
                    "INSERT INTO rows SELECT i FROM n; ROLLBACK"));
  insert();
  kill();
  EXPECT_GT(frames(), 50u);  // they were spilled into the log
  EXPECT_FALSE(is_damaged());
  without_index();
  EXPECT_FALSE(is_damaged());
  EXPECT_EQ(rows(), 21);
}

TEST_F(KilledDatabase, ADamagedLogIsKeptCountedAndBegunAnew) {
  flip(32 + 10 * kFrame + 50);
  const std::uint64_t before = damaged_wals();
  EXPECT_TRUE(restore_order(file()));
  EXPECT_EQ(damaged_wals(), before + 1);
  std::vector<std::filesystem::path> kept;
  for (const auto& entry : std::filesystem::directory_iterator(to_)) {
    if (entry.path().native().find("-wal.damaged-") != std::string::npos) {
      kept.push_back(entry.path());
    }
  }
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(std::filesystem::file_size(kept.front()), log_.size());
  EXPECT_FALSE(restore_order(file()));
  EXPECT_LT(rows(), 20);
}

domain::Key revoked(domain::Key key, Time now) {
  key.state = domain::KeyState::revoked;
  key.state_reason = "leaked";
  key.revoked_at = now;
  return key;
}

TEST(SqliteStore, ARevocationThatTheLogLostIsDoneAgainFromTheJournal) {
  TestDirectory directory;
  const std::filesystem::path killed = directory.path() / "killed";
  TestClock clock;
  Samples samples(clock);
  const domain::Key key = samples.key(1);
  std::uintmax_t cut = 0;  // in the midst of the revocation
  {
    OpenStore open(directory.path() / "running");
    const auto commit = [&](const domain::Key& put, bool removes_access) {
      Transaction transaction;
      transaction.keys.push_back(put);
      transaction.removes_access = removes_access;
      ASSERT_TRUE(open.store->commit({&transaction, 1}).front());
    };
    for (int i = 1; i <= 10; ++i) commit(i == 1 ? key : samples.key(i), false);
    cut = std::filesystem::file_size(open.directory / "keywright.db-wal") + 100;
    commit(revoked(key, clock.now()), true);
    for (int i = 11; i <= 20; ++i) commit(samples.key(i), false);
    std::filesystem::copy(directory.path() / "running", killed);
  }
  std::filesystem::resize_file(killed / "keywright.db-wal", cut);
  const std::uint64_t before = damaged_wals();
  OpenStore open(killed);
  EXPECT_EQ(damaged_wals(), before + 1);
  Loaded loaded;
  ASSERT_TRUE(open.store->load(loaded).has_value());
  EXPECT_EQ(loaded.keys.size(), 10u);
  const auto found = open.store->get_key(key.id).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, domain::KeyState::revoked);
}

}  // namespace
}  // namespace keywright::store
