#include <thread>

#include "traces/conformance/conformance.h"

namespace keywright::traces {
namespace {

TEST_P(OutboxConformance, WhatIsStoredForAForwardedPlatformIsQueuedInOrder) {
  put(native("{\"before\":1}"));
  forward(platform_);
  put(native("{\"a\":1}", "a"));
  put(native("{\"b\":1}", "b"));
  put(native("{\"b\":1}", "b"));  // unchanged
  put(native("{\"a\":2}", "a"));
  TraceWrite elsewhere = native("{\"x\":1}");
  elsewhere.platform = {ids_.next()};
  put(std::move(elsewhere));
  const auto rows = queued();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(store_->to_send(rows[0]).value()->body, "{\"a\":2}");  // as it is now
  EXPECT_EQ(store_->to_send(rows[1]).value()->body, "{\"b\":1}");
  EXPECT_EQ(rows[2].revision, 2);
  EXPECT_EQ(store_->queue_state(platform_, 0)->queued, 3);
}

TEST_P(OutboxConformance, TheCursorSurvivesARestart) {
  forward(platform_);
  for (int i = 0; i < 5; ++i) put(native("{\"i\":" + std::to_string(i) + "}"));
  const auto before = queued();
  deliver(before[2].sequence);
  open();
  const auto after = queued();
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].sequence, before[3].sequence);
  EXPECT_EQ(store_->forwardings()->front().state, "{\"n\":1}");
  deliver(after[1].sequence);
  put(native("{}"));
  ASSERT_EQ(queued().size(), 1u);
  EXPECT_GT(queued()[0].sequence, after[1].sequence);  // numbers are never used again
}

TEST_P(OutboxConformance, SpansAreSentWithTheRequestThatBroughtThem) {
  forward(platform_);
  const std::string trace(32, 'a');
  put(otlp(trace, {"1", "2"}));
  put(otlp(std::string(32, 'b'), {"1"}));
  put(otlp(trace, {"3"}));
  TraceWrite again =
      otlp(trace, {"1", "3", "4"});  // the first one as it is now, the third as it was
  again.spans.front().json = pack("{\"spanId\":\"1\",\"now\":1}");
  put(std::move(again));
  put(otlp(trace, {"3", "4"}));  // nothing new
  const auto rows = queued();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(spans_of(rows[0]), (std::vector<std::string>{"{\"spanId\":\"2\"}"}));
  EXPECT_EQ(spans_of(rows[1]), (std::vector<std::string>{"{\"spanId\":\"1\"}"}));
  EXPECT_EQ(spans_of(rows[2]), (std::vector<std::string>{"{\"spanId\":\"3\"}"}));
  EXPECT_EQ(spans_of(rows[3]),
            (std::vector<std::string>{"{\"spanId\":\"1\",\"now\":1}", "{\"spanId\":\"4\"}"}));
}

TEST_P(OutboxConformance, DeadLettersAreListedAndGoBackToTheEndOfTheQueue) {
  forward(platform_);
  const StoredTrace first = put(native("{\"a\":1}"));
  put(native("{\"b\":1}"));
  put(native("{\"c\":1}"));
  auto rows = queued();
  for (int i = 0; i < 2; ++i) {
    work([&](Outbox& outbox) { return outbox.bury({rows[i], clock_.now(), 3, 400, "no"}, "{}"); });
  }
  auto dead = store_->buried(platform_, 1'000, 10).value();
  ASSERT_EQ(dead.size(), 2u);
  EXPECT_EQ(dead[1].trace_id, first.id);
  EXPECT_EQ(dead[1].letter.attempts, 3);
  EXPECT_EQ(dead[1].letter.problem, "no");
  std::int64_t redriven = 0;
  const auto redrive = [&](std::int64_t sequence) {
    work([&](Outbox& outbox) -> Result<void> {
      KW_TRY(redriven, outbox.redrive(platform_, sequence, clock_.now()));
      return {};
    });
    return redriven;
  };
  EXPECT_EQ(redrive(rows[1].sequence), 1);
  EXPECT_EQ(redrive(rows[1].sequence), 0);
  EXPECT_EQ(redrive(0), 1);
  rows = queued();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(store_->to_send(rows[0]).value()->body, "{\"c\":1}");
  EXPECT_EQ(store_->to_send(rows[2]).value()->body, "{\"a\":1}");
  EXPECT_EQ(store_->queue_state(platform_, 0)->dead, 0);
}

TEST_P(OutboxConformance, ANewForwardingDoesNotSendWhatAnEarlierOneLeft) {
  forward(platform_);
  put(native("{\"a\":1}"));
  work([&](Outbox& outbox) { return outbox.remove(platform_); });
  EXPECT_TRUE(queued().empty());
  put(native("{\"b\":1}"));
  forward(platform_);
  EXPECT_TRUE(queued().empty());
  put(native("{\"c\":1}"));
  ASSERT_EQ(queued().size(), 1u);
  EXPECT_EQ(store_->queue_state(platform_, 0)->queued, 1);
}

TEST_P(OutboxConformance, ATraceThatWasForwardedTooOftenGoesNoFurther) {
  forward(platform_);
  TraceWrite write = native("{\"a\":1}");
  write.hops = kHopsMax;
  put(std::move(write));
  EXPECT_TRUE(queued().empty());
}

TEST_P(OutboxConformance, WhatIsDroppedIsNotSent) {
  forward(platform_);
  put(native("{\"a\":1}"));
  const Queued row = queued().front();
  clock_.advance(std::chrono::hours(1));
  store_->keep({{project_, clock_.now()}});
  while (!queued().empty()) std::this_thread::yield();
  EXPECT_FALSE(store_->to_send(row).value());
}

TEST_P(OutboxConformance, ADroppedTraceIsNotSent) {
  forward(platform_);
  const Uuid id = put(native("{\"a\":1}")).id;
  ASSERT_EQ(queued().size(), 1u);
  EXPECT_TRUE(store_->drop(project_, id).value());
  EXPECT_TRUE(queued().empty());
}

TEST_P(OutboxConformance, WhatDidNotArriveIsAddedToWhatIsKeptOfItsProject) {
  const auto add = [&](domain::ProjectId project, std::string added) {
    const auto join = [](std::string_view kept, std::string_view more) {
      return std::string(kept) + std::string(more);
    };
    std::promise<void> done;
    store_->add_unrouted(project, clock_.now(), std::move(added), join,
                         [&](const Result<void>& kept) {
                           EXPECT_TRUE(kept);
                           done.set_value();
                         });
    done.get_future().wait();
  };
  EXPECT_EQ(store_->unrouted(project_).value(), "");
  add(project_, "a");
  add({ids_.next()}, "x");
  add(project_, "b");
  open();
  EXPECT_EQ(store_->unrouted(project_).value(), "ab");
}

}  // namespace
}  // namespace keywright::traces
