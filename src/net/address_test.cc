#include "net/address.h"

#include <gtest/gtest.h>

#include <string>

#include <sys/socket.h>

namespace keywright::net {
namespace {

TEST(Endpoint, IsReadAndWrittenInBothFamilies) {
  for (std::string_view text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:65535", "[2001:db8::1]:1"}) {
    auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint.has_value()) << text;
    EXPECT_EQ(to_string(*endpoint), text);
    sockaddr_storage system;
    to_system(*endpoint, system);
    EXPECT_EQ(to_string(from_system(system)), text);
  }
  EXPECT_EQ(to_string(*parse_endpoint(":80")), "127.0.0.1:80");
}

TEST(Endpoint, NonsenseIsRefused) {
  for (std::string_view text :
       {"", "80", "a:80", "localhost:80", "::1:80", "[::1]", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:8x", "[::1:80", "127.0.0.1:80 "}) {
    auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint.error().reason(), "invalid_address");
  }
}

}  // namespace
}  // namespace keywright::net
