#include "graphql/limits.h"

#include <gtest/gtest.h>

#include "graphql/prepare.h"
#include "graphql/test_schema.h"

namespace keywright::graphql {
namespace {

std::string refusal(const std::string& text, Limits limits = {},
                    std::string_view variables = "{}") {
  static const auto schema = test_schema();
  Arena arena;
  auto json = json::Document::parse(variables);
  const Prepared prepared = prepare(*schema, {text, "", json->root()}, limits, arena);
  return prepared.faults.empty() ? "" : prepared.faults.front().message;
}

std::uint64_t cost(const std::string& text, std::string_view variables = "{}") {
  static const auto schema = test_schema();
  Arena arena;
  auto json = json::Document::parse(variables);
  const Prepared prepared = prepare(*schema, {text, "", json->root()}, Limits{}, arena);
  if (!prepared.faults.empty()) ADD_FAILURE() << prepared.faults.front().message;
  return cost_of(*prepared.operation, prepared.variables, Limits{});
}

TEST(Limits, APageCountsEachOfItsItems) {
  EXPECT_EQ(2u, cost("{ pet(index: 0) { name } }"));
  EXPECT_EQ(1u + 10 * 2, cost("{ pets(first: 10) { name slow } }"));
  EXPECT_EQ(1u + 30, cost("query($n: Int) { pets(first: $n) { name } }", R"({"n":30})"));
  EXPECT_EQ(1u + 2, cost("{ pets { name } }"));
  EXPECT_EQ(1u + 500, cost("{ pets(first: 2000000) { name } }"));
}

TEST(Limits, DepthAliasesAndFieldsAreCountedThroughFragments) {
  std::string deep = "{ pet(index: 0) ";
  for (int i = 0; i < 25; ++i) deep += "{ friend ";
  deep += "{ name }";
  for (int i = 0; i < 26; ++i) deep += "}";
  EXPECT_NE(std::string::npos, refusal(deep).find("too deep"));

  std::string aliases = "{ ";
  for (int i = 0; i < 60; ++i) aliases += "a" + std::to_string(i) + ": echo ";
  EXPECT_NE(std::string::npos, refusal(aliases + "}").find("aliases"));

  std::string doubling = "{ pet(index: 0) { ...F0 } } ";
  for (int i = 0; i < 60; ++i) {
    const std::string next = "...F" + std::to_string(i + 1);
    doubling += "fragment F" + std::to_string(i) + " on Pet { " + next + " " + next + " } ";
  }
  doubling += "fragment F60 on Pet { name }";
  EXPECT_NE(std::string::npos, refusal(doubling).find("fields"));
}

TEST(Limits, NestedPagesAreTooComplex) {
  const Limits limits{.cost = 1000};
  EXPECT_EQ("", refusal("{ pets(first: 100) { name } }", limits));
  EXPECT_NE(std::string::npos,
            refusal("{ pets(first: 400) { friend { friend { name } } } }", limits).find("complex"));
}

TEST(Limits, AFragmentWithinItselfIsLeftToValidation) {
  EXPECT_NE(std::string::npos,
            refusal("{ pet(index: 0) { ...A } } fragment A on Pet { friend { ...A } }")
                .find("within itself"));
}

TEST(Limits, LongDocumentsAreNotEvenRead) {
  EXPECT_NE(std::string::npos, refusal(std::string(200'000, ' ')).find("longer"));
}

TEST(Limits, ComparingManyFieldsOfOneNameEnds) {
  std::string same = "{ ";
  for (int i = 0; i < 45; ++i) same += "pet(index: 0) { friend { friend { friend { name } } } } ";
  EXPECT_EQ("", refusal(same + "}", {.root_fields = 100}));
  std::string wide = "{ pet(index: 0) {";
  for (int i = 0; i < 1500; ++i) wide += " name";
  EXPECT_NE(std::string::npos, refusal(wide + "} }").find("same name"));
}

}  // namespace
}  // namespace keywright::graphql
