#include "mcp_connect/scope_challenge.h"

#include <algorithm>

namespace keywright::mcp_connect {

namespace {

// RFC 6749, 3.3: visible, without the two that would end or escape a quoted string.
bool may_stand_in_scope(char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '\\'; }

}  // namespace

std::optional<std::string_view> server_of(std::string_view path) {
  path.remove_prefix(kPrefix.size());
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  return path;
}

std::string scope_challenge(std::string_view server) {
  std::string challenge = "Bearer realm=\"keywright\", error=\"insufficient_scope\"";
  const bool is_named = !server.empty() && server.size() <= kServerNameMax &&
                        std::all_of(server.begin(), server.end(), may_stand_in_scope);
  if (is_named) challenge.append(", scope=\"mcp:").append(server).append("\"");
  challenge += ", error_description=\"The key does not reach this\"";
  return challenge;
}

}  // namespace keywright::mcp_connect
