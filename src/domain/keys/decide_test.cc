#include "domain/keys/decide.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "domain/keys/decide_world.h"

namespace keywright::domain {
namespace {

TEST(Decide, TokensOfNoKnownFormAreNotEvenLookedUp) {
  World world("access");
  for (std::string token :
       {std::string("garbage"), std::string(), std::string(5000, 'a'), std::string("kwa_short")}) {
    world.token = token;
    EXPECT_EQ(world.decide().outcome, Outcome::malformed);
  }
  EXPECT_EQ(world.records.lookups, 0);
}

TEST(Decide, ImportedTokensOfAnyFormAreFoundWhereThereAreSuch) {
  World world("access");
  world.records.by_token["sk_live_of_another_system"] = &world.key;
  world.records.by_token["kwa_of_another_system"] = &world.key;
  world.token = "sk_live_of_another_system";
  EXPECT_EQ(world.decide().outcome, Outcome::malformed);
  world.records.foreign_tokens = true;
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.token = "kwa_of_another_system";
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.token = "sk_live_unknown";
  EXPECT_EQ(world.decide().outcome, Outcome::malformed);
  world.token = std::string(5000, 'a');
  EXPECT_EQ(world.decide().outcome, Outcome::malformed);
}

TEST(Decide, AWellFormedTokenThatNobodyHasIsNotFound) {
  for (const Kind& kind : shipped_kinds().all()) {
    World world(kind.name);
    world.records.by_token.clear();
    EXPECT_EQ(world.decide().outcome, Outcome::not_found) << kind.name;
  }
}

TEST(Decide, KeysOfAnotherOrganizationDoNotExistForTheCaller) {
  World world("access");
  world.ask.organization = 0;
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.ask.organization = 1;
  world.ask.explain = true;
  world.key.state = KeyState::revoked;
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::not_found);
  EXPECT_EQ(decision.key, nullptr);
  ASSERT_EQ(decision.failed.size(), 1u) << "nothing else is told";
  EXPECT_EQ(decision.failed[0].code, Outcome::not_found);
}

TEST(Decide, EveryWayToBeRevokedIsRevoked) {
  World by_hand("access");
  by_hand.key.state = KeyState::revoked;
  EXPECT_EQ(by_hand.decide().outcome, Outcome::revoked);
  World rotated("access");
  rotated.key.retires_at = to_unix_milliseconds(kTestNow) + 1;
  EXPECT_EQ(rotated.decide().outcome, Outcome::valid);
  rotated.key.retires_at -= 1;
  EXPECT_EQ(rotated.decide().outcome, Outcome::revoked);
  World keyspace("customer");
  keyspace.records.keyspaces[0].id = {};
  EXPECT_EQ(keyspace.decide().outcome, Outcome::revoked);
}

TEST(Decide, ATimeEqualToTheExpiryIsExpired) {
  World world("personal");
  world.key.expires_at = to_unix_milliseconds(kTestNow) + 1;
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.key.expires_at -= 1;
  EXPECT_EQ(world.decide().outcome, Outcome::expired);
}

TEST(Decide, IdleTimeCountsFromTheLastAcceptedUse) {
  World world("access");
  world.key.idle_timeout_seconds = 101;
  EXPECT_EQ(world.decide().outcome, Outcome::valid) << "created 100 s ago";
  world.records.fake_meter.last_used = kTestNow - std::chrono::seconds(100);
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.records.fake_meter.last_used = {};
  world.key.created_at -= 1000;
  EXPECT_EQ(world.decide().outcome, Outcome::idle_timeout);
  EXPECT_EQ(world.records.fake_meter.last_used, Time{}) << "a refusal is no use";
}

TEST(Decide, AKeyFoundIdleOnceStaysExpired) {
  World world("access");
  world.key.found_idle = true;
  world.records.fake_meter.last_used = kTestNow;
  EXPECT_EQ(world.decide().outcome, Outcome::idle_timeout);
}

TEST(Decide, AKeyWorksWhileItsOwnerIsActiveAnywhere) {
  World world("access");
  Membership away;
  away.organization_id = world.records.organizations[1].id;
  world.records.users[0].memberships.push_back(away);
  world.records.users[0].memberships[0].active = false;
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.records.users[0].memberships[1].active = false;
  EXPECT_EQ(world.decide().outcome, Outcome::owner_inactive);
  world.records.users[0].id = {};
  EXPECT_EQ(world.decide().outcome, Outcome::owner_inactive);
}

TEST(Decide, ADeletedOrganizationEndsTheKeysOfEveryKind) {
  for (const Kind& kind : shipped_kinds().all()) {
    World world(kind.name);
    world.records.organizations[0].id = {};
    EXPECT_EQ(world.decide().outcome, Outcome::owner_inactive) << kind.name;
    world.ask.explain = true;
    world.ask.resource = resource_ref(ResourceType::target, "x");
    EXPECT_EQ(world.decide().outcome, Outcome::owner_inactive) << kind.name;
  }
}

TEST(Decide, EachKindOpensItsAudiencesAndNoOther) {
  for (const Kind& kind : shipped_kinds().all()) {
    for (const json::EnumName& name : json::type_of<Audience>().names) {
      World world(kind.name);
      world.ask.audience = static_cast<Audience>(name.value);
      EXPECT_EQ(world.decide().outcome,
                admits(kind, *world.ask.audience) ? Outcome::valid : Outcome::wrong_audience)
          << kind.name << " at " << name.name;
    }
    World world(kind.name);
    world.ask.audience.reset();
    EXPECT_EQ(world.decide().outcome, Outcome::valid) << "an audience not asked is not checked";
  }
}

TEST(Decide, ARefusedAudienceNamesTheRightKind) {
  World world("access");
  world.ask.audience = Audience::mcp_connect;
  world.ask.explain = true;
  EXPECT_NE(world.decide().failed.at(0).detail.find("connect"), std::string::npos);
}

TEST(DecideIp, OnlyTheNetworksListedMayUseTheKey) {
  World world("access");
  world.policy.allowed_cidrs = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("2001:db8::/32")};
  auto from = [&](const char* address) {
    world.ask.client_ip = *IpAddress::parse(address);
    return world.decide().outcome;
  };
  EXPECT_EQ(from("10.1.2.3"), Outcome::valid);
  EXPECT_EQ(from("2001:db8::1"), Outcome::valid);
  EXPECT_EQ(from("11.0.0.1"), Outcome::ip_not_allowed);
  EXPECT_EQ(from("2001:db9::1"), Outcome::ip_not_allowed);
  world.ask.client_ip = *IpAddress::parse("10.1.2.3");
  world.ask.ip_known = false;
  EXPECT_EQ(world.decide().outcome, Outcome::ip_not_allowed);
  world.ask.ip_known = true;
  world.ask.client_ip.reset();
  EXPECT_EQ(world.decide().outcome, Outcome::ip_not_allowed);
  world.policy.allowed_cidrs.clear();
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
}

TEST(DecideLimits, AllLimitsAreTakenOrNone) {
  World world("access");
  world.policy.limits = {{"a", 10, 60, LimitAlgorithm::gcra},
                         {"b", 2, 60, LimitAlgorithm::fixed},
                         {"c", 10, 60, LimitAlgorithm::gcra}};
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  const Decision refused = world.decide();
  EXPECT_EQ(refused.outcome, Outcome::rate_limited);
  ASSERT_EQ(refused.limits_count, 3);
  EXPECT_EQ(refused.limits[0].answer.remaining, 8);
  EXPECT_EQ(refused.limits[1].answer.remaining, 0);
  EXPECT_EQ(refused.limits[2].answer.remaining, 8);
  EXPECT_EQ(refused.limits[1].limit->name, "b");
  EXPECT_GE(refused.retry_after_seconds, 1);
  EXPECT_EQ(refused.retry_after_seconds, refused.limits[1].answer.retry_after_seconds);
  EXPECT_EQ(world.records.fake_meter.credits, 8);
  EXPECT_EQ(world.records.fake_meter.uses, 2);
}

TEST(DecideLimits, TheLongestWaitIsToldWhenSeveralRefuse) {
  World world("access");
  world.policy.limits = {{"short", 1, 2, LimitAlgorithm::gcra},
                         {"long", 1, 500, LimitAlgorithm::gcra}};
  world.decide();
  EXPECT_EQ(world.decide().retry_after_seconds, 500);
}

TEST(DecideLimits, CreditsThatRunOutGiveTheLimitsBack) {
  World world("access");
  world.ask.cost = 7;
  EXPECT_EQ(world.decide().outcome, Outcome::valid);
  world.ask.cost = 4;
  world.policy.limits[0].limit = world.policy.limits[1].limit = 100;
  const std::int64_t before =
      peek(world.policy.limits[1], world.records.fake_meter.states[1], kTestNow, 0).remaining;
  const Decision refused = world.decide();
  EXPECT_EQ(refused.outcome, Outcome::usage_exceeded);
  EXPECT_EQ(refused.credits_remaining, 3);
  EXPECT_EQ(refused.limits[1].answer.remaining, before);
  EXPECT_EQ(refused.retry_after_seconds, 0) << "nothing will refill them";
  world.policy.refill = Refill{10, RefillInterval::daily};
  EXPECT_EQ(world.decide().retry_after_seconds, 16 * 3600) << "08:00 until midnight";
}

TEST(DecideLimits, ACheckThatCostsNothingReportsAndSpendsNothing) {
  World world("access");
  world.records.fake_meter.credits = 0;
  world.policy.limits[0].limit = 1;
  take(world.policy.limits[0], world.records.fake_meter.states[0], kTestNow, 1);
  for (std::int64_t cost : {0, -5}) {
    world.ask.cost = cost;
    const Decision decision = world.decide();
    EXPECT_EQ(decision.outcome, Outcome::valid);
    EXPECT_EQ(decision.limits_count, 2);
    EXPECT_EQ(decision.limits[0].answer.remaining, 0);
    EXPECT_EQ(decision.limits[1].answer.remaining, 10);
    EXPECT_EQ(decision.credits_remaining, 0);
  }
}

TEST(DecideLimits, TheSecondLookReportsWhatTheFirstLeft) {
  World world("access");
  world.policy.limits[0].limit = 1;
  world.records.fake_meter.credits = 1;
  ASSERT_EQ(world.decide().outcome, Outcome::valid);
  world.ask.spend = false;
  const Decision second = world.decide();
  EXPECT_EQ(second.outcome, Outcome::valid);
  EXPECT_EQ(second.limits[0].answer.remaining, 0);
  EXPECT_EQ(second.credits_remaining, 0);
  world.ask.spend = true;
  EXPECT_EQ(world.decide().outcome, Outcome::rate_limited);
}

TEST(DecideLimits, ExplainTellsEveryLimitThatWouldRefuse) {
  World world("access");
  world.ask.explain = true;
  world.ask.cost = 11;
  const Decision decision = world.decide();
  EXPECT_EQ(decision.outcome, Outcome::rate_limited);
  ASSERT_EQ(decision.failed.size(), 3u);
  EXPECT_NE(decision.failed[0].detail.find("\"burst\""), std::string::npos);
  EXPECT_NE(decision.failed[1].detail.find("\"daily\""), std::string::npos);
  EXPECT_EQ(decision.failed[2].code, Outcome::usage_exceeded);
}

TEST(Decide, ARecordAtHandIsJudgedAsItsTokenIs) {
  World world("access");
  EXPECT_EQ(decide(world.key, world.ask, world.records, kTestNow).outcome, Outcome::valid);
  world.key.state = KeyState::disabled;
  EXPECT_EQ(decide(world.key, world.ask, world.records, kTestNow).outcome, Outcome::disabled);
}

TEST(Outcome, HasTheWireNamesThatCallersRelyOn) {
  EXPECT_EQ(name_of(Outcome::valid), "VALID");
  EXPECT_EQ(name_of(Outcome::ip_not_allowed), "IP_NOT_ALLOWED");
  EXPECT_EQ(name_of(Outcome::usage_exceeded), "USAGE_EXCEEDED");
}

}  // namespace
}  // namespace keywright::domain
