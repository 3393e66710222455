// What people are told when a document is not as it must be.
#include <string>

#include <gtest/gtest.h>

#include "json/codec.h"

namespace keywright::json {
namespace {

enum class Size : unsigned char { small, large };
KW_DESCRIBE_ENUM(Size, small, large)

struct Scope {
  std::vector<Uuid> ids;
  bool all = false;
};
KW_DESCRIBE(Scope, field<&Scope::ids>("ids", "Ids.", min_items(1), max_items(3)),
            field<&Scope::all>("all", "All."))

struct Compared {
  std::string text;
};
KW_DESCRIBE(Compared, field<&Compared::text>("text", "Only compared.", any_text))

struct Order {
  std::string name;
  std::string code;
  std::string pin;
  std::string title;
  std::int64_t count = 1;
  std::int64_t any = 0;
  std::int64_t positive = 1;
  std::int64_t capped = 1;
  std::int32_t small = 0;
  std::uint32_t natural = 0;
  std::uint64_t huge = 0;
  std::uint64_t huge_capped = 0;
  double ratio = 0;
  double share = 0;
  bool flag = false;
  Size size = Size::small;
  std::optional<Scope> scope;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  Raw metadata;
  std::optional<Time> expires_at;
  Patch<std::string> note;
  std::optional<Cidr> network;
  Secret<std::string> password;
  std::string status;
  std::string hash;
  std::string kind;
};
KW_DESCRIBE(Order, field<&Order::name>("name", "", required, non_blank, max_length(10)),
            field<&Order::code>("code", "", min_length(2), max_length(4)),
            field<&Order::pin>("pin", "", min_length(4), max_length(4)),
            field<&Order::title>("title", "", min_length(3)),
            field<&Order::count>("count", "", minimum(1), maximum(5)),
            field<&Order::any>("any", ""), field<&Order::positive>("positive", "", minimum(1)),
            field<&Order::capped>("capped", "", maximum(9)), field<&Order::small>("small", ""),
            field<&Order::natural>("natural", ""), field<&Order::huge>("huge", ""),
            field<&Order::huge_capped>("huge_capped", "", maximum(100)),
            field<&Order::ratio>("ratio", ""),
            field<&Order::share>("share", "", minimum(0), maximum(1)),
            field<&Order::flag>("flag", ""), field<&Order::size>("size", ""),
            field<&Order::scope>("scope", ""), field<&Order::tags>("tags", "", max_length(3)),
            field<&Order::labels>("labels", "", max_items(1), max_length(3)),
            field<&Order::metadata>("metadata", "", object_only, max_length(20)),
            field<&Order::expires_at>("expires_at", ""),
            field<&Order::note>("note", "", not_null, max_length(5)),
            field<&Order::network>("network", ""),
            field<&Order::password>("password", "", write_only, min_length(3)),
            field<&Order::status>("status", "", read_only),
            field<&Order::hash>("hash", "", stored_only),
            field<&Order::kind>("kind", "", keyword("red, blue")))

// The problems of {"name":"n",<members>}, one to a line.
std::string problems(const std::string& members, DecodeOptions options = {}) {
  const auto order =
      decode<Order>("{\"name\":\"n\"" + (members.empty() ? "" : "," + members) + "}", options);
  if (order) return "";
  EXPECT_EQ(order.error().code(), Code::invalid_argument);
  if (order.error().reason() != "invalid_request") return order.error().detail();
  std::string text;
  for (const FieldProblem& problem : order.error().problems()) {
    if (!text.empty()) text += "\n";
    text += problem.field + ": " + problem.message;
  }
  return text;
}

TEST(Rules, NothingIsSaidOfAGoodDocument) {
  EXPECT_EQ(problems(""), "");
  EXPECT_EQ(problems(R"("code":"éüß","pin":"日本の鍵","count":5,"huge":18446744073709551615,)"
                     R"("scope":{"ids":["019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8"]},"kind":"green",)"
                     R"("metadata":{"a":1},"small":-2147483648,"ratio":1,"share":0.5,"any":1e3,)"
                     R"("labels":{"any key":"abc"},"expires_at":"2026-11-20T23:33:51+01:00")"),
            "");
}

TEST(Rules, RequiredFieldsMustBeThere) {
  const auto order = decode<Order>("{}");
  ASSERT_FALSE(order);
  EXPECT_EQ(order.error().detail(), "name: is required");
  EXPECT_EQ(decode<Order>(R"({"name":null})").error().detail(),
            "name: must be a string of at most 10 characters");
}

TEST(Rules, StringsHaveTheirLengthInCharacters) {
  EXPECT_EQ(problems(R"("code":"x")"), "code: must be a string of 2 to 4 characters");
  EXPECT_EQ(problems(R"("code":"éüßäö")"), "code: must be a string of 2 to 4 characters");
  EXPECT_EQ(problems(R"("code":7)"), "code: must be a string of 2 to 4 characters");
  EXPECT_EQ(problems(R"("pin":"12345")"), "pin: must be a string of exactly 4 characters");
  EXPECT_EQ(problems(R"("title":"日本")"), "title: must be a string of at least 3 characters");
  EXPECT_EQ(problems(R"("tags":["abc",1,"abcd"])"),
            "tags[1]: must be a string of at most 3 characters\n"
            "tags[2]: must be a string of at most 3 characters");
  EXPECT_EQ(problems(R"("password":"pw")"), "password: must be a string of at least 3 characters");
}

TEST(Rules, BlankMeansWhiteSpaceOfAnyKind) {
  for (const std::string_view name : {"", " ", "\\t\\n", "\\u00a0", "\\u2003\\u3000 ", "\\u200b"}) {
    const auto order = decode<Order>("{\"name\":\"" + std::string(name) + "\"}");
    ASSERT_FALSE(order) << name;
    EXPECT_EQ(order.error().detail(), "name: must not be blank");
  }
  EXPECT_TRUE(decode<Order>("{\"name\":\"\\u3000x\"}"));
}

TEST(Rules, ANameIsOneLineWithoutControlCharacters) {
  for (const std::string_view name : {"a\\nb", "a\\tb", "\\u0007x", "x\\u007f", "x\\u0085y",
                                      "a\\u2028b", "\\u202eabc", "a\\u2066b"}) {
    const auto order = decode<Order>("{\"name\":\"" + std::string(name) + "\"}");
    ASSERT_FALSE(order) << name;
    EXPECT_EQ(order.error().detail(), "name: must be one line, without control characters");
  }
  for (const std::string_view name :
       {"\\u00a0x", "\\u00e9", "\\u202f1", "\\u2030", "\\u206ax", "a\\u200dx"}) {
    EXPECT_TRUE(decode<Order>("{\"name\":\"" + std::string(name) + "\"}")) << name;
  }
  EXPECT_TRUE(decode<Order>("{\"name\":\"x\",\"title\":\"two\\nlines\"}"));
}

TEST(Rules, NulIsInNoStringThatIsKept) {
  EXPECT_EQ(problems(R"("kind":"a\u0000b")"), "kind: must not contain the character U+0000");
  EXPECT_EQ(problems(R"("password":"abc\u0000")"),
            "password: must not contain the character U+0000");
  const auto compared = decode<Compared>(R"({"text":"a\u0000b"})");
  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->text, std::string("a\0b", 3));
}

TEST(Rules, NumbersHaveTheirRange) {
  EXPECT_EQ(problems(R"("count":0)"), "count: must be an integer from 1 to 5");
  EXPECT_EQ(problems(R"("count":6)"), "count: must be an integer from 1 to 5");
  EXPECT_EQ(problems(R"("count":"3")"), "count: must be an integer from 1 to 5");
  EXPECT_EQ(problems(R"("count":2.5)"), "count: must be an integer from 1 to 5");
  EXPECT_EQ(problems(R"("any":9223372036854775808)"), "any: must be an integer");
  EXPECT_EQ(problems(R"("positive":0)"), "positive: must be an integer of at least 1");
  EXPECT_EQ(problems(R"("capped":10)"), "capped: must be an integer of at most 9");
  EXPECT_EQ(problems(R"("small":2147483648)"),
            "small: must be an integer from -2147483648 to 2147483647");
  EXPECT_EQ(problems(R"("natural":-1)"), "natural: must be an integer from 0 to 4294967295");
  EXPECT_EQ(problems(R"("huge":-1)"), "huge: must be an integer of at least 0");
  EXPECT_EQ(problems(R"("huge_capped":18446744073709551615)"),
            "huge_capped: must be an integer from 0 to 100");
  EXPECT_EQ(problems(R"("ratio":"1")"), "ratio: must be a number");
  EXPECT_EQ(problems(R"("share":1.5)"), "share: must be a number from 0 to 1");
}

TEST(Rules, OtherShapesSayWhatTheyAre) {
  EXPECT_EQ(problems(R"("flag":1)"), "flag: must be true or false");
  EXPECT_EQ(problems(R"("size":"medium")"), "size: must be one of: small, large");
  EXPECT_EQ(problems(R"("size":0)"), "size: must be one of: small, large");
  EXPECT_EQ(problems(R"("tags":"a")"), "tags: must be a list");
  EXPECT_EQ(problems(R"("scope":[])"), "scope: must be an object");
  EXPECT_EQ(problems(R"("labels":[])"), "labels: must be an object of at most 1 members");
  EXPECT_EQ(problems(R"("labels":{"a":"1","b":"2"})"),
            "labels: must be an object of at most 1 members");
  EXPECT_EQ(problems(R"("labels":{"a":1})"), "labels.a: must be a string of at most 3 characters");
  EXPECT_EQ(problems(R"("metadata":[])"), "metadata: must be an object");
  EXPECT_EQ(problems(R"("metadata":{"key":"0123456789a"})"),
            "metadata: must be at most 20 bytes of JSON text");
  EXPECT_EQ(problems(R"("expires_at":"tomorrow")"),
            "expires_at: must be an RFC 3339 time such as \"2026-11-20T22:33:51Z\"");
  EXPECT_EQ(problems(R"("network":"192.0.2.7/24")"),
            "network: must be an IP network such as \"192.0.2.0/24\", without bits set after its "
            "prefix");
  EXPECT_EQ(problems(R"("note":null)"), "note: must not be null");
  EXPECT_EQ(problems(R"("note":"123456")"), "note: must be a string of at most 5 characters");
}

TEST(Rules, PathsLeadToTheField) {
  EXPECT_EQ(problems(R"("scope":{"ids":["019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8","x"],"al":true})"),
            "scope.ids[1]: must be a UUID\n"
            "scope.al: unknown field; did you mean \"all\"?");
  EXPECT_EQ(problems(R"("scope":{"ids":[]})"), "scope.ids: must be a list of 1 to 3 items");
}

TEST(Rules, UnknownFieldsAreRefusedWithASuggestion) {
  EXPECT_EQ(problems(R"("expires":1)"), "expires: unknown field; did you mean \"expires_at\"?");
  EXPECT_EQ(problems(R"("expries_at":1)"),
            "expries_at: unknown field; did you mean \"expires_at\"?");
  EXPECT_EQ(problems(R"("Name":1)"), "Name: unknown field; did you mean \"name\"?");
  EXPECT_EQ(problems(R"("zzzzzz":1)"), "zzzzzz: unknown field");
  EXPECT_EQ(problems(R"("statuses":1)"), "statuses: unknown field");  // read-only: no advice
  EXPECT_EQ(problems("\"" + std::string(2000, 'x') + "\":1"),
            std::string(64, 'x') + "...: unknown field");
}

TEST(Rules, WhatOnlyTheStoreKnowsIsUnknownAndReadOnlyIsSaidSo) {
  EXPECT_EQ(problems(R"("hash":"x")"), "hash: unknown field");
  EXPECT_EQ(problems(R"("status":"x")"), "status: is read-only");
}

TEST(Rules, UnknownAndReadOnlyFieldsCanBeIgnored) {
  const auto order = decode<Order>(R"({"name":"n","status":"x","hash":"y","other":{"a":[1]}})",
                                   {.unknown_fields = UnknownFields::ignore});
  ASSERT_TRUE(order);
  EXPECT_EQ(order->status, "");
  EXPECT_EQ(order->hash, "");
}

TEST(Rules, TheStoreIsNotHeldToThem) {
  const auto order = decode<Order>(R"({"name":"  a name that became too long  ","count":99})",
                                   {.form = Form::store});
  ASSERT_TRUE(order);
  EXPECT_EQ(order->count, 99);
  EXPECT_FALSE(decode<Order>(R"({"count":"x"})", {.form = Form::store}));
}

TEST(Rules, AllProblemsAreInOneError) {
  const auto order = decode<Order>(R"({"count":0,"flag":1,"size":2})");
  ASSERT_FALSE(order);
  EXPECT_EQ(order.error().problems().size(), 4u);
  EXPECT_EQ(order.error().detail(), "count: must be an integer from 1 to 5 (and 3 more problems)");
  EXPECT_EQ(decode<Order>(R"({"flag":1})").error().detail(),
            "flag: must be true or false (and 1 more problem)");
}

TEST(Rules, ProblemsAreCountedOnlySoFar) {
  std::string tags = "\"tags\":[";
  for (int i = 0; i < 1000; ++i) tags += "1,";
  const auto order = decode<Order>("{\"name\":\"n\"," + tags + "1]}");
  ASSERT_FALSE(order);
  EXPECT_EQ(order.error().problems().size(), 32u);
  EXPECT_NE(order.error().detail().find("(and at least 31 more problems)"), std::string::npos);
}

TEST(Rules, AListWithoutALimitHasOneNevertheless) {
  std::string tags = "\"tags\":[\"a\"";
  for (int i = 0; i < 10'000; ++i) tags += ",\"a\"";
  EXPECT_EQ(problems(tags + "]"), "tags: must have at most 10000 items");
}

TEST(Rules, TheDocumentItselfMustBeAnObject) {
  for (const std::string_view text : {"[]", "1", "null", "\"x\""}) {
    const auto order = decode<Order>(text);
    ASSERT_FALSE(order);
    EXPECT_EQ(order.error().reason(), "invalid_request");
    EXPECT_EQ(order.error().detail(), "The document must be an object");
  }
}

TEST(Rules, TextThatIsNoJsonIsSaidToBeMalformed) {
  EXPECT_EQ(problems("\"a\":1,\"a\":2"), "One object has the key \"a\" twice.");
  EXPECT_EQ(decode<Order>("{").error().reason(), "malformed_json");
}

}  // namespace
}  // namespace keywright::json
