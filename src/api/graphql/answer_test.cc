#include "api/graphql/answer.h"

#include <gtest/gtest.h>

namespace keywright::graphql_face {
namespace {

Media wanted(std::string_view accept) {
  http::Request request;
  request.headers.add({"Accept", accept});
  return media_wanted(request);
}

TEST(Accept, TheNewerTypeIsGivenToThoseWhoAskForIt) {
  EXPECT_EQ(Media::json, wanted(""));
  EXPECT_EQ(Media::json, wanted("*/*"));
  EXPECT_EQ(Media::json, wanted("application/json"));
  EXPECT_EQ(Media::json, wanted("text/html"));
  EXPECT_EQ(Media::graphql_response, wanted("application/graphql-response+json"));
  EXPECT_EQ(Media::graphql_response,
            wanted("application/graphql-response+json, application/json;q=0.9"));
  EXPECT_EQ(Media::json, wanted("application/graphql-response+json;q=0.5, application/json"));
  EXPECT_EQ(Media::json, wanted("application/graphql-response+json;q=0"));
}

TEST(Refusal, A401SaysThatThereIsNoData) {
  http::Response response;
  write_refusal(response, Media::json, Error(Code::unauthenticated, "unauthenticated", "Who?"),
                true);
  EXPECT_EQ(401, response.status);
  EXPECT_EQ(
      R"({"errors":[{"message":"Who?","extensions":{"code":"UNAUTHENTICATED"}}],"data":null})",
      response.body);
  EXPECT_NE(std::string_view::npos, response.header_block().find("error=\"invalid_token\""));
}

}  // namespace
}  // namespace keywright::graphql_face
