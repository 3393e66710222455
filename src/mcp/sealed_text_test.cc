#include "mcp/sealed_text.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "crypto/keyring.h"

namespace keywright::mcp {
namespace {

class Sessions : public ::testing::Test {
 protected:
  TestClock clock_;
  SeededRandom random_{3};
  crypto::Keyring keyring_ = crypto::Keyring::generate(clock_, random_);
  const SessionBinding binding_{"server", "owner", "key"};
};

TEST_F(Sessions, ASessionOpensForTheOneItWasMadeFor) {
  const std::string id = seal_session(keyring_.sealer(), "upstream-1", binding_, random_);
  EXPECT_EQ(open_session(keyring_.sealer(), id, binding_), "upstream-1");
  EXPECT_TRUE(std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
}

TEST_F(Sessions, AnybodyElsesDoesNotOpen) {
  const std::string id = seal_session(keyring_.sealer(), "upstream-1", binding_, random_);
  for (const SessionBinding& other :
       {SessionBinding{"other", "owner", "key"}, SessionBinding{"server", "other", "key"},
        SessionBinding{"server", "owner", "other"}, SessionBinding{"serve", "rowner", "key"}}) {
    EXPECT_FALSE(open_session(keyring_.sealer(), id, other));
  }
  EXPECT_FALSE(open_session(keyring_.sealer(), "upstream-1", binding_));
  EXPECT_FALSE(open_session(keyring_.sealer(), id + "A", binding_));
  EXPECT_FALSE(open_session(keyring_.sealer(), "", binding_));
}

TEST_F(Sessions, ASessionSurvivesANewDigestKey) {
  const std::string id = seal_session(keyring_.sealer(), "upstream-1", binding_, random_);
  const auto rotated = keyring_.rotated(clock_, random_);
  ASSERT_TRUE(rotated);
  EXPECT_EQ(open_session(rotated->sealer(), id, binding_), "upstream-1");
}

}  // namespace
}  // namespace keywright::mcp
