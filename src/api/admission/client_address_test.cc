#include "api/admission/client_address.h"

#include <vector>

#include <gtest/gtest.h>

namespace keywright::admission {
namespace {

const IpAddress kProxy = IpAddress::from_v4(10, 0, 0, 1);

std::string address_of(std::initializer_list<std::string_view> forwarded,
                       const IpAddress& peer = kProxy) {
  const std::vector<Cidr> trusted{*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd00::/8")};
  http::Request request;
  request.peer = peer;
  for (std::string_view value : forwarded) request.headers.add({"X-Forwarded-For", value});
  return client_address(request, trusted).to_string();
}

TEST(ClientAddress, TheFieldIsIgnoredUnlessTheProxyIsTrusted) {
  EXPECT_EQ(address_of({"192.0.2.7"}, IpAddress::from_v4(203, 0, 113, 5)), "203.0.113.5");
  http::Request request;
  request.peer = kProxy;
  request.headers.add({"X-Forwarded-For", "192.0.2.7"});
  EXPECT_EQ(client_address(request, {}).to_string(), "10.0.0.1");
}

TEST(ClientAddress, TheRightMostUntrustedHopIsTheClient) {
  EXPECT_EQ(address_of({"192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(address_of({"1.2.3.4, 192.0.2.7, 10.9.9.9"}), "192.0.2.7");
  EXPECT_EQ(address_of({"1.2.3.4", "192.0.2.7 ,10.9.9.9"}), "192.0.2.7");
}

TEST(ClientAddress, WithoutAnUntrustedHopItIsTheLeftMost) {
  EXPECT_EQ(address_of({"10.1.1.1, 10.2.2.2"}), "10.1.1.1");
  EXPECT_EQ(address_of({}), "10.0.0.1");
}

TEST(ClientAddress, WhatIsNoAddressEndsTheReading) {
  EXPECT_EQ(address_of({"192.0.2.7, unknown"}), "10.0.0.1");
  EXPECT_EQ(address_of({"192.0.2.7, garbage, 10.3.3.3"}), "10.3.3.3");
  EXPECT_EQ(address_of({""}), "10.0.0.1");
}

TEST(ClientAddress, PortsAndBracketsAreUnderstood) {
  EXPECT_EQ(address_of({"192.0.2.7:4711"}), "192.0.2.7");
  EXPECT_EQ(address_of({"[2001:db8::7]:443"}), "2001:db8::7");
  EXPECT_EQ(address_of({"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(address_of({"2001:db8::7, fd00::1"}), "2001:db8::7");
}

}  // namespace
}  // namespace keywright::admission
