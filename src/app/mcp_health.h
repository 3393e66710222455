// app/mcp_health.h - whether a registered MCP server answers, and which protocol it speaks.
//
//   if (app.mcp_health == nullptr) return unavailable;       // an application that calls none
//   KW_CO_TRY(McpHealth found, co_await app.mcp_health->probe(server));
//   std::optional<McpHealth> before = app.mcp_health->last(server);
//
// The interface stands here so that operations need not know how servers are called; the room
// `mcp_connect` implements it. It knows nothing of rights: whoever asks has found out before that
// the caller may look at the server.
//
// Results are kept in memory, of this node alone, and are no records: what decides who may connect
// does not look at them. A result is of the address and the headers it was made with; when those
// change there is none.
//
// Errors: unavailable/overloaded where too many probes wait. A server that does not answer is a
// result. Threading: probe() on an io thread, last() on any. Cost: probe() some seconds at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "domain/access/objects.h"
#include "json/describe.h"

namespace keywright::app {

enum class McpEra : unsigned char { modern, legacy };
KW_DESCRIBE_ENUM(McpEra, modern, legacy)

struct McpHealth {
  bool reachable = false;
  std::optional<McpEra> era;
  std::optional<std::string> protocol_version;
  std::optional<std::string> server_name;
  std::optional<std::string> server_version;
  std::optional<std::int64_t> tools_count;
  std::optional<std::int64_t> latency_ms;
  std::optional<std::string> problem;
  Time checked_at;
};
KW_DESCRIBE(McpHealth, field<&McpHealth::reachable>("reachable", "It answered as an MCP server."),
            field<&McpHealth::era>("era",
                                   "modern: without sessions, from 2026-07-28 on; legacy: with "
                                   "initialize, up to 2025-11-25."),
            field<&McpHealth::protocol_version>("protocol_version", "What it agreed to speak."),
            field<&McpHealth::server_name>("server_name", "What it calls itself."),
            field<&McpHealth::server_version>("server_version", "The version it names."),
            field<&McpHealth::tools_count>("tools_count", "How many tools it lists."),
            field<&McpHealth::latency_ms>("latency_ms", "Until it had answered the first time."),
            field<&McpHealth::problem>("problem", "Why it is not reachable."),
            field<&McpHealth::checked_at>("checked_at", "When it was asked."))

class McpHealthChecks {
 public:
  virtual ~McpHealthChecks() = default;
  // Asks the server now. Calls that would change something are not made; a session that it opens
  // for the question is ended again.
  virtual Task<Result<McpHealth>> probe(domain::McpServer server) = 0;
  // What it answered last; nothing if it was not asked since it looks like this.
  virtual std::optional<McpHealth> last(const domain::McpServer& server) const = 0;
};

}  // namespace keywright::app
