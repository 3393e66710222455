// app/upstream.h - addresses and headers that people register for others' requests to be sent to.
//
//   KW_TRY(Upstream upstream, parse_upstream("upstream_url", text, settings.allowed_upstreams));
//
// A server that calls addresses given to it can be made to call its own network (server-side
// request forgery). Loopback, private, link-local and other special addresses are refused here
// unless the operator allowed them, and once more when the gateway dials, because a name may
// resolve to another address by then. Numbers that only some parsers read as an address ("127.1",
// "0x7f000001") are refused as hosts.
//
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/change.h"
#include "base/ip.h"
#include "base/result.h"

namespace keywright::app {

struct Upstream {
  bool secure = false;
  std::string host;  // lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string path;  // "" or begins with "/"
};

Result<Upstream> parse_upstream(std::string_view field, std::string_view url,
                                std::span<const Cidr> allowed);

// May an upstream have this address?
bool upstream_address_allowed(const IpAddress& address, std::span<const Cidr> allowed);

// 1 to 63 of [a-z0-9-], not beginning or ending with "-".
Result<void> check_slug(std::string_view slug);
// "My Server!" -> "my-server"; "" if nothing is left.
std::string slug_from(std::string_view name);

// Headers that are added on the way upstream, sealed at rest. Refuses names that belong to the
// connection or to Keywright.
Result<domain::SealedHeaders> seal_headers(Change& change, std::string_view place,
                                           const std::map<std::string, std::string>& headers);
std::vector<std::string> names_of(const domain::SealedHeaders& headers);

}  // namespace keywright::app
