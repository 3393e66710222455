#include "base/media_type.h"

#include <gtest/gtest.h>

namespace keywright {
namespace {

TEST(MediaType, JsonIsKnownInEitherCaseAndWithParameters) {
  EXPECT_TRUE(is_json_type("application/json"));
  EXPECT_TRUE(is_json_type("Application/JSON; charset=\"UTF-8\""));
  EXPECT_TRUE(is_json_type("application/json ; v=1 ;charset=utf-8"));
}

TEST(MediaType, AnotherCharsetThanUtf8IsNoJson) {
  EXPECT_FALSE(is_json_type("application/json; charset=latin1"));
  EXPECT_FALSE(is_json_type("application/json; charset=utf-8859"));
  EXPECT_FALSE(is_json_type("application/json; charset=\"utf-8"));
}

TEST(MediaType, OtherTypesAreNoJson) {
  EXPECT_FALSE(is_json_type(""));
  EXPECT_FALSE(is_json_type("application/graphql"));
  EXPECT_FALSE(is_json_type("text/plain; a=application/json"));
}

}  // namespace
}  // namespace keywright
