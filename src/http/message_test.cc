#include "http/message.h"

#include <gtest/gtest.h>

#include "http/cookie.h"
#include "http/h1_writer.h"
#include "http/problem.h"
#include "http/query.h"

namespace keywright::http {
namespace {

Fields fields(std::initializer_list<Field> list) {
  Fields made;
  for (const Field& field : list) made.add(field);
  return made;
}

TEST(Fields, AreFoundWithoutCaseAndCounted) {
  const Fields headers = fields({{"X-API-Key", "one"}, {"Accept", "*/*"}, {"x-api-key", "two"}});
  EXPECT_EQ(headers.find("x-api-KEY"), "one");
  EXPECT_EQ(headers.count("X-Api-Key"), 2u);
  EXPECT_EQ(headers.find_only("x-api-key"), std::nullopt);
  EXPECT_EQ(headers.find_only("accept"), "*/*");
  EXPECT_EQ(headers.find("Authorization"), std::nullopt);
}

TEST(Fields, MoreThanAHundredAreKeptInOrderUntilTheyAreTooMany) {
  const std::string buffer(kMaxFields, 'n');
  Fields many;
  for (std::size_t i = 0; i < kMaxFields; ++i) {
    ASSERT_TRUE(many.add({std::string_view(buffer).substr(i, 1), i == 500 ? "middle" : "value"}));
  }
  EXPECT_FALSE(many.add({"one", "more"}));
  EXPECT_EQ(many.size(), kMaxFields);
  EXPECT_EQ(many.count("N"), kMaxFields);
  EXPECT_EQ(many.begin()[500].value, "middle");
  const std::string moved(kMaxFields, 'm');
  many.rebase(buffer, moved.data());
  EXPECT_EQ(many.count("m"), kMaxFields);
  many.clear();
  EXPECT_EQ(many.begin(), many.end());
  many.add({"name", "value"});
  EXPECT_EQ(many.find("name"), "value");
}

TEST(Response, HeadersThatBreakOutOfTheirLineAreRefused) {
  Response response;
  EXPECT_TRUE(response.header("ETag", "\"1\""));
  EXPECT_FALSE(response.header("X", "a\r\nSet-Cookie: b"));
  EXPECT_FALSE(response.header("X", "a\nb"));
  EXPECT_FALSE(response.header("X", std::string_view("a\0b", 3)));
  EXPECT_FALSE(response.header("X\r\nY", "a"));
  EXPECT_FALSE(response.header("X:", "a"));
  EXPECT_FALSE(response.header("", "a"));
  EXPECT_FALSE(response.header("content-LENGTH", "1"));
  EXPECT_FALSE(response.header("Transfer-Encoding", "chunked"));
  EXPECT_EQ(response.header_block(), "ETag: \"1\"\r\n");
  response.content_type("text/plain\r\nX: y");
  EXPECT_EQ(response.content_type(), "");
}

TEST(Response, ClearForgetsEverything) {
  Response response;
  response.status = 500;
  response.body = "x";
  response.header("A", "b");
  response.content_type("text/plain");
  response.close_connection = true;
  response.clear();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.header_block(), "");
  EXPECT_EQ(response.content_type(), "");
  EXPECT_FALSE(response.close_connection);
}

TEST(Stamp, DateHasTheFormOfTheStandardAndIdsIncrease) {
  h1::Stamp stamp;
  const std::chrono::nanoseconds now = std::chrono::seconds(1000);
  const std::string date(stamp.date(now));
  EXPECT_EQ(date.size(), 29u);
  EXPECT_EQ(date.substr(25), " GMT");
  EXPECT_EQ(date.substr(3, 2), ", ");
  char first[h1::Stamp::kIdSize];
  char second[h1::Stamp::kIdSize];
  stamp.write_id(now, first);
  stamp.write_id(now, second);
  EXPECT_EQ(first[8], '-');
  EXPECT_EQ(first[14], '7');
  EXPECT_NE(std::string(first, 36), std::string(second, 36));
}

TEST(Problem, CarriesCodeRequestIdFieldsAndRetryAfter) {
  Response response;
  response.body = "left over";
  response.header("X", "left over");
  write_problem(response, invalid_field("expires_at", "must be in the \"future\""), "id-1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type(), "application/problem+json");
  EXPECT_EQ(response.header_block(), "");
  EXPECT_EQ(response.body,
            "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
            "\"code\":\"invalid_request\",\"detail\":\"expires_at: must be in the \\\"future\\\"\","
            "\"request_id\":\"id-1\",\"errors\":[{\"field\":\"expires_at\","
            "\"message\":\"must be in the \\\"future\\\"\"}]}");
  write_problem(response,
                Error(Code::rate_limited, "rate_limited", "Slow down.")
                    .with_retry_after_seconds(7)
                    .with_internal("password=1"),
                "id-2");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.header_block(), "Retry-After: 7\r\n");
  EXPECT_EQ(response.body.find("password"), std::string::npos);
}

TEST(Problem, EveryCodeHasItsStatus) {
  const std::pair<Code, int> table[] = {{Code::invalid_argument, 400},
                                        {Code::unauthenticated, 401},
                                        {Code::permission_denied, 403},
                                        {Code::not_found, 404},
                                        {Code::method_not_allowed, 405},
                                        {Code::conflict, 409},
                                        {Code::precondition_failed, 412},
                                        {Code::too_large, 413},
                                        {Code::unsupported_media_type, 415},
                                        {Code::unprocessable, 422},
                                        {Code::rate_limited, 429},
                                        {Code::storage_full, 507},
                                        {Code::unavailable, 503},
                                        {Code::internal, 500}};
  for (const auto& [code, status] : table) EXPECT_EQ(status_of(code), status);
}

TEST(Query, DecodesOnceAndKeepsOrder) {
  auto query = Query::parse("limit=10&q=a+b%2Bc%20%C3%A4&empty=&flag&&x=a%253d=b");
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->size(), 5u);
  EXPECT_EQ(*query->find("limit"), "10");
  EXPECT_EQ(*query->find("q"), "a b+c \xc3\xa4");
  EXPECT_EQ(*query->find("empty"), "");
  EXPECT_EQ(*query->find("flag"), "");
  EXPECT_EQ(*query->find("x"), "a%3d=b");
  EXPECT_EQ(query->find("absent"), nullptr);
}

TEST(Query, RefusesWhatTwoReadersCouldReadDifferently) {
  for (std::string_view wrong :
       {"a=1&a=2", "a=1&%61=2", "a=%2", "a=%zz", "a=%00", "a=%ff", "%ff=a", "a=%0a"}) {
    EXPECT_FALSE(Query::parse(wrong).has_value()) << wrong;
  }
  auto repeated = Query::parse("limit=1&limit=2");
  ASSERT_EQ(repeated.error().problems().size(), 1u);
  EXPECT_EQ(repeated.error().problems()[0].field, "limit");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_FALSE(Query::parse(many).has_value());
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("a/b c~\xc3\xa4%"), "a%2Fb%20c~%C3%A4%25");
}

TEST(Cookie, IsFoundAmongOthersAndOnlyIfUnique) {
  EXPECT_EQ(find_cookie(fields({{"Cookie", "a=1; __Host-s=\"tok\"; b=2"}}), "__Host-s"), "tok");
  EXPECT_EQ(find_cookie(fields({{"cookie", "a=1"}, {"Cookie", "s=2"}}), "s"), "2");
  EXPECT_EQ(find_cookie(fields({{"Cookie", "s=1; s=2"}}), "s"), std::nullopt);
  EXPECT_EQ(find_cookie(fields({{"Cookie", "s=1"}, {"Cookie", "s=1"}}), "s"), std::nullopt);
  EXPECT_EQ(find_cookie(fields({{"Cookie", "S=1; xs=2; s"}}), "s"), std::nullopt);
  EXPECT_EQ(find_cookie(fields({{"Cookie", "s=a b"}}), "s"), std::nullopt);
}

TEST(Cookie, IsSetForThisHostOnly) {
  Response response;
  CookieOptions options;
  options.max_age = std::chrono::hours(1);
  EXPECT_TRUE(set_cookie(response, "__Host-s", "tok", options));
  EXPECT_EQ(response.header_block(),
            "Set-Cookie: __Host-s=tok; Path=/; HttpOnly; Max-Age=3600; Secure; SameSite=Lax\r\n");
  EXPECT_FALSE(set_cookie(response, "s", "a; Domain=evil", options));
  EXPECT_FALSE(set_cookie(response, "s=", "a", options));
}

}  // namespace
}  // namespace keywright::http
