#include "api/admission/credentials.h"

#include <gtest/gtest.h>

namespace keywright::admission {
namespace {

using domain::Carrier;

Result<std::optional<app::Presented>> find(std::initializer_list<http::Field> fields) {
  http::Request request;
  for (const http::Field& field : fields) request.headers.add(field);
  return find_credential(request, "keywright_session");
}

std::string reason_of(std::initializer_list<http::Field> fields) {
  const auto found = find(fields);
  return found ? "" : found.error().reason();
}

TEST(Credentials, NothingIsNoError) {
  const auto found = find({{"Accept", "*/*"}, {"Cookie", "theme=dark"}});
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
}

TEST(Credentials, TheSchemeIsReadWithoutCase) {
  for (std::string_view value : {"Bearer abc", "bearer abc", "BEARER   abc"}) {
    const auto found = find({{"authorization", value}});
    ASSERT_TRUE(found && found->has_value()) << value;
    EXPECT_EQ((*found)->token, "abc");
    EXPECT_EQ((*found)->carrier, Carrier::bearer);
  }
  const auto jwt = find({{"Authorization", "JWT a.b.c"}});
  ASSERT_TRUE(jwt && jwt->has_value());
  EXPECT_EQ((*jwt)->carrier, Carrier::jwt_scheme);
}

TEST(Credentials, AnApiKeyFieldAndTheSessionCookieAreCredentials) {
  const auto key = find({{"x-api-key", "mibo_x"}});
  ASSERT_TRUE(key && key->has_value());
  EXPECT_EQ((*key)->carrier, Carrier::x_api_key);
  EXPECT_FALSE((*key)->cookie);
  const auto cookie = find({{"Cookie", "a=b; keywright_session=kws_x"}});
  ASSERT_TRUE(cookie && cookie->has_value());
  EXPECT_EQ((*cookie)->token, "kws_x");
  EXPECT_TRUE((*cookie)->cookie);
}

TEST(Credentials, MalformedAuthorizationIsTheUniformRefusal) {
  for (std::string_view value : {"", "Bearer", "Bearer ", "Bearer a b", "Basic dTpw", "abc",
                                 "Bearer a\tb", "Bearer \xc3\xa9", "Digest x"}) {
    EXPECT_EQ(reason_of({{"Authorization", value}}), "unauthenticated") << value;
  }
  EXPECT_EQ(reason_of({{"X-API-Key", ""}}), "unauthenticated");
}

TEST(Credentials, TwoDifferentOnesAreRefused) {
  const http::Field bearer{"Authorization", "Bearer abc"};
  const http::Field api_key{"X-API-Key", "abcd"};
  const http::Field cookie{"Cookie", "keywright_session=abc"};
  EXPECT_EQ(reason_of({bearer, api_key}), "several_credentials");
  EXPECT_EQ(reason_of({bearer, {"X-API-Key", ""}}), "several_credentials");
  EXPECT_EQ(reason_of({bearer, bearer}), "several_credentials");
  EXPECT_EQ(reason_of({api_key, api_key}), "several_credentials");
  EXPECT_EQ(reason_of({bearer, cookie}), "several_credentials");
  EXPECT_EQ(reason_of({api_key, cookie}), "several_credentials");
}

// Clients exist that fill in every field their form has.
TEST(Credentials, TheSameKeyInBothFieldsIsOneCredential) {
  const auto found = find({{"Authorization", "Bearer abc"}, {"X-API-Key", "abc"}});
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((*found)->token, "abc");
  EXPECT_EQ((*found)->carrier, Carrier::bearer);
}

TEST(Credentials, AnEmptyCookieIsNone) {
  const auto found = find({{"Cookie", "keywright_session="}, {"Authorization", "Bearer abc"}});
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((*found)->token, "abc");
}

TEST(Credentials, KeysInTheQueryAreRefusedHoweverTheNameIsSpelled) {
  for (std::string_view text : {"api_key=x", "a=b&ACCESS_TOKEN=x", "%61pi_key=x", "api%5Fkey"}) {
    const auto query = http::Query::parse(text);
    ASSERT_TRUE(query) << text;
    const auto checked = refuse_credential_in_query(*query);
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().reason(), "credential_in_query");
  }
  EXPECT_TRUE(refuse_credential_in_query(*http::Query::parse("q=api_key&limit=5")));
}

TEST(Credentials, CookiesAreSecureWhereTlsEndsBeforeUs) {
  http::Request request;
  app::Settings settings;
  settings.public_url = "http://keys.example.org";
  EXPECT_FALSE(is_secure(request, settings));
  settings.public_url = "https://keys.example.org";
  EXPECT_TRUE(is_secure(request, settings));
  settings.public_url = "";
  request.secure = true;
  EXPECT_TRUE(is_secure(request, settings));
}

}  // namespace
}  // namespace keywright::admission
