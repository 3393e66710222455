#include "app/blot.h"

#include <gtest/gtest.h>

#include "app/harness_test.h"

namespace keywright::app {
namespace {

TEST(Blot, NamesStayAsTheyAreAndTokensAreNotShown) {
  Harness h;
  const std::string token =
      h.call("keys.create", h.owner, R"({"kind":"access","name":"k"})").text("key");
  EXPECT_EQ(blotted("search"), "search");
  EXPECT_EQ(blotted(token), "(a token)");
  EXPECT_EQ(blotted(h.owner), "(a token)");
  EXPECT_EQ(blotted(std::string(1000, 'a')).size(), kShownNameMax);
  EXPECT_EQ(blotted_path("/api/v1/keys/" + token + "/rotate"), "/api/v1/keys/(a token)/rotate");
  EXPECT_EQ(blotted_path("/api/v1/keys"), "/api/v1/keys");
  EXPECT_EQ(blotted_path("/"), "/");
}

}  // namespace
}  // namespace keywright::app
