#include "base/ip.h"

#include <gtest/gtest.h>

namespace keywright {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
Cidr cidr(std::string_view text) { return Cidr::parse(text).value(); }

TEST(IpAddress, IsWrittenInItsShortestForm) {
  EXPECT_EQ(ip("192.0.2.7").to_string(), "192.0.2.7");
  EXPECT_EQ(ip("2001:0DB8:0:0:0:0:0:0007").to_string(), "2001:db8::7");
  EXPECT_EQ(ip("::").to_string(), "::");
  EXPECT_EQ(IpAddress::from_v4(10, 0, 0, 1), ip("10.0.0.1"));
}

TEST(IpAddress, AMappedAddressIsTheIpv4Address) {
  EXPECT_EQ(ip("::ffff:192.0.2.7"), ip("192.0.2.7"));
  EXPECT_EQ(ip("::ffff:c000:207").to_string(), "192.0.2.7");
  EXPECT_TRUE(ip("::ffff:127.0.0.1").is_loopback());
  EXPECT_FALSE(ip("::127.0.0.1").is_v4());
}

TEST(IpAddress, OtherShapesAreRefused) {
  for (std::string_view text :
       {"",          "1",          "1.2.3",
        "1.2.3.4.5", "1.2.3.256",  "01.2.3.4",
        "010.0.0.1", "0x7f.0.0.1", "1.2.3.4 ",
        " 1.2.3.4",  "1.2.3.-4",   "2130706433",
        "::1%lo",    "[::1]",      "1::2::3",
        ":::",       "12345::",    "::ffff:010.0.0.1",
        "localhost", "1.2.3.4:80", "0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, IsLoopbackPrivateOrOtherwiseSpecialExactlyInThoseNetworks) {
  for (std::string_view text : {"127.0.0.1", "127.255.255.255", "::1"}) {
    EXPECT_TRUE(ip(text).is_loopback()) << text;
  }
  for (std::string_view text : {"128.0.0.1", "::2", "::"}) {
    EXPECT_FALSE(ip(text).is_loopback()) << text;
  }
  for (std::string_view text :
       {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "100.64.0.1",
        "100.127.255.255", "fc00::1", "fdff::1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(ip(text).is_private()) << text;
  }
  for (std::string_view text :
       {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0",
        "100.63.255.255", "100.128.0.0", "fe00::1", "::10.0.0.1"}) {
    EXPECT_FALSE(ip(text).is_private()) << text;
  }
  EXPECT_TRUE(ip("169.254.169.254").is_link_local());
  EXPECT_TRUE(ip("fe80::1").is_link_local());
  EXPECT_TRUE(ip("febf::1").is_link_local());
  EXPECT_FALSE(ip("fec0::1").is_link_local());
  EXPECT_FALSE(ip("169.253.1.1").is_link_local());
  EXPECT_TRUE(ip("224.0.0.1").is_multicast());
  EXPECT_TRUE(ip("ff02::1").is_multicast());
  EXPECT_FALSE(ip("223.255.255.255").is_multicast());
  EXPECT_TRUE(ip("0.0.0.0").is_unspecified());
  EXPECT_TRUE(ip("::").is_unspecified());
  EXPECT_FALSE(ip("0.0.0.1").is_unspecified());
}

TEST(Cidr, ContainsExactlyItsAddresses) {
  Cidr ten = cidr("10.0.0.0/8");
  EXPECT_TRUE(ten.contains(ip("10.0.0.0")));
  EXPECT_TRUE(ten.contains(ip("10.255.255.255")));
  EXPECT_TRUE(ten.contains(ip("::ffff:10.1.2.3")));
  EXPECT_FALSE(ten.contains(ip("11.0.0.0")));
  EXPECT_FALSE(ten.contains(ip("9.255.255.255")));
  Cidr odd = cidr("192.0.2.128/27");
  EXPECT_TRUE(odd.contains(ip("192.0.2.159")));
  EXPECT_FALSE(odd.contains(ip("192.0.2.160")));
  EXPECT_FALSE(odd.contains(ip("192.0.2.127")));
  Cidr six = cidr("2001:db8::/33");
  EXPECT_TRUE(six.contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(six.contains(ip("2001:db8:8000::")));
}

TEST(Cidr, ABareAddressIsANetworkOfOne) {
  EXPECT_EQ(cidr("192.0.2.7").to_string(), "192.0.2.7/32");
  EXPECT_EQ(cidr("2001:db8::7").to_string(), "2001:db8::7/128");
  EXPECT_TRUE(cidr("192.0.2.7").contains(ip("192.0.2.7")));
  EXPECT_FALSE(cidr("192.0.2.7").contains(ip("192.0.2.6")));
}

TEST(Cidr, TheFamiliesDoNotOverlap) {
  EXPECT_TRUE(cidr("0.0.0.0/0").contains(ip("255.1.2.3")));
  EXPECT_FALSE(cidr("0.0.0.0/0").contains(ip("2001:db8::1")));
  EXPECT_TRUE(cidr("::/0").contains(ip("2001:db8::1")));
  EXPECT_FALSE(cidr("::/0").contains(ip("10.0.0.1")));
}

TEST(Cidr, AMappedNetworkIsTheIpv4Network) {
  EXPECT_EQ(cidr("::ffff:10.0.0.0/104"), cidr("10.0.0.0/8"));
  EXPECT_EQ(cidr("::ffff:0:0/96").to_string(), "0.0.0.0/0");
}

TEST(Cidr, HostBitsAreRefusedWithTheNetworkToUse) {
  auto refused = Cidr::parse("10.1.2.3/8");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "invalid_cidr");
  EXPECT_NE(refused.error().detail().find("10.0.0.0/8"), std::string::npos);
  auto six = Cidr::parse("2001:db8::1/32");
  ASSERT_FALSE(six);
  EXPECT_NE(six.error().detail().find("2001:db8::/32"), std::string::npos);
  EXPECT_FALSE(Cidr::parse("0.0.0.1/0"));
}

TEST(Cidr, OtherShapesAreRefused) {
  for (std::string_view text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1",
                                "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8", "::/129", "10/8",
                                "10.0.0.0/255.0.0.0", "::/1000000000000"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

}  // namespace
}  // namespace keywright
