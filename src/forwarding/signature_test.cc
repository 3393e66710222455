#include "forwarding/signature.h"

#include <gtest/gtest.h>

namespace keywright::forwarding {
namespace {

// The vector that the libraries of Standard Webhooks are tested with.
TEST(Signature, IsTheOneOfStandardWebhooks) {
  EXPECT_EQ(signature_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                         1614265330, "{\"test\": 2432232314}"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, DependsOnEverythingThatIsSigned) {
  constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string signature = signature_of(kSecret, "msg_1", 1, "{}");
  EXPECT_NE(signature, signature_of(kSecret, "msg_2", 1, "{}"));
  EXPECT_NE(signature, signature_of(kSecret, "msg_1", 2, "{}"));
  EXPECT_NE(signature, signature_of(kSecret, "msg_1", 1, "{ }"));
  EXPECT_NE(signature, signature_of("whsec_AAAA", "msg_1", 1, "{}"));
}

TEST(Signature, WhatIsNoSecretSignsNothing) {
  EXPECT_EQ(signature_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a", 1, ""), "");
  EXPECT_EQ(signature_of("whsec_%%%", "a", 1, ""), "");
}

}  // namespace
}  // namespace keywright::forwarding
