// mcp_connect/health.h - what registered MCP servers answered when they were asked.
//
//   mcp_connect::Health health(app);
//   app.mcp_health = &health;
//
// A probe (mcp_connect/probe.h) runs on threads of its own, since a server that hangs must not hold
// up anything else; the guard of addresses and the server's own headers are those of the gateway.
//
// Errors: see app/mcp_health.h. Threading: as there. Lifetime: app outlives it; the io threads run
// until its destructor has come back, which waits for a probe under way.
// Cost: two threads; a few hundred bytes for each server that was asked.
#pragma once

#include <mutex>
#include <unordered_map>

#include "app/mcp_health.h"
#include "app/operation.h"
#include "app/workers.h"
#include "gateway/prepared_upstreams.h"
#include "mcp_connect/probe.h"

namespace keywright::mcp_connect {

class Health final : public app::McpHealthChecks {
 public:
  explicit Health(app::App& app);

  Task<Result<app::McpHealth>> probe(domain::McpServer server) override;
  std::optional<app::McpHealth> last(const domain::McpServer& server) const override;

  // Where and how to ask, on an io thread; nothing if its address is none that may be used.
  std::optional<ProbeTarget> target_of(const domain::McpServer& server) const;
  app::McpHealth refused() const;  // the result for such a one
  void keep(const domain::McpServer& server, const app::McpHealth& health);

 private:
  struct Known {
    std::string url;
    domain::SealedHeaders sealed_headers;
    app::McpHealth health;
  };

  app::App& app_;
  const gateway::PreparedUpstreams prepared_;
  mutable std::mutex mutex_;
  std::unordered_map<Uuid, Known> known_;  // guarded by mutex_
  app::Workers workers_;                   // last: its jobs use the others
};

}  // namespace keywright::mcp_connect
