// mcp_connect/scope_challenge.h - which server an address names, and what a good key that does not
// open it is told.
//
//   server_of("/mcp-connect/github")        // "github"
//   scope_challenge("github")               // Bearer ..., scope="mcp:github", ...
//
// The name is the one the client wrote, so the answer is the same whether there is such a server.
//
// Threading: pure functions. Lifetime: server_of() is a view into the path.
// Source: RFC 6750, 3 and 3.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keywright::mcp_connect {

inline constexpr std::string_view kPrefix = "/mcp-connect/";
inline constexpr std::size_t kServerNameMax = 128;

// The server's id or slug; nothing for a path with more segments.
std::optional<std::string_view> server_of(std::string_view path);

// The value of WWW-Authenticate with a 403 `insufficient_scope`. What cannot stand in a scope, or
// is longer than kServerNameMax, is not named.
std::string scope_challenge(std::string_view server);

}  // namespace keywright::mcp_connect
