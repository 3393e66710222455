#include "json/document.h"

#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "json/malformed.h"
#include "json/raw.h"
#include "json/writer.h"

namespace keywright::json {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// "" if the text is accepted, else what people are told.
std::string refusal(std::string_view text) {
  const auto document = Document::parse(text);
  if (document) return "";
  EXPECT_EQ(document.error().code(), Code::invalid_argument);
  EXPECT_EQ(document.error().reason(), "malformed_json");
  return document.error().detail();
}

std::string compact(std::string_view text) {
  const auto raw = Raw::parse(text);
  return raw ? std::string(raw->view()) : "refused: " + raw.error().detail();
}

TEST(Document, GivesEveryKindOfValue) {
  const auto document = Document::parse(
      R"( {"a": null, "b": true, "c": -7, "d": 1.5, "e": "x\u00e9\n", "f": [1, "2"], "g": {}} )");
  ASSERT_TRUE(document);
  const Value root = document->root();
  EXPECT_EQ(root.kind(), ValueKind::object);
  EXPECT_EQ(root.size(), 7u);
  EXPECT_TRUE(root.find("a")->is_null());
  EXPECT_EQ(root.find("b")->as_bool(), true);
  EXPECT_EQ(root.find("c")->as_int64(), -7);
  EXPECT_EQ(root.find("d")->as_double(), 1.5);
  EXPECT_EQ(root.find("e")->as_string(), "xé\n");
  EXPECT_EQ(root.find("f")->size(), 2u);
  EXPECT_EQ(root.find("g")->kind(), ValueKind::object);
  EXPECT_FALSE(root.find("h"));
  std::string keys;
  for (const Member member : root.members()) keys += member.key;
  EXPECT_EQ(keys, "abcdefg");
  std::vector<ValueKind> kinds;
  for (const Value item : root.find("f")->items()) kinds.push_back(item.kind());
  EXPECT_EQ(kinds, (std::vector{ValueKind::integer, ValueKind::string}));
}

TEST(Document, AValueOfAnotherKindAnswersNothing) {
  const auto document = Document::parse(R"(["x", 1, 1.5, true, null])");
  ASSERT_TRUE(document);
  std::vector<Value> items;
  for (const Value item : document->root().items()) items.push_back(item);
  EXPECT_FALSE(items[0].as_int64());
  EXPECT_FALSE(items[0].as_bool());
  EXPECT_FALSE(items[1].as_string());
  EXPECT_FALSE(items[2].as_int64());
  EXPECT_FALSE(items[3].as_double());
  EXPECT_FALSE(items[4].as_string());
  EXPECT_EQ(items[0].size(), 0u);
  EXPECT_FALSE(items[0].find("x"));
  EXPECT_FALSE(document->root().find("x"));
}

TEST(Document, IntegersBeyondADoubleAreExact) {
  const auto document = Document::parse("[9007199254740993, 18446744073709551615, -1, 3.0, 1e3]");
  ASSERT_TRUE(document);
  std::vector<Value> items;
  for (const Value item : document->root().items()) items.push_back(item);
  EXPECT_EQ(items[0].as_int64(), 9007199254740993);
  EXPECT_EQ(items[0].as_uint64(), 9007199254740993u);
  EXPECT_EQ(items[1].as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(items[1].as_int64());
  EXPECT_FALSE(items[2].as_uint64());
  EXPECT_EQ(items[3].as_int64(), 3);
  EXPECT_EQ(items[4].as_uint64(), 1000u);
}

TEST(Document, SaysWhereTheTextIsWrong) {
  EXPECT_EQ(refusal("[1,]"), "Malformed JSON at line 1, column 4: expected a value.");
  EXPECT_EQ(refusal("{\n  \"ü\" 1}"),
            "Malformed JSON at line 2, column 7: expected ':' after the key.");
  EXPECT_EQ(refusal("{a: 1}"), "Malformed JSON at line 1, column 2: expected a key in quotes.");
  EXPECT_EQ(refusal("{\"a\": 1 \"b\": 2}"),
            "Malformed JSON at line 1, column 9: expected ',' or '}'.");
  EXPECT_EQ(refusal("[1 2]"), "Malformed JSON at line 1, column 4: expected ',' or ']'.");
  EXPECT_EQ(refusal("[1"), "Malformed JSON at line 1, column 3: expected ',' or ']'.");
  EXPECT_EQ(refusal("1 2"), "Malformed JSON at line 1, column 3: nothing may follow the value.");
  EXPECT_EQ(refusal("\"abc"), "Malformed JSON at line 1, column 5: the string is not closed.");
  EXPECT_EQ(refusal("\"a\nb\""),
            "Malformed JSON at line 1, column 3: a control character in a string must be escaped.");
  EXPECT_EQ(refusal("\xEF\xBB\xBF{}"),
            "Malformed JSON at line 1, column 1: a byte order mark is not allowed.");
}

TEST(Document, RefusesAnEmptyText) {
  EXPECT_EQ(refusal(""), "The JSON text is empty.");
  EXPECT_EQ(refusal(" \r\n\t"), "The JSON text is empty.");
}

TEST(Document, RefusesWhatOnlyLooksLikeJson) {
  for (const std::string_view text :
       {"'a'",    "NaN",  "Infinity", "-",           "+1",       "01",        "-01",
        "1.",     ".5",   "1e",       "0x10",        "truE",     "nul",       "tru",
        "trues",  "[,1]", "{,}",      "{\"a\"}",     "{\"a\":}", "{1:2}",     "[1]]",
        "{}}",    "]",    "//x\n1",   "[1 /**/]",    "\"\\x\"",  "\"\\u12\"", "\"\\u12g4\"",
        "\"\t\"", "1,2",  "1 []",     "\"a\" \"b\"", "\\u0031",  "[\"a\\",    "[1e5.5]",
        "--1",    "1-",   "nulll",    "\f1"}) {
    EXPECT_FALSE(Document::parse(text)) << text;
    EXPECT_TRUE(find_malformed(text)) << text;
  }
  const std::string_view with_nul("[1]\0", 4);
  EXPECT_FALSE(Document::parse(with_nul));
  EXPECT_TRUE(find_malformed(with_nul));
}

TEST(Document, BothReadersAgreeOnWhatIsJson) {
  for (const std::string_view text :
       {"0", "-0", "1e5", "-1.5E-3", "1E+2", "\"\"", "\"\\u00e9\\ud83d\\udd11\"", "[]", "{}",
        "true", " false ", "null", "[[],{},[{}]]", "{\"\":\"\"}", "1e-400", "[1,2 , 3 ]",
        "{\"a\":1,\"b\":{\"a\":2}}", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(refusal(text), "") << text;
    EXPECT_FALSE(find_malformed(text)) << text;
  }
}

TEST(Document, RefusesBytesThatAreNotUtf8) {
  for (const std::string_view text : {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"", "\"\xe6\x97\"", "\"\x80\""}) {
    EXPECT_NE(refusal(text).find("not UTF-8"), std::string::npos) << refusal(text);
  }
}

TEST(Document, RefusesLoneSurrogates) {
  for (const std::string_view text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\u0041")", R"("\ud83d\ud83d")",
        R"({"\udfff":1})"}) {
    EXPECT_NE(refusal(text).find("not an escape sequence"), std::string::npos)
        << text << ": " << refusal(text);
  }
}

TEST(Document, RefusesNumbersThatDoNotFit) {
  for (const std::string& text : {std::string("1e400"), std::string("-1e400"),
                                  "-" + std::string(400, '9'), std::string(400, '9')}) {
    EXPECT_NE(refusal(text).find("does not fit"), std::string::npos) << refusal(text);
  }
}

TEST(Document, TakesIntegersBeyondSixtyFourBitsAsTheNearestDouble) {
  const std::string_view text =
      R"({"1":[18446744073709551616,-9223372036854775809],"2":100000000000000000000,)"
      R"("\"9":"99999999999999999999\\","3":18446744073709551615})";
  const auto document = Document::parse(text);
  ASSERT_TRUE(document) << document.error().detail();
  EXPECT_FALSE(find_malformed(text));
  const Value root = document->root();
  const Value first = *root.find("1")->items().begin();
  EXPECT_EQ(first.kind(), ValueKind::number);
  EXPECT_EQ(first.as_double(), 18446744073709551616.0);
  EXPECT_EQ(first.as_uint64(), std::nullopt);
  EXPECT_EQ(root.find("2")->as_double(), 1e20);
  EXPECT_EQ(root.find("\"9")->as_string(), "99999999999999999999\\");
  EXPECT_EQ(root.find("3")->as_uint64(), 18446744073709551615u);
  for (const std::string_view wrong :
       {"[099999999999999999999]", "[99999999999999999999", "[99999999999999999999x]",
        "[-99999999999999999999-]", "[\"99999999999999999999]", "--99999999999999999999"}) {
    EXPECT_NE(refusal(wrong), "") << wrong;
    EXPECT_TRUE(find_malformed(wrong)) << wrong;
  }
}

TEST(Document, RefusesDuplicateKeys) {
  EXPECT_EQ(refusal(R"({"a":1,"b":2,"a":1})"), R"(One object has the key "a" twice.)");
  EXPECT_EQ(refusal(R"([{"x":{"a":1,"\u0061":2}}])"), R"(One object has the key "a" twice.)");
  EXPECT_EQ(refusal(R"({"":1,"":1})"), R"(One object has the key "" twice.)");
  EXPECT_EQ(refusal(R"({"a":[1.5,{"b":{"a":1}}],"b":{"a":1}})"), "");
}

TEST(Document, FindsDuplicatesAmongManyKeys) {
  for (const std::size_t count : {11u, 12u, 13u, 14u, 1000u}) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += "\"key" + std::to_string(i) + "\":[0],";
    EXPECT_EQ(refusal(text + "\"other\":1}"), "") << count;
    EXPECT_NE(refusal(text + "\"key0\":1}"), "") << count;
    const std::string last = "key" + std::to_string(count - 1);
    EXPECT_NE(refusal(text + "\"" + last + "\":1}"), "") << count;
  }
}

TEST(Document, SixtyFourLevelsAreReadAndOneMoreIsNot) {
  EXPECT_EQ(refusal(repeated("[", 64) + repeated("]", 64)), "");
  EXPECT_EQ(refusal(repeated("{\"a\":", 63) + "[0]" + repeated("}", 63)), "");
  EXPECT_EQ(refusal(repeated("[", 64) + "1.5" + repeated("]", 64)), "");
  for (const std::string& text :
       {repeated("[", 65) + repeated("]", 65), repeated("[", 65) + "0" + repeated("]", 65),
        repeated("{\"a\":", 64) + "{}" + repeated("}", 64),
        repeated("{\"a\":", 65) + "0" + repeated("}", 65)}) {
    EXPECT_NE(refusal(text).find("nested more than 64 levels deep"), std::string::npos)
        << refusal(text);
  }
}

TEST(Document, AMegabyteOfBracketsIsRefused) {
  EXPECT_NE(refusal(std::string(1 << 20, '[')), "");
  EXPECT_NE(refusal(repeated("{\"a\":", 200'000)), "");
}

TEST(Document, AMegabyteOfSmallValuesIsRead) {
  const auto document = Document::parse("[" + repeated("{},", 300'000) + "0]");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().size(), 300'001u);
}

TEST(Document, ValuesStayWhenTheDocumentMoves) {
  auto first = Document::parse(R"({"name":"a text longer than a small string"})");
  ASSERT_TRUE(first);
  const Value name = *first->root().find("name");
  Document second = std::move(*first);
  EXPECT_EQ(name.as_string(), "a text longer than a small string");
  EXPECT_EQ(second.root().find("name")->as_string(), name.as_string());
}

TEST(Document, DocumentsOfOneThreadDoNotDisturbEachOther) {
  std::vector<Document> documents;
  for (int i = 0; i < 20; ++i) {
    documents.push_back(*Document::parse("\"" + std::to_string(i) + "\""));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(documents[static_cast<std::size_t>(i)].root().as_string(), std::to_string(i));
  }
}

TEST(Document, MayOutliveTheThreadThatReadIt) {
  std::optional<Document> document;
  std::thread([&] { document = std::move(*Document::parse("[7]")); }).join();
  EXPECT_EQ((*document->root().items().begin()).as_int64(), 7);
}

TEST(Raw, KeepsCompactText) {
  EXPECT_EQ(compact(" { \"a\" : [ 1 , 2.50, \"\\u00e9\" ] , \"b\" : null } "),
            R"({"a":[1,2.5,"é"],"b":null})");
  EXPECT_EQ(compact("[-1,18446744073709551615,true,false]"),
            "[-1,18446744073709551615,true,false]");
  EXPECT_EQ(compact("\"\\u0000\""), "\"\\u0000\"");
  EXPECT_FALSE(Raw::parse("{"));
}

TEST(Raw, NullIsTheDefault) {
  EXPECT_EQ(Raw().view(), "null");
  EXPECT_TRUE(Raw::parse(" null ")->is_null());
  EXPECT_EQ(*Raw::parse("null"), Raw());
  EXPECT_EQ(Raw::trusted("null"), Raw());
  EXPECT_TRUE(Raw::parse("{}")->is_object());
  EXPECT_TRUE(Raw::parse("[]")->is_array());
  EXPECT_FALSE(Raw::parse("\"null\"")->is_null());
}

TEST(Raw, CompactTextReadsBackAsItself) {
  for (const std::string_view text :
       {"1e20", "100000000000000000000.0", "-0.0", "1.0", "{\"a\":{\"b\":[[]]}}", "1e-9"}) {
    const std::string once = compact(text);
    EXPECT_EQ(compact(once), once) << text;
  }
}

}  // namespace
}  // namespace keywright::json
