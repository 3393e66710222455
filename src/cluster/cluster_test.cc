#include "cluster/cluster.h"

#include <gtest/gtest.h>

namespace keywright::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FreshnessTest : public testing::Test {
 protected:
  TestClock clock_;
  Freshness freshness_{clock_, seconds(5)};
};

TEST_F(FreshnessTest, NothingIsFreshBeforeTheFirstExtension) {
  EXPECT_FALSE(freshness_.is_fresh());
}

TEST_F(FreshnessTest, ItLastsFromTheMomentThatWasNotedNotFromTheAnswer) {
  const Freshness::Mark asked_at = freshness_.mark();
  clock_.advance(seconds(3));
  freshness_.extend(asked_at);
  EXPECT_TRUE(freshness_.is_fresh());
  EXPECT_EQ(freshness_.age(), seconds(3));
  clock_.advance(milliseconds(1'999));
  EXPECT_TRUE(freshness_.is_fresh());
  clock_.advance(milliseconds(1));
  EXPECT_FALSE(freshness_.is_fresh());
}

TEST_F(FreshnessTest, AWallClockThatMovedFurtherCounts) {
  freshness_.extend(freshness_.mark());
  clock_.set_wall_clock(clock_.now() + seconds(6));
  EXPECT_FALSE(freshness_.is_fresh());
  freshness_.extend(freshness_.mark());
  EXPECT_TRUE(freshness_.is_fresh());
}

TEST_F(FreshnessTest, AWallClockThatWasSetBackGivesNoTime) {
  freshness_.extend(freshness_.mark());
  clock_.set_wall_clock(clock_.now() - std::chrono::hours(1));
  clock_.advance(seconds(5));
  EXPECT_FALSE(freshness_.is_fresh());
}

}  // namespace
}  // namespace keywright::cluster
