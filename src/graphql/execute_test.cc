#include "graphql/execute.h"

#include <gtest/gtest.h>

#include "graphql/print_schema.h"
#include "graphql/test_schema.h"

namespace keywright::graphql {
namespace {

// One request, and how often it had to wait.
struct Ran {
  std::string out;
  int waits = 0;
};

Task<void> run_to_end(Execution& execution, int& waits) {
  while (!execution.advance()) {
    ++waits;
    co_await execution.wait();
  }
}

Ran run(TestWorld& world, std::string_view text, std::string_view variables = "{}",
        std::string_view name = "") {
  static const auto schema = test_schema();
  Arena arena;
  auto json = json::Document::parse(variables);
  const Prepared prepared = prepare(*schema, {text, name, json->root()}, Limits{}, arena);
  Ran ran;
  if (!prepared.faults.empty()) {
    write_refusal(ran.out, prepared.faults, text);
    return ran;
  }
  Execution execution(*schema, prepared, text, arena, &world);
  start_detached(run_to_end(execution, ran.waits));
  execution.write(ran.out);
  return ran;
}

std::string answer(std::string_view text, std::string_view variables = "{}") {
  TestWorld world;
  return run(world, text, variables).out;
}

TEST(Execution, FieldsComeInTheOrderTheyWereAskedFor) {
  EXPECT_EQ(R"({"data":{"pet":{"b":"Tom","name":"Tom","__typename":"Cat","age":3}}})",
            answer("{ pet(index: 0) { b: name ...F __typename ... on Cat { age name } } } "
                   "fragment F on Pet { name ... on Dog { slow } }"));
}

TEST(Execution, SelectionsOfOneNameAreMerged) {
  EXPECT_EQ(R"({"data":{"pet":{"friend":{"name":"Rex","slow":"Rex"}}}})",
            answer("{ pet(index: 0) { friend { name } friend { slow name } } }"));
}

TEST(Execution, SkipAndIncludeDecide) {
  EXPECT_EQ(R"({"data":{"pet":{"b":"Tom"}}})",
            answer("query($no: Boolean!) { pet(index: 0) { a: name @include(if: $no) "
                   "b: name @skip(if: $no) ... @skip(if: true) { c: name } } }",
                   R"({"no":false})"));
}

TEST(Execution, NullGoesUpToTheNearestFieldThatMayBeNull) {
  EXPECT_EQ(R"({"data":{"pet":null},"errors":[{"message":"broken","locations":[{"line":1,)"
            R"("column":37}],"path":["pet","brokenToo"],"extensions":{"code":"CONFLICT",)"
            R"("field":"input"}}]})",
            answer("{ pet(index: 0) { name ... on Cat { brokenToo } } }"));
  EXPECT_EQ(R"({"data":null,"errors":[{"message":"broken","locations":[{"line":1,"column":23}],)"
            R"("path":["pets",0,"brokenToo"],"extensions":{"code":"CONFLICT","field":"input"}}]})",
            answer("{ pets { ... on Cat { brokenToo } } }"));
  EXPECT_EQ(R"({"data":{"pet":null}})", answer("{ pet(index: 9) { name } }"));
}

TEST(Execution, WhatAnswersFromMemoryNeverWaits) {
  TestWorld world;
  EXPECT_EQ(0, run(world, "{ pets { name } }").waits);
}

TEST(Execution, EqualReadsAreMadeOnce) {
  TestWorld world;
  const Ran ran = run(world, "{ pets { slow friend { slow } } }");
  EXPECT_EQ(1, ran.waits);
  EXPECT_EQ(3, world.reads);
  EXPECT_EQ(R"({"data":{"pets":[{"slow":"Tom","friend":{"slow":"Rex"}},{"slow":"Rex","friend":)"
            R"({"slow":"Rex"}},{"slow":"Ada","friend":{"slow":"Rex"}}]}})",
            ran.out);
}

TEST(Execution, MutationsRunOneAfterTheOther) {
  TestWorld world;
  const Ran ran = run(world,
                      "mutation { a: change(text: \"1\") { slow } b: change(text: \"2\") { name } "
                      "a: change(text: \"1\") { name } }");
  EXPECT_EQ("12", world.done);
  EXPECT_EQ(R"({"data":{"a":{"slow":"Tom","name":"Tom"},"b":{"name":"Tom"}}})", ran.out);
}

TEST(Execution, InputsTakeTheirDefaults) {
  EXPECT_EQ(R"({"data":{"echo":"nothing"}})", answer("{ echo }"));
  EXPECT_EQ(R"({"data":{"echo":"none"}})", answer("{ echo(what: {}) }"));
  EXPECT_EQ(R"({"data":{"echo":"x,7"}})", answer("{ echo(what: {text: \"x\", many: 7}) }"));
  EXPECT_EQ(R"({"data":{"echo":"none,1,2"}})",
            answer("query($t: Thing) { echo(what: $t) }", R"({"t":{"many":[1,2]}})"));
  EXPECT_EQ(R"({"data":{"echo":"none,5"}})",
            answer("query($n: Int! = 5) { echo(what: {many: [$n]}) }"));
  EXPECT_EQ(R"({"data":{"echo":"nothing"}})", answer("query($t: Thing) { echo(what: $t) }"));
}

TEST(Execution, VariablesThatDoNotFitAreRefused) {
  const auto refusal = [](std::string_view variables) {
    return answer("query($t: Thing!) { echo(what: $t) }", variables);
  };
  EXPECT_NE(std::string::npos, refusal("{}").find("of required type"));
  EXPECT_NE(std::string::npos, refusal(R"({"t":null})").find("must not be null"));
  EXPECT_NE(std::string::npos, refusal(R"({"t":{"text":5}})").find(R"(at \"t.text\")"));
  EXPECT_NE(std::string::npos, refusal(R"({"t":{"many":[1,99999999999]}})").find("32-bit"));
  EXPECT_NE(std::string::npos, refusal(R"({"t":{"colour":"GREEN"}})").find("GREEN"));
  EXPECT_NE(std::string::npos, refusal(R"({"t":{"other":1}})").find("is not defined"));
}

TEST(Execution, TheOperationIsChosenByName) {
  TestWorld world;
  const std::string_view two = "query A { echo } query B { pets { name } }";
  EXPECT_EQ(R"({"data":{"echo":"nothing"}})", run(world, two, "{}", "A").out);
  EXPECT_NE(std::string::npos, run(world, two).out.find("Must provide operation name"));
  EXPECT_NE(std::string::npos, run(world, two, "{}", "C").out.find("Unknown operation"));
}

TEST(Execution, TheSchemaTellsAboutItself) {
  EXPECT_EQ(R"({"data":{"__type":{"kind":"ENUM","enumValues":[{"name":"RED"},{"name":"BLUE"}]}}})",
            answer("{ __type(name: \"Colour\") { kind enumValues { name } } }"));
  EXPECT_EQ(R"({"data":{"__schema":{"queryType":{"name":"Query"},"subscriptionType":null}}})",
            answer("{ __schema { queryType { name } subscriptionType { name } } }"));
}

TEST(Schema, IsPrintedAsText) {
  const std::string sdl = print_schema(*test_schema());
  EXPECT_TRUE(sdl.starts_with("\"\"\"Roots.\"\"\"\ntype Query {\n  \"\"\"All.\"\"\"\n  pets(\n"))
      << sdl;
  EXPECT_NE(std::string::npos, sdl.find("  text: String! = \"none\"\n"));
  EXPECT_EQ(std::string::npos, sdl.find("__Type"));
}

}  // namespace
}  // namespace keywright::graphql
