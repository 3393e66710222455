// What keeps this door bounded: bytes under way, the log of what did not arrive, blotted keys.
#include <gtest/gtest.h>

#include "ingest/budget.h"
#include "ingest/decode.h"
#include "ingest/unrouted.h"

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

TEST(UnroutedLog, CountsByKeyAndReasonAndKeepsTheLastOnes) {
  UnroutedLog log;
  const domain::ProjectId project{Uuid{{1}}};
  for (int i = 0; i < 150; ++i) {
    app::UnroutedTrace trace;
    trace.time = from_unix_milliseconds(i);
    trace.key_id = "key";
    trace.reason = i % 3 == 0 ? "A" : "B";
    trace.user_agent = std::string(5000, 'x');
    log.note(project, std::move(trace));
  }
  const app::UnroutedReport report = log.report(project);
  ASSERT_EQ(report.items.size(), UnroutedLog::kLastMax);
  EXPECT_EQ(report.items.front().time, from_unix_milliseconds(149));
  EXPECT_EQ(report.items.front().user_agent.size(), UnroutedLog::kTextMax);
  ASSERT_EQ(report.counts.size(), 2u);
  EXPECT_EQ(report.counts[0].count, 50);
  EXPECT_EQ(report.counts[1].count, 100);
  EXPECT_TRUE(log.report({Uuid{{2}}}).items.empty());
}

TEST(UnroutedLog, ProjectsThatWereQuietForLongestAreForgotten) {
  UnroutedLog log;
  const auto project = [](std::size_t n) {
    return domain::ProjectId{
        Uuid{{static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}}};
  };
  for (std::size_t i = 0; i <= UnroutedLog::kProjectsMax; ++i) {
    app::UnroutedTrace trace;
    trace.time = from_unix_milliseconds(static_cast<std::int64_t>(i));
    log.note(project(i), std::move(trace));
  }
  EXPECT_TRUE(log.report(project(0)).items.empty());
  EXPECT_EQ(log.report(project(1)).items.size(), 1u);
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

}  // namespace
}  // namespace keywright::ingest
