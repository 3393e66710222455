#include "mcp/message.h"

#include <gtest/gtest.h>

#include "mcp/answer.h"

namespace keywright::mcp {
namespace {

int code_of(std::string_view body) {
  const auto message = Message::read(body);
  return message ? 0 : message.error().code;
}

TEST(Message, ARequestHasMethodIdAndParams) {
  const auto message = Message::read(
      R"({"jsonrpc":"2.0","id":"a\"b","method":"tools/call","params":{"name":"whoami"}})");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type(), MessageType::request);
  EXPECT_EQ(message->method(), "tools/call");
  EXPECT_EQ(message->id(), R"("a\"b")");
  EXPECT_EQ(message->name(), "whoami");
}

TEST(Message, WithoutIdItIsANotificationWithoutMethodAResponse) {
  EXPECT_EQ(Message::read(R"({"jsonrpc":"2.0","method":"notifications/initialized"})")->type(),
            MessageType::notification);
  EXPECT_EQ(Message::read(R"({"jsonrpc":"2.0","id":7,"result":{}})")->type(),
            MessageType::response);
  EXPECT_EQ(Message::read(R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}})")->type(),
            MessageType::response);
}

TEST(Message, TheNameIsTheUriWhereResourcesAreRead) {
  const auto message = Message::read(
      R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b","name":"c"}})");
  EXPECT_EQ(message->name(), "a://b");
}

TEST(Message, WhatIsNotJsonIsAParseError) {
  EXPECT_EQ(code_of(""), kParseError);
  EXPECT_EQ(code_of("{"), kParseError);
  EXPECT_EQ(code_of("\xff"), kParseError);
}

TEST(Message, DuplicateKeysAreRefusedAtAnyDepth) {
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"ping"})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call",)"
                    R"("params":{"name":"a","arguments":{"x":{"y":1,"\u0079":2}}}})"),
            kInvalidRequest);
}

TEST(Message, KeysThatDifferOnlyInCaseAreRefused) {
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"Method":"x","method":"ping"})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"JSONRPC":"2.0","jsonrpc":"2.0","id":1,"method":"ping"})"),
            kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call",)"
                    R"("params":{"name":"allowed","Name":"secretTool"}})"),
            kInvalidRequest);
  // Go folds the long s and the Kelvin sign.
  EXPECT_EQ(code_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"param\u017f\":{}}"),
            kInvalidRequest);
}

TEST(Message, ArgumentsOfAToolMayHaveKeysThatDifferInCase) {
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"tools/call",)"
                    R"("params":{"name":"a","arguments":{"x":1,"X":2,"Name":3}}})"),
            0);
}

TEST(Message, BatchesAreRefused) {
  EXPECT_EQ(code_of(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])"), kInvalidRequest);
  EXPECT_EQ(code_of("[]"), kInvalidRequest);
}

TEST(Message, TheEnvelopeIsStrict) {
  EXPECT_EQ(code_of("7"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"id":1,"method":"ping"})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"1.0","id":1,"method":"ping"})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":null,"method":"ping"})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","result":{}})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})"), kInvalidRequest);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","result":{}})"), kInvalidRequest);
}

TEST(Message, ARefusalCarriesTheIdWhereThereIsOne) {
  EXPECT_EQ(Message::read(R"({"jsonrpc":"1.0","id":7,"method":"x"})").error().id, "7");
}

TEST(Answer, ErrorsAndResultsAreJsonRpc) {
  EXPECT_EQ(result_answer("7", "{}"), R"({"jsonrpc":"2.0","id":7,"result":{}})");
  EXPECT_EQ(error_answer(unknown_tool("x", "\"a\"")),
            R"({"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"Unknown tool: x"}})");
  EXPECT_EQ(unknown_method(Era::modern, "x", "1").status, 404);
  EXPECT_EQ(unknown_method(Era::legacy, "x", "1").status, 200);
}

}  // namespace
}  // namespace keywright::mcp
