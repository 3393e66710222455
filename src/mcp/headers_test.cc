#include "mcp/headers.h"

#include <gtest/gtest.h>

namespace keywright::mcp {
namespace {

constexpr std::string_view kMeta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{}})";

std::string body(std::string_view method, std::string_view more = "") {
  return R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) + R"(","params":{)" +
         std::string(kMeta) + std::string(more) + "}}";
}

RequestHeaders modern(std::string_view method) {
  RequestHeaders headers;
  headers.protocol_version = kModernVersion;
  headers.method = method;
  return headers;
}

int code_of(const RequestHeaders& headers, const std::string& text) {
  const auto message = Message::read(text);
  if (!message) return message.error().code;
  const auto era = agree(headers, *message);
  return era ? 0 : era.error().code;
}

TEST(Agreement, ARequestWithoutAVersionIsLegacy) {
  const auto message = Message::read(R"({"jsonrpc":"2.0","id":1,"method":"initialize"})");
  EXPECT_EQ(agree({}, *message), Era::legacy);
  RequestHeaders headers;
  headers.protocol_version = "2025-06-18";
  EXPECT_EQ(agree(headers, *message), Era::legacy);
}

TEST(Agreement, AModernRequestSaysTheSameInHeaderAndBody) {
  const auto message = Message::read(body("tools/list"));
  EXPECT_EQ(agree(modern("tools/list"), *message), Era::modern);
}

TEST(Agreement, AHeaderThatDisagreesOrIsMissingIsAMismatch) {
  EXPECT_EQ(code_of(modern("tools/call"), body("tools/list")), kHeaderMismatch);
  EXPECT_EQ(code_of(modern("TOOLS/LIST"), body("tools/list")), kHeaderMismatch);
  RequestHeaders headers = modern("tools/list");
  headers.method.reset();
  EXPECT_EQ(code_of(headers, body("tools/list")), kHeaderMismatch);
  headers = modern("tools/list");
  headers.protocol_version.reset();
  EXPECT_EQ(code_of(headers, body("tools/list")), kHeaderMismatch);
  headers.protocol_version = "2025-11-25";
  EXPECT_EQ(code_of(headers, body("tools/list")), kHeaderMismatch);
  headers = modern("tools/list");
  headers.repeated = "Mcp-Method";
  EXPECT_EQ(code_of(headers, body("tools/list")), kHeaderMismatch);
}

TEST(Agreement, TheNameIsComparedAfterDecoding) {
  const std::string call = body("tools/call", R"(,"name":"whoami")");
  RequestHeaders headers = modern("tools/call");
  EXPECT_EQ(code_of(headers, call), kHeaderMismatch);
  headers.name = "whoami";
  EXPECT_EQ(code_of(headers, call), 0);
  headers.name = "=?base64?d2hvYW1p?=";
  EXPECT_EQ(code_of(headers, call), 0);
  headers.name = "=?base64?d2hvYW1?=";
  EXPECT_EQ(code_of(headers, call), kHeaderMismatch);
  headers.name = "whoAmI";
  EXPECT_EQ(code_of(headers, call), kHeaderMismatch);
}

TEST(Agreement, WhatEachModernRequestMustCarryIsRequired) {
  const std::string bare = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}})";
  EXPECT_EQ(code_of(modern("tools/list"), bare), kInvalidParams);
}

TEST(Agreement, AnUnknownVersionIsAnsweredWithTheKnownOnes) {
  RequestHeaders headers = modern("tools/list");
  headers.protocol_version = "v999";
  const auto message = Message::read(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  const auto era = agree(headers, *message);
  ASSERT_FALSE(era);
  EXPECT_EQ(era.error().code, kUnsupportedVersion);
  EXPECT_EQ(era.error().data, R"({"supported":["2026-07-28"],"requested":"v999"})");
}

TEST(Accept, JsonIsPreferredWhereBothAreWelcome) {
  EXPECT_EQ(answer_form(std::nullopt), AnswerForm::json);
  EXPECT_EQ(answer_form("application/json, text/event-stream"), AnswerForm::json);
  EXPECT_EQ(answer_form("*/*"), AnswerForm::json);
  EXPECT_EQ(answer_form("text/event-stream"), AnswerForm::event_stream);
  EXPECT_EQ(answer_form("application/json;q=0.5, text/event-stream"), AnswerForm::event_stream);
  EXPECT_EQ(answer_form("text/html"), std::nullopt);
  EXPECT_EQ(answer_form("application/json;q=0, text/*;q=0"), std::nullopt);
}

TEST(Cors, OnlyFieldsOfToolParametersAreAdded) {
  EXPECT_TRUE(allowed_headers("Mcp-Param-Region, X-Evil").ends_with(", mcp-param-region"));
}

}  // namespace
}  // namespace keywright::mcp
