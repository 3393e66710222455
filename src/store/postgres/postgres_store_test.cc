#include "store/postgres/postgres_store.h"

#include <atomic>
#include <thread>

#include "store/conformance/conformance.h"
#include "store/conformance/postgres_server.h"
#include "store/postgres/schema.h"

namespace keywright::store::postgres {
namespace {

PostgresServer* const server = PostgresServer::of_this_program();

// A schema, and the URL that names it.
class TestSchema {
 public:
  const Secret<std::string>& url() const { return url_; }
  std::unique_ptr<Connection> connect() const {
    auto connection = Connection::open(url_, {});
    EXPECT_TRUE(connection.has_value()) << connection.error().internal();
    return std::move(*connection);
  }

 private:
  const Secret<std::string> url_ = server->make_schema();
};

std::unique_ptr<PostgresStore> open_store(const TestSchema& schema, const Clock& clock,
                                          Random& random) {
  auto opened = PostgresStore::open(schema.url(), {.readers = 2}, clock, random);
  EXPECT_TRUE(opened.has_value()) << opened.error().detail() << " " << opened.error().internal();
  return std::move(*opened);
}

class PostgresUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return *store_; }
  TestClock& clock() override { return clock_; }
  bool reopen() override {
    store_.reset();
    store_ = open_store(schema_, clock_, random_);
    return true;
  }
  void tamper_with_event(int number) override {
    auto connection = schema_.connect();
    const Statement change("UPDATE audit_events SET reason = reason || '!' WHERE number = ?",
                           std::int64_t{number});
    ASSERT_TRUE(connection->run(change).has_value());
  }

 private:
  TestSchema schema_;
  TestClock clock_;
  SystemRandom random_;
  std::unique_ptr<PostgresStore> store_ = open_store(schema_, clock_, random_);
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values(Engine{
                             "postgres", [] { return std::make_unique<PostgresUnderTest>(); }}),
                         engine_name);

class PostgresStoreTest : public testing::Test {
 protected:
  Transaction with_key(std::int64_t serial) {
    Transaction transaction;
    transaction.keys.push_back(samples_.key(serial));
    return transaction;
  }

  TestSchema schema_;
  TestClock clock_;
  SystemRandom random_;
  std::unique_ptr<PostgresStore> one_ = open_store(schema_, clock_, random_);
  std::unique_ptr<PostgresStore> other_ = open_store(schema_, clock_, random_);
  Samples samples_{clock_};
};

TEST_F(PostgresStoreTest, ATurnBringsWhatOthersWroteAndGivesFreshSerials) {
  const std::int64_t serial = one_->next_key_serial();
  const Transaction first = with_key(serial);
  ASSERT_TRUE(one_->commit({&first, 1})[0].has_value());
  Transaction second;
  second.records.push_back({.record = samples_.record(RecordType::project, "{}")});
  second.removes_access = true;
  ASSERT_TRUE(one_->commit({&second, 1})[0].has_value());

  auto turn = other_->begin_turn({});
  ASSERT_TRUE(turn.has_value()) << turn.error().internal();
  EXPECT_FALSE(turn->missing.resync);
  EXPECT_EQ(turn->missing.head.position, 2u);
  ASSERT_EQ(turn->missing.changes.keys.size(), 1u);
  EXPECT_EQ(text_of(turn->missing.changes.keys[0]), text_of(first.keys[0]));
  ASSERT_EQ(turn->missing.changes.records.size(), 1u);
  EXPECT_EQ(text_of(turn->missing.changes.records[0].record), text_of(second.records[0].record));
  EXPECT_EQ(other_->next_key_serial(), serial + 1);
  other_->end_turn();
}

TEST_F(PostgresStoreTest, ALoadKnowsWhatTookAccessAwayInTheDayBefore) {
  Transaction old = with_key(1);
  old.removes_access = true;
  ASSERT_TRUE(one_->commit({&old, 1})[0].has_value());
  clock_.advance(Removals::kKept + std::chrono::hours(1));
  const Record gone = samples_.record(RecordType::session, "{}");
  Transaction begun;
  begun.records.push_back({.record = gone});
  begun.keys = {samples_.key(2), samples_.key(3)};
  ASSERT_TRUE(one_->commit({&begun, 1})[0].has_value());
  Transaction removal;
  removal.records.push_back({.record = gone, .deleted = true});
  removal.keys = {begun.keys[0]};
  removal.keys[0].state = domain::KeyState::disabled;
  removal.removes_access = true;
  ASSERT_TRUE(one_->commit({&removal, 1})[0].has_value());

  struct Nothing final : Loader {
    void record(Record) override {}
    void key(domain::Key) override {}
  } nothing;
  ASSERT_TRUE(other_->load(nothing).has_value());
  Removals removals;
  removals.note_loaded(other_->take_loaded_removals(), {}, clock_.now());
  EXPECT_EQ(removals.positions(), std::vector<std::int64_t>{3});
  const Transaction lost = removals.lost_from({.entries = {}, .head = 2, .oldest = 1});
  ASSERT_EQ(lost.keys.size(), 1u);
  EXPECT_EQ(text_of(lost.keys[0]), text_of(removal.keys[0]));
  ASSERT_EQ(lost.records.size(), 1u);
  EXPECT_EQ(lost.records[0].record.id, gone.id);
  EXPECT_TRUE(lost.records[0].deleted);
}

TEST_F(PostgresStoreTest, WhileNobodyReachesItThoseWhoAskAreToldAtOnce) {
  const Transaction change = with_key(1);
  one_->note_gone(true);
  EXPECT_EQ(one_->commit({&change, 1})[0].error().reason(), kStoreUnavailable);
  EXPECT_EQ(one_->get_key(change.keys[0].id).error().reason(), kStoreUnavailable);
  one_->note_gone(false);
  EXPECT_TRUE(one_->commit({&change, 1})[0].has_value());
  EXPECT_TRUE(one_->get_key(change.keys[0].id)->has_value());
}

TEST_F(PostgresStoreTest, TurnsAreTakenOneAfterTheOtherAndNoEntryIsSkipped) {
  auto turn = one_->begin_turn({});
  ASSERT_TRUE(turn.has_value());
  std::atomic<bool> other_has_written{false};
  std::thread waiting([&] {
    const Transaction later = with_key(2);
    EXPECT_EQ(*other_->commit({&later, 1})[0], 2u);
    other_has_written = true;
  });
  // A reader sees nothing of either, however long the first turn lasts.
  auto connection = schema_.connect();
  for (int i = 0; i < 20; ++i) {
    auto missing = read_missing(*connection, {});
    ASSERT_TRUE(missing.has_value()) << missing.error().internal();
    EXPECT_EQ(missing->head.position, 0u);
    EXPECT_FALSE(other_has_written);
  }
  const Transaction earlier = with_key(1);
  EXPECT_EQ(*one_->commit({&earlier, 1})[0], 1u);
  waiting.join();
  auto missing = read_missing(*connection, {});
  ASSERT_TRUE(missing.has_value());
  EXPECT_EQ(missing->head.position, 2u);
  EXPECT_EQ(missing->changes.keys.size(), 2u);
}

TEST_F(PostgresStoreTest, ALogThatWasCutOrWrittenAnewAsksForAResync) {
  for (std::int64_t serial : {1, 2, 3}) {
    const Transaction transaction = with_key(serial);
    ASSERT_TRUE(one_->commit({&transaction, 1})[0].has_value());
  }
  auto connection = schema_.connect();
  const LogPoint head = read_missing(*connection, {})->head;
  EXPECT_FALSE(read_missing(*connection, head)->resync);
  EXPECT_TRUE(read_missing(*connection, {head.position, samples_.id()})->resync);
  EXPECT_TRUE(read_missing(*connection, {head.position + 1, samples_.id()})->resync);
  ASSERT_TRUE(connection->run(Statement("DELETE FROM change_log WHERE position = 1")).has_value());
  EXPECT_TRUE(read_missing(*connection, {})->resync);
  EXPECT_FALSE(read_missing(*connection, head)->resync);
}

TEST_F(PostgresStoreTest, DeletedRecordsAreMissingAsDeleted) {
  Transaction transaction;
  transaction.records.push_back({.record = samples_.record(RecordType::project, "{}")});
  ASSERT_TRUE(one_->commit({&transaction, 1})[0].has_value());
  transaction.records[0].deleted = true;
  ASSERT_TRUE(one_->commit({&transaction, 1})[0].has_value());
  auto connection = schema_.connect();
  auto missing = read_missing(*connection, {});
  ASSERT_EQ(missing->changes.records.size(), 1u);
  EXPECT_TRUE(missing->changes.records[0].deleted);
}

TEST_F(PostgresStoreTest, AStoppedProcessInItsTurnStopsNobodyElse) {
  ASSERT_TRUE(one_->begin_turn({}).has_value());  // and then nothing
  const Transaction transaction = with_key(1);
  EXPECT_TRUE(other_->commit({&transaction, 1})[0].has_value());
  const Transaction late = with_key(2);
  EXPECT_FALSE(one_->commit({&late, 1})[0].has_value());
  EXPECT_TRUE(one_->commit({&late, 1})[0].has_value());
}

TEST_F(PostgresStoreTest, ManyEntriesWithManySubjectsAreMissingWhole) {
  std::vector<Transaction> group;
  for (std::int64_t serial = 1; serial <= 60; ++serial) {
    Transaction& transaction = group.emplace_back(with_key(serial));
    if (serial % 3 == 0) transaction.keys.push_back(samples_.key(100 + serial));
    for (std::int64_t i = 0; i < serial % 4; ++i) {
      const auto type = i == 0 ? RecordType::project : RecordType::session;
      transaction.records.push_back({.record = samples_.record(type, "{}")});
    }
  }
  for (const auto& written : one_->commit(group)) ASSERT_TRUE(written.has_value());
  auto connection = schema_.connect();
  // As on the connections that follow, and as PostgreSQL would plan by itself.
  for (const bool plan_once : {false, true}) {
    if (plan_once) ASSERT_TRUE(connection->run(Statement(kPlanOnce)).has_value());
    const auto missing = read_missing(*connection, {});
    ASSERT_TRUE(missing.has_value()) << missing.error().internal();
    EXPECT_FALSE(missing->resync);
    EXPECT_EQ(missing->changes.keys.size(), 80u);
    EXPECT_EQ(missing->changes.records.size(), 90u);
    const auto rest = read_missing(*connection, {});
    EXPECT_EQ(rest->head, one_->head());
    EXPECT_TRUE(read_missing(*connection, rest->head)->changes.keys.empty());
  }
}

TEST_F(PostgresStoreTest, WhatLiesTooFarBehindIsNotReadButAskedForAnew) {
  auto connection = schema_.connect();
  const Transaction change = with_key(1);
  ASSERT_TRUE(one_->commit({&change, 1})[0].has_value());
  const Statement statements[] = {
      Statement("INSERT INTO change_log SELECT n, gen_random_uuid(), 0, 0, ''::bytea FROM "
                "generate_series(2, ?) AS n",
                kEntriesMax + 2),
      Statement("UPDATE log_head SET position = ?", kEntriesMax + 2)};
  ASSERT_TRUE(connection->run_all(statements).has_value());
  const auto missing = read_missing(*connection, {});
  EXPECT_TRUE(missing->resync);
  EXPECT_TRUE(missing->changes.keys.empty());
}

TEST(PostgresReports, TextThatIsNoReportSaysNothing) {
  const Report report{Uuid{{1, 2, 3}}, 12};
  EXPECT_EQ(parse_report(payload_of(report))->position, 12u);
  for (const char* text :
       {"", " ", "12", "x 12", "01020300-0000-0000-0000-000000000000 ",
        "01020300-0000-0000-0000-000000000000 1x", "01020300-0000-0000-0000-000000000000 -1",
        "01020300-0000-0000-0000-000000000000 99999999999999999999"}) {
    EXPECT_FALSE(parse_report(text).has_value()) << text;
  }
}

TEST_F(PostgresStoreTest, NodesJoinRenewAndLeave) {
  auto connection = schema_.connect();
  Node node{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "a"};
  ASSERT_TRUE(join(*connection, node).has_value());
  auto turn = one_->begin_turn({});
  ASSERT_EQ(turn->nodes.size(), 1u);
  EXPECT_EQ(turn->nodes[0].max_staleness, node.max_staleness);
  one_->end_turn();
  const Transaction change = with_key(1);
  ASSERT_TRUE(one_->commit({&change, 1})[0].has_value());
  EXPECT_EQ((**renew(*connection, node.id, {.applied = one_->head()})).head, one_->head());
  auto nodes = read_nodes(*connection->run(select_nodes()));
  EXPECT_EQ(nodes[0].applied, one_->head().position);
  ASSERT_TRUE(remove_silent(*connection, node).has_value());  // it renewed meanwhile
  EXPECT_TRUE(renew(*connection, node.id, {.applied = one_->head()})->has_value());
  nodes = read_nodes(*connection->run(select_nodes()));
  ASSERT_TRUE(remove_silent(*connection, nodes[0]).has_value());
  EXPECT_FALSE(renew(*connection, node.id, {.applied = one_->head()})->has_value());
  ASSERT_TRUE(join(*connection, node).has_value());
  ASSERT_TRUE(leave(*connection, node.id).has_value());
  EXPECT_FALSE(renew(*connection, node.id, {.applied = one_->head()})->has_value());
}

TEST_F(PostgresStoreTest, AReportIsNotedAndHeardWithoutARenewal) {
  auto connection = schema_.connect();
  auto listener = schema_.connect();
  ASSERT_TRUE(listener->run(Statement(kListenReports)).has_value());
  const Node node{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "a"};
  ASSERT_TRUE(join(*connection, node).has_value());
  const Transaction change = with_key(1);
  ASSERT_TRUE(one_->commit({&change, 1})[0].has_value());
  ASSERT_TRUE(report(*connection, node.id, one_->head()).has_value());
  const auto notices = listener->wait(std::chrono::seconds(10), -1);
  ASSERT_EQ(notices->size(), 1u);
  const auto heard = parse_report(notices->front().payload);
  ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(heard->node, node.id);
  EXPECT_EQ(heard->position, one_->head().position);
  const auto nodes = read_nodes(*connection->run(select_nodes()));
  EXPECT_EQ(nodes[0].applied, one_->head().position);
  EXPECT_EQ(nodes[0].renewals, 0);
}

TEST_F(PostgresStoreTest, APositionOfALogThatWasLostIsNotTakenForOneOfThisLog) {
  auto connection = schema_.connect();
  const Node node{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "a"};
  ASSERT_TRUE(join(*connection, node).has_value());
  for (std::int64_t serial = 1; serial <= 3; ++serial) {
    const Transaction change = with_key(serial);
    ASSERT_TRUE(one_->commit({&change, 1})[0].has_value());
  }
  const LogPoint elsewhere{one_->head().position, samples_.id()};
  ASSERT_TRUE(renew(*connection, node.id, {.applied = elsewhere}).has_value());
  ASSERT_TRUE(report(*connection, node.id, elsewhere).has_value());
  EXPECT_EQ(read_nodes(*connection->run(select_nodes()))[0].applied, 0u);
  const std::int64_t positions[] = {static_cast<std::int64_t>(elsewhere.position), 100};
  const auto standing = read_standing(*connection->run(select_standing(positions)));
  EXPECT_EQ(standing, std::vector{one_->head()});
}

TEST_F(PostgresStoreTest, ANodeThatHasNotBeenAtThisServerIsToldOf) {
  auto connection = schema_.connect();
  const Node one{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "one"};
  const Node other{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "other"};
  ASSERT_TRUE(join(*connection, one).has_value());
  ASSERT_TRUE(join(*connection, other).has_value());
  EXPECT_EQ((**renew(*connection, one.id, {})).elsewhere, 0) << "the other is only new";
  EXPECT_EQ((**renew(*connection, other.id, {})).elsewhere, 0);
  ASSERT_TRUE(connection->run(Statement("UPDATE nodes SET server = 1")).has_value());
  EXPECT_EQ((**renew(*connection, one.id, {})).elsewhere, 1);
  EXPECT_EQ((**renew(*connection, other.id, {.is_settled = false})).elsewhere, 0);
  EXPECT_EQ((**renew(*connection, one.id, {})).elsewhere, 1) << "it has something to write";
  EXPECT_EQ((**renew(*connection, other.id, {})).elsewhere, 0);
  EXPECT_EQ((**renew(*connection, one.id, {})).elsewhere, 0);
}

TEST_F(PostgresStoreTest, ANodeIsToldHowManyDoNotCountItYet) {
  auto connection = schema_.connect();
  const Node one{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "one"};
  const Node other{.id = samples_.id(), .max_staleness = std::chrono::seconds(5), .name = "other"};
  ASSERT_TRUE(join(*connection, one).has_value());
  EXPECT_EQ((**renew(*connection, one.id, {.counted = 1})).undivided, 0);
  ASSERT_TRUE(join(*connection, other).has_value());
  EXPECT_EQ((**renew(*connection, other.id, {.counted = 2})).undivided, 1);
  EXPECT_EQ((**renew(*connection, one.id, {.counted = 2})).nodes, 2);
  EXPECT_EQ((**renew(*connection, other.id, {.counted = 2})).undivided, 0);
}

TEST_F(PostgresStoreTest, ANotificationWakesTheOneWhoListens) {
  auto listener = schema_.connect();
  auto speaker = schema_.connect();
  ASSERT_TRUE(listener->run(Statement(kListen)).has_value());
  EXPECT_TRUE(listener->wait(std::chrono::milliseconds(1), -1)->empty());
  const Uuid me = samples_.id();
  ASSERT_TRUE(notify(*speaker, me).has_value());
  const auto notices = listener->wait(std::chrono::seconds(10), -1);
  ASSERT_EQ(notices->size(), 1u);
  EXPECT_EQ(notices->front().payload, me.to_string());
}

TEST(PostgresSchema, ConcurrentStartsMakeTheTablesOnce) {
  const TestSchema schema;
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      auto connection = Connection::open(schema.url(), kMigrationTimeouts);
      auto migrated = migrate(**connection);
      EXPECT_TRUE(migrated.has_value()) << migrated.error().internal();
      ++done;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 6);
  auto rows = schema.connect()->run(Statement("SELECT count(*) FROM log_head"));
  EXPECT_EQ((*rows)[0].integer(0), 1);
}

TEST(PostgresSchema, AStepThatTheVersionBeforeCanDoWithoutIsNoReasonToRefuse) {
  const TestSchema schema;
  auto connection = Connection::open(schema.url(), kMigrationTimeouts);
  const Step first{1, 1, "CREATE TABLE a (n bigint)"};
  const Step added{2, 1, "ALTER TABLE a ADD COLUMN m bigint NOT NULL DEFAULT 0"};
  const Step breaking{3, 3, "DROP TABLE a"};
  const Step all[] = {first, added, breaking};
  ASSERT_TRUE(migrate(**connection, std::span(all, 2)).has_value());
  EXPECT_TRUE(migrate(**connection, std::span(all, 1)).has_value());
  ASSERT_TRUE(migrate(**connection, all).has_value());
  auto refused = migrate(**connection, std::span(all, 2));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason(), "store_too_new");
}

TEST(PostgresSchema, AStepThatFailsLeavesNothing) {
  const TestSchema schema;
  auto connection = Connection::open(schema.url(), kMigrationTimeouts);
  const Step broken[] = {{1, 1, "CREATE TABLE a (n bigint); SELECT * FROM nowhere"}};
  EXPECT_FALSE(migrate(**connection, broken).has_value());
  const Step mended[] = {{1, 1, "CREATE TABLE a (n bigint)"}};
  EXPECT_TRUE(migrate(**connection, mended).has_value());
}

TEST(PostgresSchema, ForeignTablesAreLeftAlone) {
  const TestSchema schema;
  auto connection = schema.connect();
  ASSERT_TRUE(connection->run_script("CREATE TABLE keys (n bigint)").has_value());
  auto refused = migrate(*connection);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason(), "not_a_store");
}

TEST(PostgresConnection, AnErrorLeavesItUsableAndTheStatementCanBeSentAgain) {
  const TestSchema schema;
  auto connection = schema.connect();
  const Statement statement("SELECT 10 / ?", std::int64_t{0});
  EXPECT_FALSE(connection->run(statement).has_value());
  EXPECT_FALSE(connection->run(statement).has_value());
  EXPECT_FALSE(connection->is_broken());
  EXPECT_EQ((*connection->run(Statement("SELECT 10 / ?", std::int64_t{5})))[0].integer(0), 2);
}

TEST(PostgresConnection, AnAnswerThatDoesNotComeBreaksIt) {
  const TestSchema schema;
  auto connection = Connection::open(schema.url(), {.statement = std::chrono::milliseconds(0),
                                                    .answer = std::chrono::milliseconds(100)});
  auto late = (*connection)->run(Statement("SELECT pg_sleep(5)"));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().reason(), kStoreUnavailable);
  EXPECT_TRUE((*connection)->is_broken());
}

TEST(PostgresConnection, NoErrorRepeatsTheUrl) {
  for (const char* url : {"postgres://u:hunter2@127.0.0.1:1/x", "postgres://u:hunter2@[broken",
                          "postgres://u:hunter2@127.0.0.1:notaport/x?bad=1"}) {
    auto opened = Connection::open(Secret<std::string>(std::string(url)), {});
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().detail().find("hunter2"), std::string::npos);
    EXPECT_EQ(opened.error().internal().find("hunter2"), std::string::npos)
        << opened.error().internal();
  }
  EXPECT_EQ(shown_url("postgres://u:hunter2@db.example:5433/keys?sslmode=require"),
            "postgres://db.example:5433/keys");
  EXPECT_FALSE(is_valid_url("postgres://u:hunter2@[broken"));
}

}  // namespace
}  // namespace keywright::store::postgres
