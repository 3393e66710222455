#include "base/result.h"

#include <gtest/gtest.h>

namespace keywright {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(invalid_field("number", "must be even"));
  return number / 2;
}

Result<int> quarter(int number) {
  KW_TRY(int once, half(number));
  KW_TRY(int twice, half(once));
  return twice;
}

Result<void> expect_even(int number) {
  KW_CHECK_OK(half(number));
  return {};
}

TEST(Result, TryBindsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().code(), Code::invalid_argument);
}

TEST(Result, CheckOkPassesErrorsOn) {
  EXPECT_TRUE(expect_even(4));
  EXPECT_FALSE(expect_even(3));
}

TEST(Error, InvalidFieldNamesTheFieldInDetailAndProblem) {
  Error error = invalid_field("expires_at", "must be in the future");
  EXPECT_EQ(error.reason(), "invalid_request");
  EXPECT_EQ(error.detail(), "expires_at: must be in the future");
  ASSERT_EQ(error.problems().size(), 1U);
  EXPECT_EQ(error.problems()[0].field, "expires_at");
  EXPECT_EQ(error.problems()[0].message, "must be in the future");
}

TEST(Error, CarriesWhatWasAdded) {
  Error error = Error(Code::unavailable, "busy", "Try again.")
                    .with_internal("queue full")
                    .with_retry_after_seconds(3)
                    .with_problem("a", "b");
  EXPECT_EQ(error.internal(), "queue full");
  EXPECT_EQ(error.retry_after_seconds(), 3);
  EXPECT_EQ(error.problems().size(), 1U);
}

TEST(Code, EveryCodeHasANameOfItsOwn) {
  std::vector<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    std::string_view name = to_string(static_cast<Code>(i));
    for (std::string_view other : seen) EXPECT_NE(name, other);
    seen.push_back(name);
  }
}

}  // namespace
}  // namespace keywright
