// mcp_connect/probe.h - asks an MCP server what it is, without changing anything there.
//
//   const app::McpHealth found = probe({url, headers, allow}, clock);
//
// First `server/discover` of 2026-07-28; a server that does not know it is asked to `initialize` as
// of 2025-11-25, and the session that this may open is ended with DELETE. Either way `tools/list`
// counts its tools. Answers may come as JSON or as events. Nothing else is called.
//
// Redirects are not followed, and each connection passes the guard of addresses that the gateway's
// do (app/upstream.h). What the server says about itself is cut and blotted before it is shown.
//
// Errors: none; what went wrong is the result's `problem`.
// Threading: blocks; never an io thread. Cost: up to kProbeSeconds, a few hundred KiB.
// Source: MCP 2026-07-28 (versioning, discover), 2025-11-25 (lifecycle, streamable HTTP).
#pragma once

#include <functional>
#include <string>

#include "app/mcp_health.h"
#include "base/clock.h"
#include "http/client.h"

namespace keywright::mcp_connect {

inline constexpr std::chrono::seconds kProbeSeconds{9};  // for all of it

struct ProbeTarget {
  std::string url;
  http::HeaderList headers;  // its own credentials
  std::function<bool(const IpAddress&)> allow;
};

app::McpHealth probe(const ProbeTarget& target, const Clock& clock);

}  // namespace keywright::mcp_connect
