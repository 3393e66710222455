#include "gateway/header_rules.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace keywright::gateway {
namespace {

std::string forwarded(std::initializer_list<http::Field> fields,
                      std::initializer_list<http::Field> added = {}) {
  http::Request request;
  request.authority = "gateway.test";
  request.request_id = "id-1";
  for (const http::Field& field : fields) request.headers.add(field);
  ForwardContext context;
  context.forwarded_for = "192.0.2.1";
  std::string out;
  const std::vector<http::Field> list(added);
  const auto done = append_request_fields(out, request, list, context);
  return done ? out : done.error().reason();
}

constexpr std::string_view kAlways =
    "X-Request-Id: id-1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
    "X-Forwarded-Host: gateway.test\r\n";

std::string with(std::string_view first, std::string_view last = "") {
  return std::string(first).append(kAlways).append(last);
}

TEST(HeaderRules, OrdinaryFieldsGoOnInTheirOrder) {
  EXPECT_EQ(forwarded({{"Accept", "*/*"}, {"x-Custom", "1"}, {"x-Custom", "2"}}),
            with("Accept: */*\r\nx-Custom: 1\r\nx-Custom: 2\r\n"));
}

TEST(HeaderRules, TheKeyOfTheClientGoesOnInNoField) {
  http::Request request;
  const http::Field fields[] = {{"Api-Key", "kwa_secret"},
                                {"User-Agent", "tool/1 (kwa_secret)"},
                                {"baggage", "key=k%77a%5fsecret,a=%zz"},
                                {"Accept", "kwa_secre"}};
  for (const http::Field& field : fields) request.headers.add(field);
  ForwardContext context;
  context.token = "kwa_secret";
  std::string out;
  ASSERT_TRUE(append_request_fields(out, request, {}, context));
  EXPECT_TRUE(out.starts_with("Accept: kwa_secre\r\nX-Request-Id")) << out;
  EXPECT_TRUE(holds_token("a=1&key=kw%61_secret", "kwa_secret"));
  EXPECT_FALSE(holds_token("a=1&key=kw%61_secre%", "kwa_secret"));
  EXPECT_FALSE(holds_token("", ""));
}

TEST(HeaderRules, CredentialsAndForgedIdentityNeverGoOn) {
  for (const char* name : {"Authorization",
                           "AUTHORIZATION",
                           "Proxy-Authorization",
                           "X-API-Key",
                           "x-keywright-owner",
                           "X-Keywright-",
                           "X-Forwarded-For",
                           "x-forwarded-anything",
                           "Forwarded",
                           "X-Real-IP",
                           "X-Request-Id",
                           "X-Original-URL",
                           "X-Rewrite-Url",
                           "Host",
                           "Content-Length",
                           "Expect",
                           "Transfer-Encoding",
                           "TE",
                           "Trailer",
                           "Upgrade",
                           "Keep-Alive",
                           "Proxy-Connection"}) {
    EXPECT_EQ(forwarded({{name, "1"}}), with("")) << name;
  }
}

TEST(HeaderRules, AliasesOfWhatOnlyWeMaySayAreRefusedAndOtherUnderscoresDropped) {
  for (const char* name : {"X_Keywright_Owner", "X-Keywright_Owner", "x_api_key", "X_Forwarded_For",
                           "Content_Length", "Transfer_Encoding", "X_Request_Id"}) {
    EXPECT_EQ(forwarded({{name, "1"}}), "forged_header") << name;
  }
  EXPECT_EQ(forwarded({{"Some_Thing", "1"}}), with(""));
}

TEST(HeaderRules, FieldsThatConnectionNamesStayHereButNotWhatIsAdded) {
  EXPECT_EQ(forwarded({{"Connection", "close, X-Hop"}, {"X-Hop", "1"}, {"X-Stays", "2"}}),
            with("X-Stays: 2\r\n"));
  EXPECT_EQ(forwarded({{"Connection", "X-Keywright-Owner"}, {"X-Keywright-Owner", "me"}},
                      {{"X-Keywright-Owner", "them"}}),
            with("", "X-Keywright-Owner: them\r\n"));
}

TEST(HeaderRules, WhatIsAddedReplacesWhatTheClientSent) {
  EXPECT_EQ(forwarded({{"x-tenant", "8"}, {"X-TENANT", "9"}}, {{"X-Tenant", "7"}}),
            with("", "X-Tenant: 7\r\n"));
}

TEST(HeaderRules, OurCookiesStayHereAndOthersGoOn) {
  EXPECT_EQ(forwarded({{"Cookie", "a=1; keywright_session=s; b=2"}}), with("Cookie: a=1; b=2\r\n"));
  EXPECT_EQ(forwarded({{"Cookie", "__Host-keywright_session=s"}}), with(""));
  EXPECT_EQ(forwarded({{"Cookie", "keywright_session=1;keywright_session=2 ; x"}}),
            with("Cookie: x\r\n"));
}

TEST(ForwardedPath, PlainPathsPassAsTheyAre) {
  for (const char* path : {"", "/", "/a", "/a/", "/a.b/..c/...", "/%20%C3%A4", "/a;b=c", "/%2562",
                           "/.well-known/x", "/a%2Eb", "/;"}) {
    EXPECT_TRUE(check_forwarded_path(path)) << path;
  }
}

TEST(ForwardedPath, WhatServersReadDifferentlyIsRefused) {
  for (const char* path : {"//",        "//a",   "/a//",       "/a//b",           "/.",    "/..",
                           "/a/../b",   "/a/.",  "/%2e",       "/%2E%2e/a",       "/.%2e", "/..;",
                           "/..;x=1/a", "/.;/a", "/%2e%2e;/a", "/a%2fb",          "/%2F",  "/a%5Cb",
                           "/%00",      "/a%0D", "/%7f",       "/%c0%ae%c0%ae/a", "/%ff"}) {
    const auto done = check_forwarded_path(path);
    ASSERT_FALSE(done) << path;
    EXPECT_EQ(done.error().reason(), "invalid_path") << path;
  }
}

TEST(QueryCredential, IsFoundHoweverItsNameIsWritten) {
  for (const char* query : {"api_key=x", "a=b&api_key", "a;access_token=1",
                            "API_KEY=", "%61pi_key=1", "&&api%5Fkey=1", "access_token"}) {
    EXPECT_TRUE(has_credential(query)) << query;
  }
  for (const char* query :
       {"", "a=api_key", "api_keys=1", "xapi_key=1", "api_ke", "%", "%6", "=", "a=b&c=d&&"}) {
    EXPECT_FALSE(has_credential(query)) << query;
  }
}

}  // namespace
}  // namespace keywright::gateway
