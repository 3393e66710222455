// base/ip.h - IP addresses and networks.
//
//   KW_TRY(IpAddress client, IpAddress::parse("192.0.2.7"));
//   KW_TRY(Cidr office, Cidr::parse("192.0.2.0/24"));       // "192.0.2.7" alone means /32
//   office.contains(client)                                  -> true
//
// An IPv6 address that carries an IPv4 one (::ffff:a.b.c.d, what a dual-stack socket reports) *is*
// that IPv4 address here: it is read, compared and printed as such. The families do not overlap:
// ::/0 contains no IPv4 address.
// Errors: invalid_argument/invalid_ip_address, invalid_cidr. Strict: four decimal numbers without
// leading zeros, no zone ids, no port, no surrounding space; a network with bits set after its
// prefix is refused with the one it should have been.
// Threading: plain values.
// Cost: contains() a few ns, no allocation.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keywright {

class IpAddress {
 public:
  // Bytes of the 16-byte form in network order; IPv4 is ::ffff:a.b.c.d.
  using Bytes16 = std::array<std::uint8_t, 16>;

  IpAddress() = default;  // ::
  explicit IpAddress(const Bytes16& bytes) noexcept : bytes_(bytes) {}
  static IpAddress from_v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept;
  static Result<IpAddress> parse(std::string_view text);

  std::string to_string() const;
  const Bytes16& bytes() const noexcept { return bytes_; }
  bool is_v4() const noexcept;

  bool is_unspecified() const noexcept;  // 0.0.0.0 and ::
  bool is_loopback() const noexcept;     // 127.0.0.0/8 and ::1
  bool is_link_local() const noexcept;   // 169.254.0.0/16 and fe80::/10
  bool is_private() const noexcept;      // 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7
  bool is_multicast() const noexcept;    // 224.0.0.0/4 and ff00::/8

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Bytes16 bytes_{};
};

class Cidr {
 public:
  Cidr() = default;  // ::/128
  static Result<Cidr> parse(std::string_view text);

  bool contains(const IpAddress& address) const noexcept;
  std::string to_string() const;  // always with the prefix length

  const IpAddress& network() const noexcept { return network_; }
  // As written for the family: 0 to 32, or 0 to 128.
  int prefix_length() const noexcept;

  friend auto operator<=>(const Cidr&, const Cidr&) = default;

 private:
  Cidr(const IpAddress& network, int bits) noexcept : network_(network), bits_(bits) {}

  IpAddress network_;
  int bits_ = 128;  // counted in the 16-byte form
};

}  // namespace keywright
