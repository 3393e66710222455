// Which check comes first, for every kind and every pair of reasons.

#include <string>

#include <gtest/gtest.h>

#include "domain/keys/decide_world.h"

namespace keywright::domain {
namespace {

constexpr Outcome kRefusals[] = {
    Outcome::malformed,      Outcome::not_found,
    Outcome::revoked,        Outcome::expired,
    Outcome::idle_timeout,   Outcome::disabled,
    Outcome::owner_inactive, Outcome::wrong_audience,
    Outcome::out_of_scope,   Outcome::insufficient_permission,
    Outcome::ip_not_allowed, Outcome::rate_limited,
    Outcome::usage_exceeded,
};

// Credits and limits as they were, no use noted.
void expect_nothing_spent(const World& world, std::int64_t credits, std::int64_t burst,
                          std::int64_t daily) {
  EXPECT_EQ(world.records.fake_meter.uses, 0);
  EXPECT_EQ(world.records.fake_meter.credits, credits);
  EXPECT_EQ(peek(world.policy.limits[0], world.records.fake_meter.states[0], kTestNow, 1).remaining,
            burst);
  EXPECT_EQ(peek(world.policy.limits[1], world.records.fake_meter.states[1], kTestNow, 1).remaining,
            daily);
}

class DecideOrder : public testing::TestWithParam<std::string> {};

TEST_P(DecideOrder, AKeyWithNothingAgainstItIsValidAndSpends) {
  World world(GetParam());
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::valid);
  EXPECT_EQ(decision.key, &world.key);
  EXPECT_EQ(decision.limits_count, 2);
  EXPECT_EQ(decision.limits[0].answer.remaining, 9);
  EXPECT_EQ(decision.limits[1].answer.remaining, 9);
  EXPECT_EQ(decision.credits_remaining, 9);
  EXPECT_EQ(decision.retry_after_seconds, 0);
  EXPECT_EQ(world.records.fake_meter.uses, 1);
  EXPECT_EQ(world.records.fake_meter.last_address, world.ask.client_ip);
}

TEST_P(DecideOrder, EveryReasonAloneRefusesAndSpendsNothing) {
  for (Outcome outcome : kRefusals) {
    World world(GetParam());
    world.break_with(outcome);
    const std::int64_t credits = world.records.fake_meter.credits;
    const std::int64_t daily = outcome == Outcome::rate_limited ? 0 : 10;
    const Decision decision = world.decide();
    EXPECT_EQ(decision.outcome, outcome) << name_of(outcome);
    const bool known = outcome != Outcome::malformed && outcome != Outcome::not_found;
    EXPECT_EQ(decision.key != nullptr, known) << name_of(outcome);
    EXPECT_TRUE(decision.failed.empty());
    expect_nothing_spent(world, credits, 10, daily);
  }
}

TEST_P(DecideOrder, OfTwoReasonsTheEarlierIsGivenAndNothingIsSpent) {
  for (std::size_t early = 0; early < std::size(kRefusals); ++early) {
    for (std::size_t late = early + 1; late < std::size(kRefusals); ++late) {
      World world(GetParam());
      world.break_with(kRefusals[late]);
      world.break_with(kRefusals[early]);
      const std::int64_t credits = world.records.fake_meter.credits;
      const bool limited =
          kRefusals[early] == Outcome::rate_limited || kRefusals[late] == Outcome::rate_limited;
      EXPECT_EQ(world.decide().outcome, kRefusals[early])
          << name_of(kRefusals[early]) << " before " << name_of(kRefusals[late]);
      expect_nothing_spent(world, credits, 10, limited ? 0 : 10);
    }
  }
}

TEST_P(DecideOrder, ExplainNamesEveryReasonInOrderAndSpendsNothing) {
  World world(GetParam());
  for (std::size_t i = 2; i < std::size(kRefusals); ++i) {
    // Without its owner nothing can be said of what the owner reaches: left out here.
    if (kRefusals[i] != Outcome::owner_inactive) world.break_with(kRefusals[i]);
  }
  world.ask.explain = true;
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::revoked);
  std::size_t at = 0;
  for (std::size_t i = 2; i < std::size(kRefusals); ++i) {
    if (kRefusals[i] == Outcome::owner_inactive) continue;
    ASSERT_LT(at, decision.failed.size());
    EXPECT_EQ(decision.failed[at].code, kRefusals[i]);
    EXPECT_FALSE(decision.failed[at].check.empty());
    EXPECT_TRUE(decision.failed[at].detail.ends_with('.')) << decision.failed[at].detail;
    ++at;
  }
  EXPECT_EQ(at, decision.failed.size());
  expect_nothing_spent(world, 0, 10, 0);
}

TEST_P(DecideOrder, ExplainOfAValidKeyIsValidAndSpendsNothing) {
  World world(GetParam());
  world.ask.explain = true;
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::valid);
  EXPECT_TRUE(decision.failed.empty());
  EXPECT_EQ(decision.credits_remaining, 10);
  expect_nothing_spent(world, 10, 10, 10);
}

TEST_P(DecideOrder, ExplainAgreesWithThePlainDecision) {
  for (Outcome outcome : kRefusals) {
    World world(GetParam());
    world.break_with(outcome);
    world.ask.explain = true;
    const Decision decision = world.decide();
    EXPECT_EQ(decision.outcome, outcome);
    ASSERT_GE(decision.failed.size(), 1u) << name_of(outcome);
    EXPECT_EQ(decision.failed[0].code, outcome);
  }
}

TEST_P(DecideOrder, TheSecondLookRefusesForEveryReasonButCounters) {
  for (Outcome outcome : kRefusals) {
    World world(GetParam());
    world.break_with(outcome);
    world.ask.spend = false;
    const bool counter = outcome == Outcome::rate_limited || outcome == Outcome::usage_exceeded;
    EXPECT_EQ(world.decide().outcome, counter ? Outcome::valid : outcome) << name_of(outcome);
    EXPECT_EQ(world.records.fake_meter.uses, 0);
  }
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : shipped_kinds().all()) names.push_back(kind.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(AllKinds, DecideOrder, testing::ValuesIn(kind_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace keywright::domain
