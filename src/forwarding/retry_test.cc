#include "forwarding/retry.h"

#include <gtest/gtest.h>

namespace keywright::forwarding {
namespace {

using app::ForwardingType;

Verdict of(ForwardingType type, int status, http::HeaderList headers = {}, std::string body = "") {
  http::ClientResponse response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = std::move(body);
  return verdict_of(type, response, TestClock::kStart);
}

TEST(Retry, OfAWebhookWhatPassesIsTriedAgainAndTheRestIsNot) {
  for (int status : {200, 201, 202, 204}) {
    EXPECT_EQ(of(ForwardingType::webhook, status).fate, Fate::delivered) << status;
  }
  for (int status : {408, 425, 429, 500, 501, 502, 503, 504, 520}) {
    EXPECT_EQ(of(ForwardingType::webhook, status).fate, Fate::later) << status;
  }
  for (int status : {301, 302, 307, 400, 401, 403, 404, 409, 413, 422}) {
    EXPECT_EQ(of(ForwardingType::webhook, status).fate, Fate::refused) << status;
  }
  EXPECT_EQ(of(ForwardingType::webhook, 410).fate, Fate::gone);
}

TEST(Retry, OfOtlpOnlyWhatItsSpecificationCallsRetryable) {
  for (int status : {429, 502, 503, 504}) {
    EXPECT_EQ(of(ForwardingType::otlp, status).fate, Fate::later) << status;
  }
  for (int status : {301, 400, 401, 404, 408, 410, 413, 500, 501}) {
    EXPECT_EQ(of(ForwardingType::otlp, status).fate, Fate::refused) << status;
  }
}

TEST(Retry, SpansThatAReceiverRejectsAreToldAndNotSentAgain) {
  const Verdict verdict = of(ForwardingType::otlp, 200, {},
                             R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}})");
  EXPECT_EQ(verdict.fate, Fate::delivered);
  EXPECT_NE(verdict.problem.find("3"), std::string::npos);
  EXPECT_EQ(of(ForwardingType::otlp, 200, {}, "{}").problem, "");

  const auto in_protobuf = [](std::string body) {
    return of(ForwardingType::otlp, 200, {{"Content-Type", "application/x-protobuf"}},
              std::move(body));
  };
  const std::string refused(
      "\x0a\x07\x08\x02\x12\x03"
      "bad");
  EXPECT_EQ(in_protobuf(refused).fate, Fate::delivered);
  EXPECT_NE(in_protobuf(refused).problem.find("2"), std::string::npos);
  for (const std::string& nothing :
       {std::string(), std::string("\x0a\x00", 2), refused.substr(3)}) {
    EXPECT_EQ(in_protobuf(nothing).problem, "");
  }
}

TEST(Retry, WhoCannotBeReachedIsTriedAgain) {
  const Result<http::ClientResponse> lost = fail(Code::unavailable, "connection_lost", "It broke.");
  const Verdict verdict = verdict_of(ForwardingType::webhook, lost, TestClock::kStart);
  EXPECT_EQ(verdict.fate, Fate::later);
  EXPECT_EQ(verdict.problem, "It broke.");
  EXPECT_EQ(verdict.status, 0);
}

TEST(Retry, TheWaitDoublesUpToTenMinutesAndIsSpread) {
  SeededRandom random(3);
  for (std::int64_t failures : {1, 2, 3, 5, 8, 12, 1'000'000}) {
    std::int64_t whole = 600'000;
    if (failures < 11) whole = std::min<std::int64_t>(1'000LL << (failures - 1), whole);
    std::set<std::int64_t> seen;
    for (int i = 0; i < 100; ++i) {
      const auto delay = delay_after(failures, std::nullopt, random).count();
      EXPECT_GE(delay, whole / 2);
      EXPECT_LE(delay, whole);
      seen.insert(delay);
    }
    EXPECT_GT(seen.size(), 20u);
  }
}

TEST(Retry, RetryAfterIsHonoured) {
  SeededRandom random(3);
  EXPECT_EQ(of(ForwardingType::webhook, 503, {{"Retry-After", "7"}}).retry_after,
            std::chrono::seconds(7));
  EXPECT_EQ(of(ForwardingType::webhook, 503, {{"retry-after", "999999"}}).retry_after,
            std::chrono::hours(1));
  EXPECT_EQ(of(ForwardingType::webhook, 503, {{"Retry-After", "soon"}}).retry_after, std::nullopt);
  // TestClock::kStart is 2026-11-18T11:06:40Z.
  EXPECT_EQ(parse_retry_after("Wed, 18 Nov 2026 11:06:50 GMT", TestClock::kStart),
            std::chrono::seconds(10));
  EXPECT_EQ(parse_retry_after("Wed, 18 Nov 2026 11:00:00 GMT", TestClock::kStart),
            std::chrono::seconds(0));
  EXPECT_EQ(delay_after(1, std::chrono::seconds(30), random), std::chrono::seconds(30));
  EXPECT_GE(delay_after(9, std::chrono::seconds(1), random), std::chrono::seconds(100));
}

}  // namespace
}  // namespace keywright::forwarding
