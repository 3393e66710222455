#include "store/sqlite/sqlite_store.h"

#include <atomic>
#include <thread>

#include <sys/stat.h>

#include "store/conformance/conformance.h"
#include "store/sqlite/open_store_test.h"

namespace keywright::store {
namespace {

class SqliteUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return *open_.store; }
  TestClock& clock() override { return open_.clock; }
  bool reopen() override {
    open_.reopen();
    return true;
  }
  void tamper_with_event(int number) override {
    auto database = Database::open((directory_.path() / "keywright.db").string(),
                                   Database::Access::read_write, "");
    auto statement =
        database->prepare("UPDATE audit_events SET reason = reason || '!' WHERE number = ?");
    ASSERT_TRUE(Query(*statement).bind(number).run().has_value());
  }

 private:
  TestDirectory directory_;
  OpenStore open_{directory_.path()};
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values(Engine{
                             "sqlite", [] { return std::make_unique<SqliteUnderTest>(); }}),
                         engine_name);

class SqliteStoreTest : public testing::Test {
 protected:
  std::filesystem::path path(const char* name) const { return directory_.path() / name; }
  std::vector<Result<Position>> commit(const Transaction& transaction) {
    return open_->commit({&transaction, 1});
  }
  void put(domain::AuditEvent event) {
    Transaction transaction;
    transaction.events.push_back(std::move(event));
    ASSERT_TRUE(commit(transaction)[0].has_value());
  }
  domain::Key put_key(std::int64_t serial) {
    Transaction transaction;
    transaction.keys.push_back(samples_.key(serial));
    EXPECT_TRUE(commit(transaction)[0].has_value());
    return transaction.keys[0];
  }
  std::string problem_after(Sql tampering) {
    for (int i = 0; i < 5; ++i) put(samples_.event("test.done"));
    run_sql(path("keywright.db"), tampering);
    auto found = open_->verify_audit();
    EXPECT_TRUE(found.has_value());
    return found->intact ? "intact" : found->problem;
  }

  TestDirectory directory_;
  OpenStore open_{directory_.path()};
  Samples samples_{open_.clock};
};

TEST_F(SqliteStoreTest, AnAlteredDetailIsNamed) {
  EXPECT_TRUE(problem_after("UPDATE audit_events SET details = '{}' WHERE number = 3")
                  .starts_with("event 3 "));
}

TEST_F(SqliteStoreTest, ADroppedEventIsNamed) {
  EXPECT_EQ(problem_after("DELETE FROM audit_events WHERE number = 2"), "event 2 is missing");
}

TEST_F(SqliteStoreTest, ACutOffEndIsNoticed) {
  EXPECT_EQ(problem_after("DELETE FROM audit_events WHERE number > 3"),
            "the log ends at event 3, but 5 were written");
}

TEST_F(SqliteStoreTest, AnEmptiedLogIsNoticed) {
  EXPECT_EQ(problem_after("DELETE FROM audit_events"),
            "the log ends at event 0, but 5 were written");
}

TEST_F(SqliteStoreTest, SwappedEventsAreNoticed) {
  EXPECT_TRUE(problem_after("UPDATE audit_events SET number = -1 WHERE number = 2;"
                            "UPDATE audit_events SET number = 2 WHERE number = 4;"
                            "UPDATE audit_events SET number = 4 WHERE number = -1")
                  .starts_with("event 2 "));
}

TEST_F(SqliteStoreTest, ARewrittenHashIsNoticedAtTheEnd) {
  EXPECT_TRUE(problem_after("UPDATE audit_events SET hash = zeroblob(32) WHERE number = 5")
                  .starts_with("event 5 "));
}

TEST_F(SqliteStoreTest, TheAuditLogCanBeVerifiedByAnotherConnectionWhileTheStoreIsOpen) {
  put(samples_.event("test.done"));
  auto reader = Reader::open(path("keywright.db").string(), "");
  ASSERT_TRUE(reader.has_value());
  put(samples_.event("test.done"));
  EXPECT_EQ((*reader)->verify_audit()->events, 2u);
  EXPECT_TRUE((*reader)->verify_audit()->intact);
  reader->reset();
  put(samples_.event("test.done"));
  EXPECT_EQ(open_->verify_audit()->events, 3u);
}

TEST_F(SqliteStoreTest, AReaderLeavesTheWalToTheWriter) {
  put_key(1);
  ASSERT_GT(std::filesystem::file_size(path("keywright.db-wal")), 0u);
  const auto database_before = std::filesystem::file_size(path("keywright.db"));
  {
    // The store is abandoned as by kill -9: a copy of its files, with nobody writing.
    std::filesystem::create_directory(path("copy"));
    for (const char* name : {"keywright.db", "keywright.db-wal"}) {
      std::filesystem::copy_file(path(name), path("copy") / name);
    }
    auto reader = Reader::open((path("copy") / "keywright.db").string(), "");
    ASSERT_TRUE(reader.has_value()) << reader.error().internal();
    EXPECT_EQ(*(*reader)->position(), 1u);
  }
  EXPECT_EQ(std::filesystem::file_size(path("copy") / "keywright.db"), database_before);
  EXPECT_GT(std::filesystem::file_size(path("copy") / "keywright.db-wal"), 0u);
}

TEST_F(SqliteStoreTest, ARowThatCannotBeReadIsLeftOutAlone) {
  const Sql damages[] = {
      "UPDATE keys SET digest = x'00' WHERE serial = 2",
      "UPDATE keys SET policy = '{\"scope\":' WHERE serial = 3",
      "UPDATE keys SET state = 9 WHERE serial = 4",
      "UPDATE keys SET id = 'short' WHERE serial = 5",
      "UPDATE keys SET owner_type = -1 WHERE serial = 6",
      "UPDATE keys SET organization = x'' WHERE serial = 7",
  };
  for (std::int64_t serial = 1; serial <= 8; ++serial) put_key(serial);
  for (Sql sql : damages) run_sql(path("keywright.db"), sql);
  Loaded loaded;
  ASSERT_TRUE(open_->load(loaded).has_value());
  ASSERT_EQ(loaded.keys.size(), 2u);
  EXPECT_EQ(loaded.keys[0].serial, 1);
  EXPECT_EQ(loaded.keys[1].serial, 8);
}

TEST_F(SqliteStoreTest, ManyThreadsReadWhileOneWrites) {
  std::atomic<std::int64_t> committed{0};
  std::atomic<bool> done{false};
  auto read = [&] {
    while (!done) {
      const std::int64_t before = committed;
      auto page = open_->list_keys({.organization = samples_.organization}, {.limit = 5});
      ASSERT_TRUE(page.has_value()) << page.error().internal();
      if (before > 0) {
        ASSERT_GE(page->items[0].serial, before);
        ASSERT_TRUE(open_->get_key(page->items[0].id)->has_value());
      }
      ASSERT_TRUE(open_->verify_audit()->intact);
    }
  };
  std::vector<std::thread> readers;  // more than there are connections
  for (int i = 0; i < 4; ++i) readers.emplace_back(read);
  for (std::int64_t serial = 1; serial <= 200; ++serial) {
    Transaction transaction;
    transaction.keys.push_back(samples_.key(serial));
    transaction.events.push_back(samples_.event("key.create"));
    EXPECT_TRUE(commit(transaction)[0].has_value());
    committed = serial;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_F(SqliteStoreTest, OnlyOneProcessMayWrite) {
  auto second = SqliteStore::open(directory_.path(), {}, open_.clock, open_.random);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().reason(), "store_in_use");
}

TEST_F(SqliteStoreTest, NobodyElseMayReadItsFiles) {
  put_key(1);
  for (const auto& file : std::filesystem::directory_iterator(directory_.path())) {
    struct stat status = {};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077, 0u) << file.path();
  }
}

TEST_F(SqliteStoreTest, ExpiredAnswersAreDroppedByThoseThatAdd) {
  Transaction transaction;
  for (int i = 0; i < 40; ++i) {
    transaction.idempotent_answer = IdempotentAnswer{
        "user:1", std::to_string(i), "", 200, "", open_.clock.now() + std::chrono::hours(1)};
    ASSERT_TRUE(commit(transaction)[0].has_value());
  }
  open_.clock.advance(std::chrono::hours(2));
  for (int i = 100; i < 104; ++i) {
    transaction.idempotent_answer = IdempotentAnswer{
        "user:1", std::to_string(i), "", 200, "", open_.clock.now() + std::chrono::hours(1)};
    ASSERT_TRUE(commit(transaction)[0].has_value());
  }
  auto database = Database::open(path("keywright.db").string(), Database::Access::read_only, "");
  EXPECT_EQ(*database->integer("SELECT count(*) FROM idempotent_answers"), 4);
}

TEST_F(SqliteStoreTest, ListsReadRowsThroughAnIndex) {
  auto database = Database::open(path("keywright.db").string(), Database::Access::read_only, "");
  auto statement = database->prepare(
      "EXPLAIN QUERY PLAN SELECT number FROM audit_events INDEXED BY audit_by_organization "
      "WHERE organization = ? AND time <= 5 AND (time < 5 OR number < 7) "
      "ORDER BY time DESC, number DESC LIMIT 5");
  ASSERT_TRUE(statement.has_value());
  Query query(*statement);
  while (*query.next()) {
    EXPECT_EQ(query.text(3).find("TEMP B-TREE"), std::string_view::npos) << query.text(3);
  }
}

}  // namespace
}  // namespace keywright::store
