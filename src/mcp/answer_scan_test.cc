#include "mcp/answer_scan.h"

#include <string>

#include <gtest/gtest.h>

namespace keywright::mcp {
namespace {

AnswerVerdict verdict_of(std::string_view answer, std::size_t step) {
  AnswerScan scan;
  for (std::size_t at = 0; at < answer.size(); at += step) scan.feed(answer.substr(at, step));
  return scan.verdict();
}

void expect(AnswerVerdict verdict, std::string_view answer) {
  for (std::size_t step = 1; step <= answer.size(); ++step) {
    EXPECT_EQ(verdict_of(answer, step), verdict) << answer << " in steps of " << step;
  }
}

TEST(AnswerScan, AnErrorOfTheProtocolIsOne) {
  expect(AnswerVerdict::rpc_error,
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool"}})");
  expect(AnswerVerdict::rpc_error, R"({ "error" : { "code": 1 }, "id": "error" })");
  expect(AnswerVerdict::rpc_error,
         "event: message\ndata: {\"method\":\"m\",\"params\":{\"a\":[{}]}}\n\n"
         ": \"don't\n\nid: 7\ndata: {\"id\":1,\"error\":{}}\n\n");
}

TEST(AnswerScan, AResultMaySayThatTheToolFailed) {
  expect(AnswerVerdict::tool_error,
         R"({"id":1,"result":{"content":[{"text":"\"}"}],"isError":true}})");
  expect(AnswerVerdict::tool_error, R"({"result":{"isError" : true,"content":[]},"id":1})");
}

TEST(AnswerScan, TheSameWordsElsewhereMeanNothing) {
  for (std::string_view answer :
       {R"({"id":1,"result":{"content":[],"isError":false}})",
        R"({"id":1,"result":{"structuredContent":{"isError":true,"error":{}},"isError":false}})",
        R"({"id":1,"result":{"content":[{"isError":true}],"error":{"a":1}}})",
        R"({"id":1,"result":{"content":[{"text":"{\"error\":{\"isError\":true}}"}]}})",
        R"({"id":"error","error":null,"result":{}})", R"({"params":{"isError":true}})",
        R"({"result":{},"isError":true})", R"({"result":[{"isError":true}]})",
        R"({"result":{"isErrors":true,"isErro":true,"is\u0045rror":true}})", R"(true "error":{)"}) {
    expect(AnswerVerdict::good, answer);
  }
}

}  // namespace
}  // namespace keywright::mcp
