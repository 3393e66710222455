#include "cluster/share_plan.h"

#include <algorithm>
#include <array>
#include <random>

#include <gtest/gtest.h>

namespace keywright::cluster {
namespace {

Uuid node(std::uint8_t number) {
  Uuid id;
  id.bytes[15] = number;
  return id;
}

const Uuid kA = node(1), kB = node(2), kC = node(3);

std::int64_t sum(const ShareGroup& group) {
  std::int64_t all = 0;
  for (const auto& [id, row] : group.rows) all += row.amount;
  return all;
}

std::int64_t amount(const ShareGroup& group, const Uuid& id) {
  const auto found = group.rows.find(id);
  return found == group.rows.end() ? 0 : found->second.amount;
}

class SharePlanTest : public testing::Test {
 protected:
  ShareAsk ask(const Uuid& me, std::int64_t begun) const {
    return {.me = me, .live = live_, .all = 300, .since = 1, .begun = begun};
  }

  std::vector<Uuid> live_{kA, kB, kC};
  ShareGroup group_;
};

TEST_F(SharePlanTest, TheFirstTakesItForGrantedThatTheOthersHaveTheRest) {
  EXPECT_EQ(agree_on(group_, ask(kA, 100)).amount, 100);
  EXPECT_EQ(amount(group_, kB), 100);
  EXPECT_EQ(amount(group_, kC), 100);
  EXPECT_EQ(sum(group_), 300);
  EXPECT_EQ(group_.epoch, 1);
}

TEST_F(SharePlanTest, WhatWasSpentIsGoneAndNobodyElses) {
  ShareAsk first = ask(kA, 100);
  first.spent = 40;
  const ShareAnswer answer = agree_on(group_, first);
  EXPECT_EQ(answer.amount, 60);
  EXPECT_EQ(answer.elsewhere, 200);
  EXPECT_EQ(sum(group_), 260);
}

TEST_F(SharePlanTest, ANodeThatJoinsHasNothingOfAGroupThatWasBegun) {
  live_ = {kA, kB};
  agree_on(group_, ask(kA, 150));
  live_.push_back(kC);
  EXPECT_EQ(agree_on(group_, ask(kC, 100)).amount, 0);
  EXPECT_EQ(sum(group_), 300);
}

TEST_F(SharePlanTest, WhoWantsIsGivenWhatOthersDoNotUse) {
  ShareAsk hungry = ask(kA, 100);
  hungry.spent = 100;
  hungry.wants = true;
  EXPECT_EQ(agree_on(group_, hungry).amount, 0);
  EXPECT_EQ(agree_on(group_, ask(kB, 100)).amount, 25);
  EXPECT_EQ(amount(group_, Uuid{}), 75);
  hungry = ask(kA, 0);
  hungry.wants = true;
  EXPECT_EQ(agree_on(group_, hungry).amount, 75);
  EXPECT_EQ(sum(group_), 200);
}

TEST_F(SharePlanTest, WhatIsInUseIsNotGivenAway) {
  ShareAsk hungry = ask(kA, 100);
  hungry.wants = true;
  agree_on(group_, hungry);
  ShareAsk busy = ask(kB, 100);
  busy.used = 90;
  EXPECT_GE(agree_on(group_, busy).amount, 90);
  busy = ask(kC, 100);
  busy.kept = 95;
  EXPECT_GE(agree_on(group_, busy).amount, 95);
}

TEST_F(SharePlanTest, WhatANodeGaveOutBeyondItsRowIsTakenFromTheNextThatHasSome) {
  live_ = {kA, kB};
  agree_on(group_, ask(kA, 100));  // takes it for granted that the other has 200
  live_.push_back(kC);
  ShareAsk late = ask(kC, 100);
  late.spent = 80;
  EXPECT_EQ(agree_on(group_, late).amount, 0);
  EXPECT_EQ(amount(group_, Uuid{}), -80);
  EXPECT_EQ(agree_on(group_, ask(kB, 200)).amount, 120);
  EXPECT_EQ(amount(group_, Uuid{}), 0);
  EXPECT_EQ(sum(group_), 220);
}

TEST_F(SharePlanTest, WhatAGoneNodeHadIsInThePool) {
  agree_on(group_, ask(kA, 100));
  live_ = {kA, kB};
  agree_on(group_, ask(kA, 100));
  EXPECT_EQ(amount(group_, Uuid{}), 100);
  EXPECT_EQ(group_.gone, std::vector{kC});
  EXPECT_EQ(sum(group_), 300);
}

TEST_F(SharePlanTest, WhoLeavesGivesEverythingBackAndWhoIsAloneHasEverything) {
  ShareAsk leaving = ask(kA, 100);
  leaving.leaves = true;
  EXPECT_EQ(agree_on(group_, leaving).amount, 0);
  EXPECT_EQ(amount(group_, Uuid{}), 100);
  live_ = {kB};
  EXPECT_EQ(agree_on(group_, ask(kB, 100)).amount, 300);
}

TEST_F(SharePlanTest, ARefillFillsUpOnce) {
  ShareAsk first = ask(kA, 100);
  first.spent = 100;
  first.refill = ShareRefill{.amount = 300, .boundary = 50, .now = 60};
  agree_on(group_, first);
  EXPECT_EQ(sum(group_), 300);
  EXPECT_EQ(group_.epoch, 60);
  ShareAsk second = ask(kB, 100);
  second.spent = 70;  // of what was before the refill
  second.refill = ShareRefill{.amount = 300, .boundary = 50, .now = 61};
  agree_on(group_, second);
  EXPECT_EQ(sum(group_), 300);
}

TEST_F(SharePlanTest, CreditsThatWereSetAgainBeginAnew) {
  agree_on(group_, ask(kA, 100));
  ShareAsk again{.me = kB, .live = live_, .all = 90, .since = 2, .begun = 30};
  agree_on(group_, again);
  EXPECT_EQ(sum(group_), 90);
  EXPECT_EQ(group_.gone.size(), 4u);
}

// Nodes that come, go, spend and are told late: together they never spend more than there was.
TEST(SharePlan, NobodySpendsWhatIsNotThere) {
  constexpr std::int64_t kAll = 1'000;
  struct Member {
    bool lives = false;
    std::int64_t begun = 0;
    std::int64_t left = 0;
  };
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::minstd_rand random(seed);
    const auto below = [&](std::int64_t limit) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
    };
    std::array<Member, 5> members;
    for (std::size_t i = 0; i < 3; ++i) members[i] = {true, kAll / 3, kAll / 3};
    ShareGroup group;
    std::int64_t spent = 0;
    const auto live = [&] {
      std::vector<Uuid> ids;
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].lives) ids.push_back(node(static_cast<std::uint8_t>(i + 1)));
      }
      return ids;
    };
    const auto agree = [&](std::size_t i, bool leaves) {
      Member& member = members[i];
      const ShareAsk ask{.me = node(static_cast<std::uint8_t>(i + 1)),
                         .live = live(),
                         .all = kAll,
                         .since = 1,
                         .begun = member.begun,
                         .spent = member.begun - member.left,
                         .wants = member.left < member.begun / 2 || below(4) == 0,
                         .leaves = leaves};
      member.begun = member.left = agree_on(group, ask).amount;
      ASSERT_EQ(sum(group) + spent, kAll) << seed;
    };
    agree(0, false);
    agree(1, false);
    agree(2, false);
    for (int step = 0; step < 300; ++step) {
      const auto i = static_cast<std::size_t>(below(5));
      Member& member = members[i];
      if (!member.lives) {
        if (below(10) == 0) member = {true, 0, 0};
      } else if (below(20) == 0 && live().size() > 1) {
        agree(i, true);
        member.lives = false;
      } else {
        const std::int64_t use = below(member.left + 1);
        member.left -= use;
        spent += use;
        agree(i, false);
      }
    }
    EXPECT_LE(spent, kAll);
  }
}

}  // namespace
}  // namespace keywright::cluster
