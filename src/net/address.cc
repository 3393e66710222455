#include "net/address.h"

#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace keywright::net {

namespace {

tl::unexpected<Error> invalid_address(std::string_view text) {
  return fail(
      Code::invalid_argument, "invalid_address",
      std::string(text) + " is not an address and port, such as 127.0.0.1:8080 or [::1]:8080.");
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid_address(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid_address(text);
  }
  std::uint16_t port = 0;
  const char* end = port_text.data() + port_text.size();
  auto [rest, problem] = std::from_chars(port_text.data(), end, port);
  if (problem != std::errc{} || rest != end || port_text.empty()) return invalid_address(text);
  if (host.empty()) host = "127.0.0.1";
  auto address = IpAddress::parse(host);
  if (!address) return invalid_address(text);
  Endpoint endpoint;
  endpoint.address = *address;
  endpoint.port = port;
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  std::string host = endpoint.address.to_string();
  if (!endpoint.address.is_v4()) host = "[" + host + "]";
  return host + ":" + std::to_string(endpoint.port);
}

unsigned to_system(const Endpoint& endpoint, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  const auto& bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data() + 12, 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, bytes.data(), 16);
  return sizeof v6;
}

Endpoint from_system(const sockaddr_storage& system) {
  Endpoint endpoint;
  if (system.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(system);
    std::uint8_t bytes[4];
    std::memcpy(bytes, &v4.sin_addr, 4);
    endpoint.address = IpAddress::from_v4(bytes[0], bytes[1], bytes[2], bytes[3]);
    endpoint.port = ntohs(v4.sin_port);
  } else if (system.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(system);
    IpAddress::Bytes16 bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
    endpoint.address = IpAddress(bytes);
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

}  // namespace keywright::net
