#include "api/targets/body.h"

#include <gtest/gtest.h>

namespace keywright::api_targets {
namespace {

std::string problem_of(std::string_view text, const TextRules& rules) {
  auto body = Body::read(text);
  if (!body) return body.error().problems().front().message;
  body->text("name", rules);
  const auto good = body->problems();
  return good ? "" : good.error().problems().front().message;
}

TEST(Body, AnAbsentFieldIsFineUnlessItIsRequired) {
  EXPECT_EQ(problem_of("", {}), "");
  EXPECT_EQ(problem_of("{}", {}), "");
  EXPECT_EQ(problem_of("", {.required = true}), "This field is required.");
}

TEST(Body, OnlyTextIsText) {
  for (std::string_view text : {R"({"name":1})", R"({"name":true})", R"({"name":["a"]})",
                                R"({"name":{}})", R"({"name":1.5})"}) {
    EXPECT_EQ(problem_of(text, {}), "Not a valid string.") << text;
  }
  EXPECT_EQ(problem_of(R"({"name":null})", {}), "This field may not be null.");
  EXPECT_EQ(problem_of("{\"name\":\"a\\u0000b\"}", {}), "Null characters are not allowed.");
}

TEST(Body, LengthIsCountedInCharacters) {
  const TextRules three{.longest = 3};
  EXPECT_EQ(problem_of(R"({"name":"äöü"})", three), "");
  EXPECT_EQ(problem_of(R"({"name":"  äöü "})", three), "");
  EXPECT_EQ(problem_of(R"({"name":"äöüx"})", three),
            "Ensure this field has no more than 3 characters.");
}

TEST(Body, BlanksAtTheEndsDoNotCountExceptInPasswords) {
  EXPECT_EQ(problem_of(R"({"name":" \t "})", {.may_be_blank = false}),
            "This field may not be blank.");
  auto body = Body::read(R"({"name":" a b "})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->text("name", {}), "a b");
  EXPECT_EQ(body->text("name", {.trimmed = false}), " a b ");
}

TEST(Body, WhatIsNoObjectHasAProblemAsAWhole) {
  EXPECT_EQ(problem_of("[]", {}), "Invalid data. Expected a dictionary, but got list.");
  EXPECT_EQ(problem_of("3", {}), "Invalid data. Expected a dictionary, but got int.");
  EXPECT_TRUE(problem_of("{", {}).starts_with("JSON parse error - "));
  EXPECT_EQ(Body::read("[]").error().problems().front().field, kNoField);
}

TEST(Body, EveryProblemIsToldAtOnce) {
  auto body = Body::read(R"({"a":1,"c":"x","unknown":{}})");
  ASSERT_TRUE(body);
  body->text("a", {});
  body->text("b", {.required = true});
  body->text("c", {});
  const auto problems = body->problems();
  ASSERT_FALSE(problems);
  ASSERT_EQ(problems.error().problems().size(), 2u);
  EXPECT_EQ(problems.error().problems()[0].field, "a");
  EXPECT_EQ(problems.error().problems()[1].field, "b");
}

}  // namespace
}  // namespace keywright::api_targets
