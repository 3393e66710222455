#include "http/h2_head.h"

#include <gtest/gtest.h>

#include <string>

namespace keywright::http::h2 {
namespace {

class Http2Head : public testing::Test {
 protected:
  Http2Head() { head_.begin({}); }

  HeadReader::Added add(std::string_view name, std::string_view value) {
    return head_.add(std::string(name), std::string(value));  // nothing may refer to the source
  }
  void add_line() {
    add(":method", "POST");
    add(":scheme", "https");
    add(":authority", "api.example:8443");
    add(":path", "/api/v1/keys?limit=2");
  }

  Request request_;
  HeadReader head_{request_};
};

TEST_F(Http2Head, FillsTheRequest) {
  add_line();
  add("content-length", "12");
  add("x-request-id", "mine");
  ASSERT_FALSE(head_.finish().has_value());
  EXPECT_EQ(request_.method, Method::post);
  EXPECT_EQ(request_.minor_version, 2);
  EXPECT_EQ(request_.path, "/api/v1/keys");
  EXPECT_EQ(request_.query, "limit=2");
  EXPECT_EQ(request_.target, "/api/v1/keys?limit=2");
  EXPECT_EQ(request_.authority, "api.example:8443");
  EXPECT_EQ(request_.headers.find("host"), "api.example:8443");
  EXPECT_EQ(request_.headers.count("host"), 1u);
  EXPECT_EQ(request_.client_request_id, "mine");
  EXPECT_EQ(head_.content_length(), 12u);
}

TEST_F(Http2Head, JoinsCookieCrumbs) {
  add_line();
  add("cookie", "a=1");
  add("accept", "*/*");
  add("cookie", "b=2");
  ASSERT_FALSE(head_.finish().has_value());
  EXPECT_EQ(request_.headers.find_only("cookie"), "a=1; b=2");
}

TEST_F(Http2Head, ViewsSurviveTheGrowthOfTheBuffer) {
  add_line();
  for (int i = 0; i < 90; ++i) {
    add("x-field-" + std::to_string(i), std::string(200, static_cast<char>('a' + i % 26)));
  }
  ASSERT_FALSE(head_.finish().has_value());
  EXPECT_EQ(request_.path, "/api/v1/keys");
  EXPECT_EQ(request_.headers.find("x-field-0"), std::string(200, 'a'));
  EXPECT_EQ(request_.headers.find("x-field-89"), std::string(200, 'l'));
  head_.begin({});
  EXPECT_EQ(request_.headers.size(), 0u);
}

TEST_F(Http2Head, TooMuchIsNotKeptAndSaidAtTheEnd) {
  add_line();
  EXPECT_EQ(add("x", std::string(30'000, 'a')), HeadReader::Added::yes);
  EXPECT_EQ(add("y", std::string(3'000, 'a')), HeadReader::Added::over_limit);
  auto last = HeadReader::Added::yes;
  for (int i = 0; i < 40 && last != HeadReader::Added::far_over_limit; ++i) {
    last = add("y", std::string(3'000, 'a'));
  }
  EXPECT_EQ(last, HeadReader::Added::far_over_limit);
  EXPECT_EQ(head_.finish()->refusal, Refusal::head_too_large);
}

TEST_F(Http2Head, TwoHostsAreRefused) {
  add_line();
  add("host", "other.example");
  EXPECT_EQ(head_.finish()->what, "host");
}

TEST(Http2HeadWriter, WritesTheFieldsOfAnAnswer) {
  Response response;
  response.status = 401;
  response.content_type("application/problem+json");
  response.header("WWW-Authenticate", "Bearer");
  response.header("Upgrade", "websocket");
  response.header("Set-Cookie", "session=1");
  HeadWriter writer;
  ResponseFields fields;
  fields.length = 77;
  fields.date = "now";
  fields.request_id = "id";
  std::string all;
  for (const OutField& field : writer.write(response, fields)) {
    all.append(field.name).append("=").append(field.value);
    all.append(field.stays_out_of_table ? "!\n" : "\n");
  }
  EXPECT_EQ(all,
            ":status=401\ndate=now\nx-request-id=id!\ncontent-type=application/problem+json\n"
            "content-length=77\nwww-authenticate=Bearer\nset-cookie=session=1!\n");
}

}  // namespace
}  // namespace keywright::http::h2
