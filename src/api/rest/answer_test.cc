#include "api/rest/answer.h"

#include <gtest/gtest.h>

namespace keywright::rest {
namespace {

app::Operation operation(std::string_view method) {
  app::OperationInfo info{};
  info.method = method;
  return app::Operation(info);
}

const app::Operation kGet = operation("GET");

app::Operation answering_nothing() {
  app::Operation made = operation("DELETE");
  made.output = &json::type_of<app::Nothing>();
  return made;
}

bool has(const http::Response& response, std::string_view text) {
  return response.header_block().find(text) != std::string_view::npos;
}

TEST(Answer, EtagsCompareWeaklyAndInLists) {
  EXPECT_TRUE(etag_matches("\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("W/\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("\"b\", \"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("*", "\"a\""));
  EXPECT_FALSE(etag_matches("\"b\"", "\"a\""));
  EXPECT_FALSE(etag_matches("", "\"a\""));
}

TEST(Answer, AKnownEtagIsA304WithoutBody) {
  http::Request request;
  request.headers.add({"If-None-Match", "\"a\""});
  http::Response response;
  response.body = "{}";
  app::Call call;
  call.operation = &kGet;
  call.reply.etag = "\"a\"";
  write_answer(request, response, call);
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(response.body, "");
  EXPECT_TRUE(has(response, "ETag: \"a\"\r\n"));
}

TEST(Answer, NothingIsA204) {
  const app::Operation operation = answering_nothing();
  http::Response response;
  response.body = "{}";
  app::Call call;
  call.operation = &operation;
  write_answer(http::Request(), response, call);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body, "");
  EXPECT_TRUE(has(response, "Cache-Control: no-store\r\n"));
}

TEST(Answer, TheSessionCookieIsOutOfReachOfScriptsAndOtherSites) {
  app::Call call;
  call.operation = &kGet;
  call.reply.session_token = Secret<std::string>("kws_token");
  call.reply.session_seconds = 604800;
  http::Response plain;
  write_answer(http::Request(), plain, call);
  EXPECT_TRUE(has(plain, "Set-Cookie: keywright_session=kws_token;"));
  for (std::string_view attribute : {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=604800"}) {
    EXPECT_TRUE(has(plain, attribute)) << attribute;
  }
  EXPECT_FALSE(has(plain, "Secure"));
  call.secure = true;
  http::Response secure;
  write_answer(http::Request(), secure, call);
  EXPECT_TRUE(has(secure, "Set-Cookie: __Host-keywright_session=kws_token;"));
  EXPECT_TRUE(has(secure, "Secure"));
}

TEST(Answer, OnlyARefusedCredentialIsCalledInvalid) {
  http::Response none;
  write_error(http::Request(), none,
              Error(Code::unauthenticated, "credential_missing", "Send one."), {}, false);
  EXPECT_EQ(none.status, 401);
  EXPECT_TRUE(has(none, "WWW-Authenticate: Bearer realm=\"keywright\"\r\n"));
  http::Response refused;
  write_error(http::Request(), refused, app::unauthenticated(), {}, true);
  EXPECT_TRUE(has(refused, "error=\"invalid_token\""));
}

}  // namespace
}  // namespace keywright::rest
