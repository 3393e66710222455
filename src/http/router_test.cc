#include "http/router.h"

#include <gtest/gtest.h>

#include <string>

namespace keywright::http {
namespace {

enum Route : std::size_t { list, create, verify, show, change, rotate, console, root, both, info };

Router routes() {
  Router router;
  router.add("GET /api/v1/keys", list);
  router.add("POST /api/v1/keys", create);
  router.add("POST /api/v1/keys/verify", verify);
  router.add("GET /api/v1/keys/{id}", show);
  router.add("PATCH /api/v1/keys/{key_id}", change);
  router.add("POST /api/v1/keys/{id}/rotate", rotate);
  router.add("GET /console/{rest...}", console);
  router.add("GET /", root);
  router.add("GET /a/{first}/b/{second}", both);
  router.add("OPTIONS /api/v1/keys", info);
  return router;
}

RouteOutcome match(Method method, std::string_view path, RouteMatch& found) {
  static const Router router = routes();
  return router.match(method, path, found);
}

TEST(Router, FindsRoutesAndParameters) {
  RouteMatch found;
  EXPECT_EQ(match(Method::get, "/api/v1/keys", found), RouteOutcome::found);
  EXPECT_EQ(found.route, list);
  EXPECT_EQ(match(Method::get, "/api/v1/keys/abc", found), RouteOutcome::found);
  EXPECT_EQ(found.route, show);
  EXPECT_EQ(found.parameter("id"), "abc");
  EXPECT_EQ(match(Method::patch, "/api/v1/keys/abc", found), RouteOutcome::found);
  EXPECT_EQ(found.parameter("key_id"), "abc");
  EXPECT_EQ(found.parameter("id"), "");
  EXPECT_EQ(match(Method::get, "/a/x%20y/b/z%C3%A4", found), RouteOutcome::found);
  EXPECT_EQ(found.parameter("first"), "x y");
  EXPECT_EQ(found.parameter("second"), "z\xc3\xa4");
  EXPECT_EQ(match(Method::get, "/", found), RouteOutcome::found);
  EXPECT_EQ(found.route, root);
}

TEST(Router, ALiteralPathGoesBeforeAParameterForEveryMethod) {
  RouteMatch found;
  EXPECT_EQ(match(Method::post, "/api/v1/keys/verify", found), RouteOutcome::found);
  EXPECT_EQ(found.route, verify);
  EXPECT_EQ(match(Method::post, "/api/v1/keys/verify/rotate", found), RouteOutcome::found);
  EXPECT_EQ(found.route, rotate);
  EXPECT_EQ(found.parameter("id"), "verify");
  EXPECT_EQ(match(Method::get, "/api/v1/keys/verify", found), RouteOutcome::wrong_method);
  EXPECT_EQ(found.allow(), "POST");
}

TEST(Router, WrongMethodNamesThoseAllowed) {
  RouteMatch found;
  EXPECT_EQ(match(Method::delete_, "/api/v1/keys", found), RouteOutcome::wrong_method);
  EXPECT_EQ(found.allow(), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(match(Method::other, "/api/v1/keys/x/rotate", found), RouteOutcome::wrong_method);
  EXPECT_EQ(found.allow(), "POST");
}

TEST(Router, HeadGoesWhereGetGoes) {
  RouteMatch found;
  EXPECT_EQ(match(Method::head, "/api/v1/keys/abc", found), RouteOutcome::found);
  EXPECT_EQ(found.route, show);
  EXPECT_EQ(found.parameter("id"), "abc");
}

TEST(Router, UnknownPathsAreUnknown) {
  RouteMatch found;
  for (std::string_view path :
       {"", "*", "/api", "/api/v1/keys/", "/api/v1/keys//rotate", "//api/v1/keys", "/api/v1/key%73",
        "/API/v1/keys", "/api/v1/keys/a/b", "/a/x/b/"}) {
    EXPECT_EQ(match(Method::get, path, found), RouteOutcome::unknown_path) << path;
  }
}

TEST(Router, ParametersThatAreNotNamesAreRefused) {
  RouteMatch found;
  for (std::string_view value : {"%2f", "a%2Fb", "%5c", "..", "%2e%2e", ".", "%2E", "%00", "a%0ab",
                                 "%7f", "%ff", "%c0%af", "%ed%a0%80", "a\\b"}) {
    EXPECT_EQ(match(Method::get, "/api/v1/keys/" + std::string(value), found),
              RouteOutcome::bad_path)
        << value;
  }
  EXPECT_EQ(match(Method::get, "/api/v1/keys/%252f", found), RouteOutcome::found) << "decoded once";
  EXPECT_EQ(found.parameter("id"), "%2f");
  EXPECT_EQ(match(Method::get, "/api/v1/keys/" + std::string(2000, '%'), found),
            RouteOutcome::bad_path);
  std::string long_encoded;
  for (int i = 0; i < 600; ++i) long_encoded += "%61";
  EXPECT_EQ(match(Method::get, "/api/v1/keys/" + long_encoded, found), RouteOutcome::bad_path);
}

TEST(Router, RestKeepsItsSlashesAndItsEncoding) {
  RouteMatch found;
  EXPECT_EQ(match(Method::get, "/console/", found), RouteOutcome::found);
  EXPECT_EQ(found.parameter("rest"), "");
  EXPECT_EQ(match(Method::get, "/console/a/b%2fc/", found), RouteOutcome::found);
  EXPECT_EQ(found.parameter("rest"), "a/b%2fc/");
  EXPECT_EQ(match(Method::get, "/console", found), RouteOutcome::unknown_path);
}

TEST(RouterDeathTest, MistakesInTheProgramEndIt) {
  Router router;
  router.add("GET /a", 1);
  EXPECT_DEATH(router.add("GET /a", 2), "mistaken route: GET /a");
  EXPECT_DEATH(router.add("FETCH /b", 2), "mistaken route");
  EXPECT_DEATH(router.add("GET b", 2), "mistaken route");
  EXPECT_DEATH(router.add("GET /{rest...}/b", 2), "mistaken route");
}

}  // namespace
}  // namespace keywright::http
