// mcp/origin.h - may a web page at this origin talk to us, and is this host name ours at all?
//
//   const Visitor visitor{origin, request.authority, request.peer.is_loopback(), public_url};
//   if (!host_is_ours(visitor)) ...                    // 403
//   if (!origin_is_allowed(visitor)) ...               // 403
//
// A page of a stranger can make his name resolve to an address of ours (DNS rebinding), and then
// speak to us as if we were his server. So a request that names an Origin must come from our public
// address, or, on this machine, from a page of this machine. And on a connection from this machine,
// which is where a browser would be, the Host must be a name of this machine or the public one.
//
// Threading: pure functions. Source: MCP 2026-07-28, streamable HTTP, security.
#pragma once

#include <optional>
#include <string_view>

namespace keywright::mcp {

struct Visitor {
  std::optional<std::string_view> origin;  // the Origin field
  std::string_view authority;              // host[:port] of the request
  bool from_loopback = false;              // the peer is this machine
  std::string_view public_url;             // "https://keys.example.com"
  bool origin_repeated = false;            // no browser sends it twice
};

bool host_is_ours(const Visitor& visitor);
bool origin_is_allowed(const Visitor& visitor);

// "localhost", 127.0.0.0/8 or [::1], with or without a port.
bool is_loopback_authority(std::string_view authority);

}  // namespace keywright::mcp
