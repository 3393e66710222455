#include "traces/postgres/postgres_trace_store.h"

#include <atomic>
#include <thread>

#include "store/conformance/postgres_server.h"
#include "traces/conformance/conformance.h"

namespace keywright::traces {
namespace {

using store::postgres::Connection;
using store::postgres::PostgresStore;
using store::postgres::Rows;
using store::postgres::Sql;
using store::postgres::Statement;

store::PostgresServer* const server = store::PostgresServer::of_this_program();

// A node: what it needs of the store, and its trace store.
struct Node {
  Node(const Secret<std::string>& url, const Clock& clock, Random& random,
       PostgresTraceOptions options = {}) {
    auto opened = PostgresStore::open(url, {.readers = 2}, clock, random);
    EXPECT_TRUE(opened) << opened.error().internal();
    records = std::move(*opened);
    auto traces = PostgresTraceStore::open(*records, options, clock, random);
    EXPECT_TRUE(traces) << traces.error().internal();
    store = std::move(*traces);
  }

  std::unique_ptr<PostgresStore> records;
  std::unique_ptr<PostgresTraceStore> store;
};

class Schema final : public Place {
 public:
  Result<std::unique_ptr<TraceStore>> open(std::int64_t spans_per_trace_max, const Clock& clock,
                                           Random& random) override {
    if (records_ == nullptr) {
      KW_TRY(records_, PostgresStore::open(url_, {.readers = 2}, clock, random));
    }
    const PostgresTraceOptions options{.spans_per_trace_max = spans_per_trace_max};
    KW_TRY(auto store, PostgresTraceStore::open(*records_, options, clock, random));
    return store;
  }

 private:
  const Secret<std::string> url_ = server->make_schema();
  std::unique_ptr<PostgresStore> records_;
};

const Engine kPostgres{"postgres", [] { return std::make_unique<Schema>(); }};

INSTANTIATE_TEST_SUITE_P(Stores, TraceStoreConformance, testing::Values(kPostgres), engine_name);
INSTANTIATE_TEST_SUITE_P(Stores, OutboxConformance, testing::Values(kPostgres), engine_name);

class TracesOfNodes : public testing::Test {
 protected:
  Node& add_node() { return *nodes_.emplace_back(std::make_unique<Node>(url_, clock_, random_)); }
  // Its time goes on.
  Node& add_quick_node(std::chrono::milliseconds look_every, std::chrono::milliseconds lease) {
    const PostgresTraceOptions options{.look_every = look_every, .lease = lease};
    return *nodes_.emplace_back(std::make_unique<Node>(url_, system_clock_, random_, options));
  }
  std::int64_t count(Sql sql) {
    auto connection = Connection::open(url_, {});
    EXPECT_TRUE(connection) << connection.error().internal();
    const auto rows = (*connection)->run(Statement(sql));
    EXPECT_TRUE(rows) << rows.error().internal();
    return rows.value()[0].integer(0);
  }
  void run(Sql sql) {
    auto connection = Connection::open(url_, {});
    const auto rows = (*connection)->run(Statement(sql));
    EXPECT_TRUE(rows) << rows.error().internal();
  }
  std::optional<WholeTrace> get(Node& node, const Uuid& id) {
    return node.store->get(samples_.project, id, "", 1000).value();
  }

  const Secret<std::string> url_ = server->make_schema();
  TestClock clock_;
  SystemClock system_clock_;
  SystemRandom random_;
  Samples samples_{clock_};
  std::vector<std::unique_ptr<Node>> nodes_;
};

// Submits to all nodes at once, many times, and gives what each was told.
std::vector<StoredTrace> submit_at_once(std::vector<std::unique_ptr<Node>>& nodes, int rounds,
                                        const std::function<TraceWrite(int, int)>& make) {
  std::mutex mutex;
  std::vector<StoredTrace> told;
  std::atomic<int> left = rounds * static_cast<int>(nodes.size());
  std::promise<void> all;
  std::vector<std::thread> senders;
  for (int number = 0; number < static_cast<int>(nodes.size()); ++number) {
    senders.emplace_back([&, number] {
      for (int round = 0; round < rounds; ++round) {
        std::vector<TraceWrite> writes;
        writes.push_back(make(number, round));
        nodes[number]->store->submit(std::move(writes), [&](const auto& stored) {
          EXPECT_TRUE(stored) << stored.error().detail();
          if (stored) {
            const std::lock_guard lock(mutex);
            told.push_back(stored->front());
          }
          if (left.fetch_sub(1) == 1) all.set_value();
        });
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  all.get_future().wait();
  return told;
}

TEST_F(TracesOfNodes, WhatOneNodeTookAnotherReads) {
  Node& one = add_node();
  Node& two = add_node();
  const StoredTrace stored = put_in(*one.store, samples_.native("{\"data\":1}", "run"));
  EXPECT_EQ(get(two, stored.id)->body, "{\"data\":1}");
  EXPECT_EQ(put_in(*two.store, samples_.native("{\"data\":1}", "run")).fate, Fate::unchanged);
  const StoredTrace again = put_in(*two.store, samples_.native("{\"data\":2}", "run"));
  EXPECT_EQ(again.fate, Fate::updated);
  EXPECT_EQ(again.id, stored.id);
  EXPECT_EQ(get(one, stored.id)->body, "{\"data\":2}");
}

TEST_F(TracesOfNodes, TheSameExternalIdOnTwoNodesAtOnceIsOneTrace) {
  for (int i = 0; i < 3; ++i) add_node();
  constexpr int kRounds = 60;
  constexpr int kIds = 20;
  const auto told = submit_at_once(nodes_, kRounds, [&](int node, int round) {
    const std::string body = "{\"from\":" + std::to_string(node * kRounds + round) + "}";
    return samples_.native(body, "run-" + std::to_string(round % kIds));
  });
  std::set<Uuid> ids;
  std::map<Uuid, std::int64_t> revisions;
  int created = 0;
  for (const StoredTrace& stored : told) {
    ids.insert(stored.id);
    created += stored.fate == Fate::created ? 1 : 0;
    revisions[stored.id] = std::max(revisions[stored.id], stored.revision);
  }
  EXPECT_EQ(ids.size(), std::size_t{kIds});
  EXPECT_EQ(created, kIds);
  std::int64_t all = 0;
  for (const auto& [id, revision] : revisions) {
    EXPECT_EQ(get(*nodes_[0], id)->row.revision, revision);
    all += revision;
  }
  EXPECT_EQ(all, 3 * kRounds);  // no change was lost in another
  EXPECT_EQ(count("SELECT count(*) FROM traces"), kIds);
}

TEST_F(TracesOfNodes, SpansOfOneTraceComeTogetherFromAllNodes) {
  for (int i = 0; i < 3; ++i) add_node();
  const std::string trace_id(32, 'a');
  const auto told = submit_at_once(nodes_, 50, [&](int node, int round) {
    const std::string number = std::to_string(node * 50 + round);
    return samples_.otlp(trace_id, {"1" + number, "2", "3" + number});
  });
  for (const StoredTrace& stored : told) EXPECT_EQ(stored.id, told.front().id);
  const auto trace = get(*nodes_[1], told.front().id);
  EXPECT_EQ(trace->row.span_count, 301);
  EXPECT_EQ(trace->spans.size(), 301u);
  EXPECT_EQ(trace->row.revision, 150);
}

TEST_F(TracesOfNodes, ANodeThatSendsKeepsOthersFromSendingUntilItIsGone) {
  Node& one = add_node();
  Node& two = add_node();
  const domain::PlatformId platform = samples_.platform;
  EXPECT_EQ(one.store->claim(platform).value(), Claim::taken);
  EXPECT_EQ(one.store->claim(platform).value(), Claim::kept);
  EXPECT_EQ(two.store->claim(platform).value(), Claim::refused);
  one.store->release(platform);
  EXPECT_EQ(two.store->claim(platform).value(), Claim::taken);
  run("UPDATE trace_lanes SET until = now() - interval '1 second'");  // two was not heard of
  EXPECT_EQ(one.store->claim(platform).value(), Claim::taken);
  one.store->stop();
  EXPECT_EQ(count("SELECT count(*) FROM trace_lanes"), 0);
}

TEST_F(TracesOfNodes, ALaneThatWasTakenOverIsKnownToBe) {
  Node& one = add_quick_node(std::chrono::milliseconds(50), std::chrono::milliseconds(200));
  EXPECT_EQ(one.store->claim(samples_.platform).value(), Claim::taken);
  run("UPDATE trace_lanes SET node = '00000000-0000-7000-8000-000000000001', "
      "until = now() + interval '1 hour'");
  while (one.store->claim(samples_.platform).value() != Claim::refused) std::this_thread::yield();
}

TEST_F(TracesOfNodes, WhatNobodySendsAndWhatChangedIsSeenByOthers) {
  Node& one = add_quick_node(std::chrono::milliseconds(20), std::chrono::seconds(6));
  std::atomic<int> changes = 0;
  std::atomic<int> hints = 0;
  one.store->on_forwardings_changed([&] { ++changes; });
  one.store->on_queued([&](const auto& platforms) {
    EXPECT_EQ(platforms, std::vector{samples_.platform});
    ++hints;
  });
  Node& two = add_node();
  const ForwardingRow row{samples_.platform, samples_.project, "{}", "{}"};
  ASSERT_TRUE(two.store->run_work([&](Outbox& outbox) { return outbox.put(row); }));
  while (changes == 0) std::this_thread::yield();
  EXPECT_EQ(two.store->claim(samples_.platform).value(), Claim::taken);
  put_in(*two.store, samples_.native("{}"));
  const int seen = hints;
  two.store->release(samples_.platform);
  while (hints <= seen) std::this_thread::yield();
  EXPECT_EQ(one.store->queued(samples_.platform, 0, 10).value().size(), 1u);
  one.store->stop();
}

TEST_F(TracesOfNodes, NodesThatStartAtOnceMakeTheirDaysTogether) {
  add_node();
  std::vector<std::thread> starting;
  for (int i = 0; i < 4; ++i) {
    starting.emplace_back([&] {
      TestClock later(clock_.now() + std::chrono::hours(72));
      Node node(url_, later, random_);
      put_in(*node.store, samples_.native("{}"));
    });
  }
  for (std::thread& thread : starting) thread.join();
  EXPECT_EQ(count("SELECT count(*) FROM traces"), 4);
}

TEST_F(TracesOfNodes, DaysThatNobodyKeepsAnyMoreAreDroppedWhole) {
  Node& node = add_node();
  Node& other = add_node();
  for (int i = 0; i < 3; ++i) {
    put_in(*node.store, samples_.native("{}", "run-" + std::to_string(i)));
    put_in(*node.store, samples_.otlp(std::string(32, 'a'), {"1"}));
    clock_.advance(std::chrono::hours(24));
  }
  clock_.advance(std::chrono::hours(24));
  const StoredTrace kept = put_in(*node.store, samples_.native("{}"));
  const Retention retention{{samples_.project, clock_.now() - std::chrono::hours(12)}};
  node.store->keep(retention);
  other.store->keep(retention);
  while (count("SELECT count(*) FROM traces") > 1) std::this_thread::yield();
  while (count("SELECT count(*) FROM trace_days() AS d (day) WHERE to_timestamp(day * 86400.0) < "
               "'2026-11-20'") > 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(count("SELECT count(*) FROM trace_identities"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM trace_spans"), 0);
  EXPECT_TRUE(get(node, kept.id));
  EXPECT_EQ(put_in(*other.store, samples_.native("{}", "run-0")).fate, Fate::created);
}

TEST_F(TracesOfNodes, ABodyThatWasChangedInTheDatabaseIsNeverShown) {
  Node& node = add_node();
  const StoredTrace native = put_in(*node.store, samples_.native("{\"data\":1}"));
  const StoredTrace otlp = put_in(*node.store, samples_.otlp(std::string(32, 'a'), {"1"}));
  run("UPDATE traces SET body = '{\"data\":2}'::bytea WHERE source = 0");
  run("UPDATE trace_spans SET body = '{\"spanId\":\"2\"}'::bytea");
  for (const Uuid& id : {native.id, otlp.id}) {
    EXPECT_EQ(node.store->get(samples_.project, id, "", 10).error().reason(), "trace_damaged");
  }
}

TEST_F(TracesOfNodes, ARowThatWasDamagedIsNeverShown) {
  Node& node = add_node();
  const StoredTrace native = put_in(*node.store, samples_.native("{\"data\":1}", "run"));
  const StoredTrace otlp = put_in(*node.store, samples_.otlp(std::string(32, 'a'), {"1", "2"}));
  const auto expect_damaged = [&](const Uuid& id) {
    const auto trace = node.store->get(samples_.project, id, "", 10);
    ASSERT_FALSE(trace);
    EXPECT_EQ(trace.error().reason(), "trace_damaged");
  };
  EXPECT_TRUE(get(node, native.id));
  EXPECT_TRUE(get(node, otlp.id));
  run("UPDATE traces SET row_check = row_check # 1 WHERE source = 0");
  expect_damaged(native.id);
  EXPECT_EQ(node.store->list({.project = samples_.project}).value().rows.size(), 1u);
  EXPECT_EQ(node.store->damaged(), 2u);
  run("UPDATE trace_spans SET row_check = row_check # 1 WHERE span_id = '2'");
  expect_damaged(otlp.id);
  run("DELETE FROM trace_spans WHERE span_id = '2'");
  expect_damaged(otlp.id);
  run("UPDATE traces SET span_count = 1 WHERE source = 1");
  EXPECT_TRUE(get(node, otlp.id));
  run("DELETE FROM trace_contexts");
  expect_damaged(otlp.id);
}

// It knows no checks, and updates names and spans beside a node that does.
TEST_F(TracesOfNodes, WhatTheVersionBeforeChangedIsShown) {
  Node& node = add_node();
  const StoredTrace stored = put_in(*node.store, samples_.otlp(std::string(32, 'a'), {"1"}));
  run("UPDATE traces SET name = 'other', revision = 2");
  run("UPDATE trace_spans SET start = 7");
  EXPECT_EQ(get(node, stored.id)->row.name, "other");
  EXPECT_EQ(count("SELECT count(row_check) FROM traces"), 0);
  EXPECT_EQ(count("SELECT count(row_check) FROM trace_spans"), 0);
  put_in(*node.store, samples_.otlp(std::string(32, 'a'), {"1"}));
  EXPECT_TRUE(get(node, stored.id));
  EXPECT_EQ(count("SELECT count(row_check) FROM traces"), 1);
  EXPECT_EQ(count("SELECT count(row_check) FROM trace_spans"), 1);
}

TEST_F(TracesOfNodes, WhileTheDatabaseIsAwayNothingIsTakenAndThenItGoesOn) {
  Node node(url_, system_clock_, random_);
  const StoredTrace before = put_in(*node.store, samples_.native("{}"));
  server->stop();
  std::vector<TraceWrite> writes;
  writes.push_back(samples_.native("{}"));
  const auto refused = submit_to(*node.store, writes);
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_GT(refused.error().retry_after_seconds(), 0);
  const auto unread = node.store->get(samples_.project, before.id, "", 10);
  EXPECT_EQ(unread.error().code(), Code::unavailable);
  EXPECT_GT(unread.error().retry_after_seconds(), 0);
  server->start_again();
  while (!submit_to(*node.store, writes)) std::this_thread::yield();
  EXPECT_TRUE(get(node, before.id));
  EXPECT_EQ(count("SELECT count(*) FROM traces"), 2);
}

}  // namespace
}  // namespace keywright::traces
