#include "api/targets/places.h"

#include <gtest/gtest.h>

namespace keywright::api_targets {
namespace {

using http::Method;

TEST(Places, EveryAddressWithItsSlashIsKnown) {
  const std::pair<std::string_view, Resource> expected[] = {
      {"/keys/", Resource::account_keys},
      {"/keys/k1/", Resource::account_key},
      {"/targets/", Resource::targets},
      {"/targets/t1/", Resource::target},
      {"/targets/t1/keys/", Resource::target_keys},
      {"/targets/t1/keys/k1/", Resource::target_key},
      {"/auth/obtain/", Resource::obtain},
      {"/auth/verify/", Resource::verify},
      {"/auth/refresh/", Resource::refresh},
      {"/auth/revoke/", Resource::revoke},
  };
  for (const auto& [path, resource] : expected) {
    EXPECT_TRUE(serves(path)) << path;
    const Place place = place_of(path);
    EXPECT_EQ(place.finding, Finding::known) << path;
    EXPECT_EQ(place.resource, resource) << path;
    const std::string_view bare = path.substr(0, path.size() - 1);
    EXPECT_TRUE(serves(bare)) << bare;
    EXPECT_EQ(place_of(bare).finding, Finding::slash_missing) << bare;
    EXPECT_EQ(place_of(bare).resource, resource) << bare;
  }
}

TEST(Places, IdsAreWhatStandsBetweenTheSlashes) {
  const Place key = place_of("/targets/a%20b/keys/-k_1/");
  EXPECT_EQ(key.target, "a%20b");
  EXPECT_EQ(key.key, "-k_1");
  EXPECT_EQ(place_of("/keys/k1/").key, "k1");
  EXPECT_EQ(place_of("/keys/k1/").target, "");
}

TEST(Places, AnEmptySegmentIsNeverCollapsed) {
  for (std::string_view path :
       {"/targets//", "/targets//keys/", "/targets//keys", "/keys//", "/targets/t1//keys/",
        "/targets/t1/keys//", "/auth/obtain//", "/targets/t1/keys//k1", "/keys///"}) {
    EXPECT_TRUE(serves(path)) << path;
    EXPECT_EQ(place_of(path).finding, Finding::empty_segment) << path;
  }
}

TEST(Places, WhatIsNotThereIsUnknown) {
  for (std::string_view path : {"/keys/a/b/", "/targets/t1/scans/", "/targets/t1/keys/k1/x/",
                                "/targets/t1/keys/k1/x/y/z/", "/auth/obtain/x/"}) {
    EXPECT_TRUE(serves(path)) << path;
    EXPECT_EQ(place_of(path).finding, Finding::unknown) << path;
  }
}

TEST(Places, AnEmptySegmentBeforeOurNamesIsOurs) {
  for (std::string_view path : {"//keys/", "///targets/", "/auth//verify/"}) {
    EXPECT_TRUE(serves(path)) << path;
    EXPECT_EQ(place_of(path).finding, Finding::empty_segment) << path;
  }
}

TEST(Places, OthersKeepTheirAddresses) {
  for (std::string_view path :
       {"/", "//", "/keysets/", "/targetss", "/auth", "/auth/", "/auth/shop", "/auth/obtainer/",
        "/auth/verify2", "/api/v1/keys", "/console/keys/", "*"}) {
    EXPECT_FALSE(serves(path)) << path;
  }
}

TEST(Places, MethodsAndTheirListAgree) {
  const std::pair<Method, std::string_view> methods[] = {
      {Method::get, "GET"},        {Method::head, "HEAD"},   {Method::post, "POST"},
      {Method::put, "PUT"},        {Method::patch, "PATCH"}, {Method::delete_, "DELETE"},
      {Method::options, "OPTIONS"}};
  for (int i = 0; i <= static_cast<int>(Resource::revoke); ++i) {
    const auto resource = static_cast<Resource>(i);
    for (const auto& [method, name] : methods) {
      const bool listed = allowed_methods(resource).find(name) != std::string_view::npos;
      EXPECT_EQ(allows(resource, method), listed) << i << " " << name;
    }
  }
}

}  // namespace
}  // namespace keywright::api_targets
