// net/address.h - an IP address with a port.
//
//   KW_TRY(net::Endpoint endpoint, net::parse_endpoint("127.0.0.1:8080"));   // or "[::1]:0"
//   net::to_string(endpoint)  ->  "127.0.0.1:8080", "[::1]:8080"
//
// Errors: invalid_argument, reason "invalid_address". Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"

struct sockaddr_storage;

namespace keywright::net {

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

// A literal address and a port; names are not resolved. An empty host means 127.0.0.1.
Result<Endpoint> parse_endpoint(std::string_view text);
std::string to_string(const Endpoint& endpoint);

// To and from the system's form; an IPv4-mapped IPv6 address becomes IPv4.
unsigned to_system(const Endpoint& endpoint, sockaddr_storage& out);  // returns the length
Endpoint from_system(const sockaddr_storage& system);

}  // namespace keywright::net
