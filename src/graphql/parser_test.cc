#include "graphql/parser.h"

#include <gtest/gtest.h>

#include "graphql/fault.h"

namespace keywright::graphql {
namespace {

// "" when it parses, else the message and where.
std::string problem_of(std::string_view text, std::size_t tokens_max = kTokensMax) {
  Arena arena;
  const Parsed parsed = parse(text, arena, tokens_max);
  if (parsed.document != nullptr) return "";
  const Location location = locate(text, parsed.fault->at.front());
  return parsed.fault->message + " " + std::to_string(location.line) + ":" +
         std::to_string(location.column);
}

std::string string_in(std::string_view literal) {
  Arena arena;
  const ValueNode* value = parse_constant(literal, arena);
  return value == nullptr ? "<none>" : std::string(value->text);
}

TEST(Parser, OperationsFragmentsVariablesAndDirectivesAreRead) {
  Arena arena;
  const Parsed parsed = parse(
      "\"about\" query Q($a: [Int!]! = [1, 2] @d, \"why\" $b: ID) @skip(if: true) {\n"
      "  x: viewer(id: $a, o: {k: ENUM, l: [null, 1.5e3]}) { ...F ... on T @i { y } ... { z } }\n"
      "}\nfragment F on T { id }\nmutation { m }\nsubscription S { s }",
      arena);
  ASSERT_NE(nullptr, parsed.document);
  EXPECT_EQ(3u, parsed.document->operations.size());
  const OperationNode& query = *parsed.document->operations.first();
  EXPECT_EQ("Q", query.name.text);
  EXPECT_EQ(0u, query.at);
  EXPECT_EQ(2u, query.variables.size());
  const Selection& field = *query.selections->items.first();
  EXPECT_EQ("x", field.response_name());
  EXPECT_EQ("viewer", field.name.text);
  EXPECT_EQ(3u, field.selections->items.size());
  EXPECT_EQ("F", parsed.document->fragments.first()->name.text);
}

TEST(Parser, AFaultSaysWhatWasExpectedAndWhere) {
  EXPECT_EQ("Syntax Error: Unexpected <EOF>. 1:1", problem_of(""));
  EXPECT_EQ("Syntax Error: Expected Name, found <EOF>. 1:2", problem_of("{"));
  EXPECT_EQ("Syntax Error: Expected Name, found \"}\". 1:2", problem_of("{}"));
  EXPECT_EQ("Syntax Error: Expected \"on\", found Name \"T\". 2:12",
            problem_of("{ a }\nfragment F T { a }"));
  EXPECT_EQ("Syntax Error: Unexpected Name \"on\". 1:10", problem_of("fragment on on on { on }"));
  EXPECT_EQ("Syntax Error: Unexpected variable \"$b\" in constant value. 1:19",
            problem_of("query Q($a: Int = $b) { x }"));
  EXPECT_EQ("Syntax Error: Unexpected Name \"type\". 1:1", problem_of("type T { a: Int }"));
}

TEST(Parser, NumbersAreStrict) {
  EXPECT_EQ("", problem_of("{ a(x: [0, -0, 12, -1.5, 1e9, 1E-3, 0.0]) }"));
  EXPECT_EQ("Syntax Error: Invalid number, unexpected digit after 0: \"1\". 1:9",
            problem_of("{ a(x: 01) }"));
  EXPECT_EQ("Syntax Error: Invalid number, expected digit but got: \"x\". 1:9",
            problem_of("{ a(x: 0xF) }"));
  EXPECT_EQ("Syntax Error: Invalid number, expected digit but got: \"}\". 1:10",
            problem_of("{ a(x: 1.}) }"));
}

TEST(Parser, EscapesBecomeWhatTheySay) {
  EXPECT_EQ("a\"\\/\b\f\n\r\t", string_in(R"("a\"\\\/\b\f\n\r\t")"));
  EXPECT_EQ("\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
            string_in(R"("\u00e9\u{1F600}\uD83D\uDE00")"));
  EXPECT_EQ("<none>", string_in(R"("\uD83D")"));
  EXPECT_EQ("<none>", string_in(R"("\uDE00\uD83D")"));
  EXPECT_EQ("<none>", string_in(R"("\u{110000}")"));
  EXPECT_EQ("<none>", string_in(R"("\u{}")"));
  EXPECT_EQ("<none>", string_in(R"("\q")"));
  EXPECT_EQ("<none>", string_in("\"a\nb\""));
}

TEST(Parser, BlockStringsLoseTheirCommonIndentation) {
  EXPECT_EQ("Hello,\n  World!\n\nYours",
            string_in("\"\"\"\n    Hello,\n      World!\n\n    Yours\n  \"\"\""));
  EXPECT_EQ("\"\"\"", string_in("\"\"\"\\\"\"\"\"\"\""));
  EXPECT_EQ("", string_in("\"\"\"\n  \n\"\"\""));
}

TEST(Parser, ColumnsCountAsJavaScriptDoes) {
  const std::string text = "{ a(b: \"\xF0\x9F\x98\x80\xC3\xA9\") \xC3\xA9 }";
  EXPECT_EQ("Syntax Error: Unexpected character: U+00E9. 1:15", problem_of(text));
  EXPECT_EQ("Syntax Error: Unexpected character: \"?\". 4:2", problem_of("{\r\na\rb\n ? }"));
}

TEST(Parser, BombsAreStopped) {
  EXPECT_NE("", problem_of(std::string(1000, '{')));
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "{a";
  EXPECT_TRUE(problem_of(deep).starts_with("Syntax Error: Document is nested deeper"));
  std::string list = "{ a(x: ";
  for (int i = 0; i < 200; ++i) list += "[";
  EXPECT_TRUE(problem_of(list).starts_with("Syntax Error: Document is nested deeper"));
  EXPECT_EQ("Syntax Error: Document contains more than 5 tokens. Parsing aborted. 1:11",
            problem_of("{ a b c d e }", 5));
}

}  // namespace
}  // namespace keywright::graphql
