#include "mcp_connect/scope_challenge.h"

#include <gtest/gtest.h>

namespace keywright::mcp_connect {
namespace {

TEST(ScopeChallenge, NamesTheServerAsTheClientWroteIt) {
  EXPECT_EQ(scope_challenge("github"),
            "Bearer realm=\"keywright\", error=\"insufficient_scope\", scope=\"mcp:github\", "
            "error_description=\"The key does not reach this\"");
}

TEST(ScopeChallenge, WhatCannotStandInAFieldIsNotNamed) {
  for (const std::string& name :
       {std::string("a\"b"), std::string("a\\b"), std::string("a b"), std::string("a\r\nb"),
        std::string("\xC3\xA4"), std::string(), std::string(kServerNameMax + 1, 'x')}) {
    EXPECT_EQ(scope_challenge(name).find("scope=\""), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace keywright::mcp_connect
