#include "graphql/validate.h"

#include <gtest/gtest.h>

#include "graphql/test_schema.h"

namespace keywright::graphql {
namespace {

// All faults, one a line: "message @line:column,line:column".
std::string faults_of(std::string_view text) {
  static const auto schema = test_schema();
  Arena arena;
  const Parsed parsed = parse(text, arena);
  if (parsed.document == nullptr) return parsed.fault->message;
  std::string all;
  for (const Fault& fault : validate(*schema, *parsed.document)) {
    all += fault.message + " @";
    for (std::uint32_t at : fault.at) {
      const Location place = locate(text, at);
      all += std::to_string(place.line) + ":" + std::to_string(place.column) + " ";
    }
    all.back() = '\n';
  }
  return all;
}

// The rest of the rules is compared with graphql-js: tests/interop/graphql.
TEST(Validation, GoodDocumentsPass) {
  for (const char* text : {
           "{ echo }",
           "query Q($i: Int! = 0) { pet(index: $i) { name ... on Dog { age } } }",
           "{ pet(index: 0) { ...F } } fragment F on Cat { age friend { __typename } }",
           "{ __schema { types { name } } __type(name: \"Cat\") { kind } }",
           "query($c: Colour, $m: [Int!]) { echo(what: {colour: $c, many: $m}) }",
           "{ a: echo(what: {colour: RED, many: 3}) b: echo(what: {many: [1 2]}) }",
           "mutation { change(text: \"x\") { age } }",
           "{ pet(index: 1) { ... on Cat { x: name } ... on Dog { x: name } } }",
       }) {
    EXPECT_EQ("", faults_of(text)) << text;
  }
}

TEST(Validation, EachRuleSaysWhatIsWrongAndWhere) {
  EXPECT_EQ("Cannot query field \"nope\" on type \"Query\". @1:3\n", faults_of("{ nope }"));
  EXPECT_EQ(
      "Field \"pets\" of type \"[Pet!]!\" must have a selection of subfields. Did you mean "
      "\"pets { ... }\"? @1:3\n",
      faults_of("{ pets }"));
  EXPECT_EQ(
      "Field \"pet\" argument \"index\" of type \"Int!\" is required, but it was not "
      "provided. @1:3\n",
      faults_of("{ pet { name } }"));
  EXPECT_EQ("Int cannot represent non-integer value: \"x\" @1:14\n",
            faults_of("{ pet(index: \"x\") { name } }"));
  EXPECT_EQ("Variable \"$i\" of type \"Int\" used in position expecting type \"Int!\". @1:9 1:31\n",
            faults_of("query Q($i: Int) { pet(index: $i) { name } }"));
  EXPECT_EQ("Cannot spread fragment \"A\" within itself via \"B\". @2:21 3:21\n",
            faults_of("{ pets { ...A } }\nfragment A on Pet { ...B }\n"
                      "fragment B on Pet { ...A }"));
  EXPECT_EQ(
      "Fields \"name\" conflict because \"name\" and \"slow\" are different fields. Use "
      "different aliases on the fields to fetch both if this was intentional. @1:10 1:15\n",
      faults_of("{ pets { name name: slow } }"));
  EXPECT_EQ(
      "Fragment cannot be spread here as objects of type \"Cat\" can never be of type "
      "\"Dog\". @1:24\n",
      faults_of("{ pets { ... on Cat {  ... on Dog { age } } } }"));
  EXPECT_EQ(
      "Fields \"age\" conflict because they return conflicting types \"Int\" and \"Int!\". "
      "Use different aliases on the fields to fetch both if this was intentional. "
      "@1:23 1:42\n",
      faults_of("{ pets { ... on Cat { age } ... on Dog { age } } }"));
  EXPECT_EQ("Schema is not configured to execute subscription operation. @1:1\n",
            faults_of("subscription { a }"));
}

TEST(Validation, FaultsAreCounted) {
  std::string text = "{ ";
  for (int i = 0; i < 300; ++i) text += "nope" + std::to_string(i) + " ";
  Arena arena;
  const auto schema = test_schema();
  const Parsed parsed = parse(text += "}", arena);
  EXPECT_EQ(kFaultsMax, validate(*schema, *parsed.document).size());
}

}  // namespace
}  // namespace keywright::graphql
