#include "mcp/origin.h"

#include <gtest/gtest.h>

namespace keywright::mcp {
namespace {

Visitor visitor(std::optional<std::string_view> origin, std::string_view authority,
                bool from_loopback = true) {
  return {origin, authority, from_loopback, "https://keys.example.com"};
}

TEST(Origin, ProgramsSendNoneAndMayCome) {
  EXPECT_TRUE(origin_is_allowed(visitor(std::nullopt, "127.0.0.1:8080")));
}

TEST(Origin, ThePublicAddressMayCome) {
  EXPECT_TRUE(origin_is_allowed(visitor("https://keys.example.com", "keys.example.com")));
  EXPECT_TRUE(origin_is_allowed(visitor("https://keys.example.com:443", "10.0.0.1", false)));
  EXPECT_FALSE(origin_is_allowed(visitor("http://keys.example.com", "keys.example.com")));
}

TEST(Origin, PagesOfThisMachineMayComeOnThisMachine) {
  EXPECT_TRUE(origin_is_allowed(visitor("http://localhost:6274", "127.0.0.1:8080")));
  EXPECT_TRUE(origin_is_allowed(visitor("http://[::1]:8080", "[::1]:8080")));
  EXPECT_FALSE(origin_is_allowed(visitor("http://localhost:6274", "10.0.0.1:8080", false)));
}

TEST(Origin, StrangersMayNot) {
  for (const char* origin : {"http://evil.example.com", "null", "", "file://",
                             "http://localhost.evil.com", "http://evil.com:80@localhost"}) {
    EXPECT_FALSE(origin_is_allowed(visitor(origin, "127.0.0.1:8080"))) << origin;
  }
  // A rebound name is its own origin, and still a stranger's.
  EXPECT_FALSE(origin_is_allowed(visitor("http://evil.example.com", "evil.example.com")));
}

TEST(Origin, OneThatIsSentTwiceMayNot) {
  Visitor page = visitor("https://keys.example.com", "keys.example.com");
  page.origin_repeated = true;
  EXPECT_FALSE(origin_is_allowed(page));
}

TEST(Host, OnThisMachineOnlyNamesOfOursAreServed) {
  for (const char* host : {"localhost:8080", "127.0.0.1", "[::1]:80", "keys.example.com"}) {
    EXPECT_TRUE(host_is_ours(visitor(std::nullopt, host))) << host;
  }
  EXPECT_FALSE(host_is_ours(visitor(std::nullopt, "evil.example.com")));
  EXPECT_FALSE(host_is_ours(visitor("http://a.b", "evil.example.com", false)));
}

TEST(Host, ANeighbourMayUseAnyNameForUs) {
  EXPECT_TRUE(host_is_ours(visitor(std::nullopt, "keywright:8080", false)));
}

}  // namespace
}  // namespace keywright::mcp
