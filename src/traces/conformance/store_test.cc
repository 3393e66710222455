#include <atomic>
#include <limits>
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
  EXPECT_TRUE(
      get(stored.id, std::to_string(std::numeric_limits<std::int64_t>::max()))->spans.empty());
}

TEST_P(TraceStoreConformance, SpansThatAreHereAlreadyChangeNothing) {
  const StoredTrace stored = put(otlp("t", {"1", "2"}, "root"));
  clock_.advance(std::chrono::seconds(1));
  for (const std::vector<std::string>& spans : {std::vector<std::string>{"1", "2"}, {"2"}}) {
    const StoredTrace again = put(otlp("t", spans));
    EXPECT_EQ(again.fate, Fate::unchanged);
    EXPECT_EQ(again.id, stored.id);
    EXPECT_EQ(again.revision, 1);
    EXPECT_EQ(again.updated_at, stored.updated_at);
  }
  TraceWrite elsewhere = otlp("t", {"1"});
  elsewhere.contexts.front() = R"({"resource":{"a":1}})";
  EXPECT_EQ(put(std::move(elsewhere)).fate, Fate::updated);
  TraceWrite later = otlp("t", {"2"});
  later.spans.front().start = 9;
  EXPECT_EQ(put(std::move(later)).revision, 3);
  EXPECT_EQ(put(otlp("t", {"2", "3"})).revision, 4);
  EXPECT_EQ(get(stored.id)->row.revision, 4);
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

TEST_P(TraceStoreConformance, ListsAreOfWhatIsAskedFor) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 8; ++i) {
    TraceWrite write = i < 4 ? native("{}", "run-" + std::to_string(i % 2))
                             : otlp("run-" + std::to_string(i), {"1"}, i < 6 ? "root" : "other");
    if (i == 2 || i == 3) write.platform = {ids_.next()};
    if (i % 2 == 1) write.status = std::string(kStatusError);
    if (i > 2) write.key_id = "another";
    ids.push_back(put(std::move(write)).id);
    clock_.advance(std::chrono::seconds(1));
  }
  const auto of = [&](std::initializer_list<int> numbers) {
    std::vector<Uuid> found;
    for (const int number : numbers) found.push_back(ids[static_cast<std::size_t>(number)]);
    return found;
  };
  EXPECT_EQ(listed({.external_id = "run-1"}), of({3, 1}));
  EXPECT_EQ(listed({.platforms = {{platform_}}, .external_id = "run-1"}), of({1}));
  EXPECT_EQ(listed({.external_id = "run-1", .key_id = "key"}), of({1}));
  EXPECT_EQ(listed({.external_id = "run-5"}), of({5}));
  EXPECT_TRUE(listed({.external_id = "run"}).empty());
  EXPECT_EQ(listed({.key_id = "key"}), of({2, 1, 0}));
  EXPECT_EQ(listed({.name = "root"}), of({5, 4}));
  EXPECT_EQ(listed({.has_error = true}), of({7, 5, 3, 1}));
  EXPECT_EQ(listed({.platforms = {{platform_}}, .has_error = true}), of({7, 5, 1}));
  EXPECT_EQ(listed({.has_error = false}), of({6, 4, 2, 0}));
  EXPECT_EQ(listed({.key_id = "another", .name = "root", .has_error = true}), of({5}));
  EXPECT_EQ(listed({.status = "error", .has_error = true}), of({7, 5, 3, 1}));
  EXPECT_TRUE(listed({.status = "error", .has_error = false}).empty());
  EXPECT_TRUE(listed({.status = "accepted", .has_error = true}).empty());
}

// Also by way of pages with nothing on them.
TEST_P(TraceStoreConformance, ASearchLooksAtSomeAtATimeAndMissesNone) {
  std::vector<Uuid> wanted;
  for (int i = 0; i < 95; ++i) {
    TraceWrite write = native("{}");
    if (i % 3 == 0) write.platform = {samples_.project.value};
    const bool is_wanted = i == 0 || i == 2 || (i > 60 && i < 66) || i == 94;
    if (is_wanted) write.name = "wanted";
    const Uuid id = put(std::move(write)).id;
    if (is_wanted) wanted.insert(wanted.begin(), id);
  }
  const domain::PlatformId other{samples_.project.value};
  for (const auto& platforms : {std::optional<std::vector<domain::PlatformId>>(),
                                std::optional(std::vector{platform_, other})}) {
    Query query{.project = project_, .platforms = platforms, .name = "wanted", .limit = 2};
    query.looked_at_max = 20;
    std::vector<Uuid> found;
    int pages = 0;
    do {
      const Page page = store_->list(query).value();
      EXPECT_LE(page.rows.size(), 2u);
      for (const TraceRow& row : page.rows) found.push_back(row.id);
      query.cursor = page.next;
      ++pages;
    } while (!query.cursor.empty() && pages < 100);
    EXPECT_EQ(found, wanted);
    EXPECT_GT(pages, 4);
  }
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

TEST_P(TraceStoreConformance, ATraceThatIsDroppedIsGoneWithAllThatBelongsToIt) {
  const Uuid kept = put(native("{}", "run-1")).id;
  const Uuid native_id = put(native("{}", "run-2")).id;
  const Uuid otlp_id = put(otlp("t", {"1", "2"})).id;
  EXPECT_FALSE(store_->drop({ids_.next()}, native_id).value());  // of another project
  EXPECT_FALSE(store_->drop(project_, ids_.next()).value());
  EXPECT_TRUE(store_->drop(project_, native_id).value());
  EXPECT_TRUE(store_->drop(project_, otlp_id).value());
  EXPECT_FALSE(store_->drop(project_, otlp_id).value());
  EXPECT_EQ(listed(), std::vector{kept});
  EXPECT_FALSE(get(otlp_id));
  EXPECT_EQ(put(native("{}", "run-2")).fate, Fate::created);
  const StoredTrace again = put(otlp("t", {"3"}));
  EXPECT_EQ(again.fate, Fate::created);
  EXPECT_EQ(get(again.id)->spans.size(), 1u);
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
