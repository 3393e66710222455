// What keeps this door bounded: bytes under way, the log of what did not arrive, blotted keys.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "ingest/budget.h"
#include "ingest/decode.h"
#include "ingest/unrouted.h"
#include "traces/sqlite_trace_store.h"

namespace keywright::ingest {
namespace {

TEST(Budget, NoKeyTakesTheRoomOfTheOthers) {
  Budget budget(100, 60);
  Budget::Share noisy(budget, "noisy");
  EXPECT_TRUE(noisy.grow(60));
  EXPECT_FALSE(noisy.grow(1));
  {
    Budget::Share other(budget, "other");
    EXPECT_TRUE(other.grow(40));
    EXPECT_FALSE(other.grow(1));  // of all
    EXPECT_EQ(budget.taken(), 100u);
  }
  EXPECT_EQ(budget.taken(), 60u);
  Budget::Share same(budget, "noisy");
  EXPECT_FALSE(same.grow(1));
}

class UnroutedTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = traces::SqliteTraceStore::open(folder_, {.free_bytes_min = 0}, clock_, random_);
    ASSERT_TRUE(store) << store.error().detail();
    store_ = std::move(*store);
  }
  void TearDown() override {
    store_->stop();
    std::filesystem::remove_all(folder_);
  }

  static domain::ProjectId project(std::size_t n) {
    return {Uuid{{static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}}};
  }
  static app::UnroutedTrace trace(std::int64_t at, std::string reason = "A") {
    app::UnroutedTrace made;
    made.time = from_unix_milliseconds(at);
    made.key_id = "key";
    made.reason = std::move(reason);
    return made;
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("keywright-unrouted-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
  TestClock clock_;
  SeededRandom random_{7};
  std::unique_ptr<traces::TraceStore> store_;
};

TEST_F(UnroutedTest, CountsByKeyAndReasonAndKeepsTheLastOnes) {
  UnroutedLog log(*store_);
  for (int i = 0; i < 150; ++i) {
    app::UnroutedTrace one = trace(i, i % 3 == 0 ? "A" : "B");
    one.user_agent = std::string(5000, 'x');
    log.note(project(1), std::move(one));
  }
  const auto report = log.report(project(1));
  ASSERT_TRUE(report);
  ASSERT_EQ(report->items.size(), UnroutedLog::kLastMax);
  EXPECT_EQ(report->items.front().time, from_unix_milliseconds(149));
  EXPECT_EQ(report->items.front().user_agent.size(), UnroutedLog::kTextMax);
  ASSERT_EQ(report->counts.size(), 2u);
  EXPECT_EQ(report->counts[0].count, 50);
  EXPECT_EQ(report->counts[1].count, 100);
  EXPECT_TRUE(log.report(project(2))->items.empty());
  store_->stop();
}

TEST_F(UnroutedTest, OneEntryMayStandForSeveralTraces) {
  UnroutedLog log(*store_);
  log.note(project(1), trace(1), 5);
  log.note(project(1), trace(2), 3);
  const auto report = log.report(project(1));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->items.size(), 2u);
  EXPECT_EQ(report->counts.at(0).count, 8);
  EXPECT_EQ(log.total(), 8u);
  store_->stop();
}

TEST_F(UnroutedTest, WhatComesAgainAndAgainDoesNotPushOutTheRest) {
  UnroutedLog log(*store_);
  log.note(project(1), trace(0, "A"));
  for (int i = 0; i < 300; ++i) {  // for five minutes, once a second
    log.note(project(1), trace(i * 1000, "LIMITED"), 1, UnroutedLog::Listing::once_a_minute);
  }
  const auto report = log.report(project(1));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->items.size(), 6u);
  EXPECT_EQ(report->items.back().reason, "A");
  EXPECT_EQ(report->counts.at(1).count, 300);
  store_->stop();
}

TEST_F(UnroutedTest, ProjectsThatWereQuietForLongestAreForgotten) {
  UnroutedLog log(*store_);
  for (std::size_t i = 0; i <= UnroutedLog::kProjectsMax; ++i) {
    log.note(project(i), trace(static_cast<std::int64_t>(i)));
  }
  EXPECT_TRUE(log.report(project(0))->items.empty());
  EXPECT_EQ(log.report(project(1))->items.size(), 1u);
  store_->stop();
}

TEST_F(UnroutedTest, WhatTwoProcessesKeepIsAddedUp) {
  UnroutedLog here(*store_);
  UnroutedLog there(*store_);
  here.note(project(1), trace(1));
  there.note(project(1), trace(2));
  here.keep();
  there.keep();
  here.note(project(1), trace(3));
  store_->stop();  // what was handed over is kept before it ends

  SetUp();
  UnroutedLog later(*store_);
  later.note(project(1), trace(4));
  const auto report = later.report(project(1));
  ASSERT_TRUE(report);
  ASSERT_EQ(report->counts.size(), 1u);
  EXPECT_EQ(report->counts[0].count, 3);
  ASSERT_EQ(report->items.size(), 3u);
  EXPECT_EQ(report->items.front().time, from_unix_milliseconds(4));
  EXPECT_EQ(report->items.back().time, from_unix_milliseconds(1));
  store_->stop();
}

TEST(BlotOut, EveryPlaceOfTheTokenAndNothingElse) {
  std::string body = R"({"a":"mibo_0123456789","b":["xmibo_0123456789x","mibo_012345678"]})";
  blot_out(body, "mibo_0123456789");
  EXPECT_EQ(body, R"({"a":"mibo_******6789","b":["xmibo_******6789x","mibo_012345678"]})");
  blot_out(body, "");
  EXPECT_NE(body.find("mibo_012345678\""), std::string::npos);
}

TEST(Decode, TellsBodiesApartByWhatTheyHold) {
  EXPECT_TRUE(decode(R"({"data":{}})", Form::json, Door::any)->native);
  EXPECT_TRUE(decode(R"({"resourceSpans":[]})", Form::json, Door::any)->otlp);
  EXPECT_TRUE(decode("{}", Form::json, Door::otlp)->otlp);
  EXPECT_TRUE(decode("", Form::protobuf, Door::any)->otlp);
  EXPECT_FALSE(decode("{}", Form::json, Door::any));
  EXPECT_FALSE(decode(R"({"data":{}})", Form::json, Door::otlp));
  EXPECT_FALSE(decode(R"({"data":{},"resourceSpans":[]})", Form::json, Door::any));
}

TEST(Decode, WhatIsRefusedMayStillBeKnownAsOtlp) {
  const auto is_otlp = [](const char* body) {
    bool told = false;
    EXPECT_FALSE(decode(body, Form::json, Door::any, &told)) << body;
    return told;
  };
  EXPECT_TRUE(is_otlp(R"({"resourceSpans":7})"));
  EXPECT_TRUE(is_otlp(R"( { "resourceSpans" : [)"));
  EXPECT_TRUE(is_otlp(R"({"extra":1,"resourceSpans":7})"));
  EXPECT_FALSE(is_otlp(R"({"data":7})"));
  EXPECT_FALSE(is_otlp("{"));
}

TEST(Decode, HalfACharacterCostsItsPlaceAndNoMore) {
  const auto native = decode(R"({"data":{"a":"\ud83d"}})", Form::json, Door::any);
  ASSERT_TRUE(native);
  EXPECT_EQ(native->body, R"({"data":{"a":"\ufffd"}})");
  const auto otlp = decode(
      R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101",)"
      R"("spanId":"0101010101010101","name":"\ude00"}]}]}]})",
      Form::json, Door::any);
  ASSERT_TRUE(otlp);
  EXPECT_EQ(otlp->otlp->traces.size(), 1u);
}

TEST(Decode, HalfACharacterNamesNoPlatform) {
  for (const char* body :
       {R"({"data":{},"platformId":"\ud83d"})",
        R"({"data":{},"metadata":{"chatflowId":"a\ud83d"}})",
        R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name",)"
        R"("value":{"stringValue":"\ud83d"}}]},"scopeSpans":[{"spans":[{"traceId":)"
        R"("01010101010101010101010101010101","spanId":"0101010101010101"}]}]}]})"}) {
    const auto refused = decode(body, Form::json, Door::any);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().reason(), "malformed_json") << body;
  }
  EXPECT_FALSE(decode(R"({"data":{"\ud83d":1,"\ud83e":2}})", Form::json, Door::any));
}

TEST(Decode, MetadataThatIsTooLongIsTooLarge) {
  const std::string long_text(64 * 1024, 'x');
  const auto refused =
      decode(R"({"data":{},"metadata":{"x":")" + long_text + "\"}}", Form::json, Door::any);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "metadata_too_large");
  EXPECT_TRUE(decode(R"({"data":{"x":")" + long_text + "\"}}", Form::json, Door::any));
}

}  // namespace
}  // namespace keywright::ingest
