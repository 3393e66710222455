#include <atomic>
#include <thread>

#include "traces/conformance/conformance.h"

namespace keywright::traces {
namespace {

TEST_P(TraceStoreConformance, WhatIsStoredIsReadAtOnceAndAfterOpeningAnew) {
  const std::string body = "{\"data\":\"" + std::string(2000, 'x') + "\"}";
  const StoredTrace stored = put(native(body, "run-1"));
  EXPECT_EQ(stored.fate, Fate::created);
  for (int round = 0; round < 2; ++round) {
    const auto trace = get(stored.id);
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->body, body);
    EXPECT_EQ(trace->row.platform, platform_);
    EXPECT_EQ(trace->row.external_id, "run-1");
    EXPECT_EQ(trace->row.warnings, (std::vector<std::string>{"metadata_mismatch", "another"}));
    open();
  }
}

TEST_P(TraceStoreConformance, TheSameExternalIdReplacesOrLeavesUnchanged) {
  const StoredTrace first = put(native("{\"v\":1}", "run-1"));
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(put(native("{\"v\":1}", "run-1")).fate, Fate::unchanged);
  const StoredTrace second = put(native("{\"v\":2}", "run-1"));
  EXPECT_EQ(second.fate, Fate::updated);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.revision, 2);
  EXPECT_GT(second.updated_at, first.updated_at);
  EXPECT_EQ(get(first.id)->body, "{\"v\":2}");
  EXPECT_EQ(listed().size(), 1u);
  open();
  EXPECT_EQ(put(native("{\"v\":2}", "run-1")).fate, Fate::unchanged);
}

TEST_P(TraceStoreConformance, AnExternalIdCountsForItsPlatformAndItsSource) {
  put(native("{}", "run-1"));
  TraceWrite elsewhere = native("{}", "run-1");
  elsewhere.platform = {ids_.next()};
  EXPECT_EQ(put(std::move(elsewhere)).fate, Fate::created);
  EXPECT_EQ(put(otlp("run-1", {"1"})).fate, Fate::created);
  EXPECT_EQ(put(native("{}")).fate, Fate::created);
  EXPECT_EQ(put(native("{}")).fate, Fate::created);
  EXPECT_EQ(listed().size(), 5u);
}

TEST_P(TraceStoreConformance, SpansJoinInAnyOrderAndReplaceThemselves) {
  const StoredTrace stored = put(otlp("t", {"3"}));
  put(otlp("t", {"1"}, "root"));
  put(otlp("t", {"3", "2"}));
  const auto trace = get(stored.id);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->row.span_count, 3);
  EXPECT_EQ(trace->row.name, "root");
  ASSERT_EQ(trace->spans.size(), 3u);
  EXPECT_EQ(trace->spans[0], R"({"spanId":"1","resource":{}})");
  EXPECT_EQ(trace->spans[2], R"({"spanId":"3","resource":{}})");
  const auto page = get(stored.id, "", 2);
  EXPECT_EQ(page->spans.size(), 2u);
  EXPECT_EQ(get(stored.id, page->next_spans, 2)->spans.size(), 1u);
}

TEST_P(TraceStoreConformance, ATraceHasNoMoreSpansThanAllowed) {
  open(3);
  const StoredTrace stored = put(otlp("t", {"1", "2", "3", "4", "5"}));
  EXPECT_EQ(stored.spans_refused, 2);
  EXPECT_EQ(put(otlp("t", {"1", "6"})).spans_refused, 1);
  EXPECT_EQ(get(stored.id)->row.span_count, 3);
}

TEST_P(TraceStoreConformance, ListsAreNewestFirstFilteredAndPaged) {
  std::vector<Uuid> ids;
  const Time begin = clock_.now();
  for (int i = 0; i < 5; ++i) {
    TraceWrite write = native("{}");
    if (i == 2) write.status = "error";
    ids.push_back(put(std::move(write)).id);
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(listed(), std::vector<Uuid>(ids.rbegin(), ids.rend()));
  EXPECT_EQ(listed({.status = "error"}), std::vector{ids[2]});
  EXPECT_EQ(listed({.from = begin + std::chrono::seconds(3)}), (std::vector{ids[4], ids[3]}));
  EXPECT_EQ(listed({.to = begin + std::chrono::seconds(1)}), std::vector{ids[0]});
  EXPECT_TRUE(listed({.platforms = {{domain::PlatformId{ids_.next()}}}}).empty());
  EXPECT_TRUE(listed({.platforms = std::vector<domain::PlatformId>()}).empty());
  Query query{.project = project_, .limit = 2};
  const Page first = store_->list(query).value();
  put(native("{}"));  // does not move what follows
  query.cursor = first.next;
  const Page second = store_->list(query).value();
  EXPECT_EQ(second.rows[0].id, ids[2]);
  query.cursor = "nonsense";
  EXPECT_EQ(store_->list(query).error().reason(), "invalid_cursor");
}

TEST_P(TraceStoreConformance, SeveralPlatformsAreOneList) {
  TraceWrite other = native("{}");
  const domain::PlatformId second{ids_.next()};
  other.platform = second;
  const Uuid a = put(native("{}")).id;
  const Uuid b = put(std::move(other)).id;
  const Uuid c = put(native("{}")).id;
  EXPECT_EQ(listed({.platforms = {{platform_, second}}}), (std::vector{c, b, a}));
}

TEST_P(TraceStoreConformance, AnotherProjectSeesNothing) {
  const StoredTrace stored = put(native("{}"));
  EXPECT_FALSE(store_->get({ids_.next()}, stored.id, "", 10).value());
  EXPECT_TRUE(store_->list({.project = {ids_.next()}}).value().rows.empty());
}

TEST_P(TraceStoreConformance, WritesOfOneSubmissionAreStoredTogether) {
  std::vector<TraceWrite> writes;
  writes.push_back(otlp("a", {"1"}));
  writes.push_back(otlp("b", {"1"}));
  writes.push_back(otlp("a", {"2"}));
  const auto stored = submit(std::move(writes)).value();
  ASSERT_EQ(stored.size(), 3u);
  EXPECT_EQ(stored[0].id, stored[2].id);
  EXPECT_EQ(get(stored[0].id)->row.span_count, 2);
}

TEST_P(TraceStoreConformance, AfterStoppingNothingIsTaken) {
  store_->stop();
  std::vector<TraceWrite> writes;
  writes.push_back(native("{}"));
  EXPECT_EQ(submit(std::move(writes)).error().code(), Code::unavailable);
}

TEST_P(TraceStoreConformance, WhatIsOlderThanItsProjectKeepsIsDropped) {
  for (int i = 0; i < 250; ++i) put(native("{}"));
  put(otlp("t", {"1", "2"}));
  clock_.advance(std::chrono::hours(48));
  const Uuid fresh = put(native("{}")).id;
  store_->keep({{project_, clock_.now() - std::chrono::hours(24)}});
  while (listed({.limit = 500}).size() != 1) std::this_thread::yield();
  EXPECT_EQ(listed(), std::vector{fresh});
  store_->keep({});  // the project is gone
  while (!listed().empty()) std::this_thread::yield();
  EXPECT_EQ(put(otlp("t", {"1"})).fate, Fate::created);
}

TEST_P(TraceStoreConformance, ManySendersShareCommits) {
  std::promise<void> all;
  std::atomic<int> left{500};
  for (int i = 0; i < 500; ++i) {
    std::vector<TraceWrite> writes;
    writes.push_back(native("{}"));
    store_->submit(std::move(writes), [&](const auto& stored) {
      EXPECT_TRUE(stored);
      if (left.fetch_sub(1) == 1) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_LT(store_->commits(), 500u);
  EXPECT_EQ(listed({.limit = 1000}).size(), 500u);
}

}  // namespace
}  // namespace keywright::traces
