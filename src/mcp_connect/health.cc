#include "mcp_connect/health.h"

#include <utility>

#include <fmt/format.h>

#include "app/upstream.h"
#include "mcp_connect/probe.h"

namespace keywright::mcp_connect {

namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kWaitingMax = 16;
constexpr std::size_t kKnownMax = 10'000;  // then it begins anew

}  // namespace

Health::Health(app::App& app)
    : app_(app), prepared_(app.settings.allowed_upstreams), workers_(kThreads, kWaitingMax) {}

std::optional<ProbeTarget> Health::target_of(const domain::McpServer& server) const {
  const auto prepared = prepared_.prepare(
      app_.directory, {server.id.value, "mcp_server", server.url, server.sealed_headers});
  if (!prepared) return std::nullopt;
  const gateway::PreparedUpstream& upstream = **prepared;
  ProbeTarget target;
  target.url = fmt::format("{}://{}{}", upstream.target->secure ? "https" : "http",
                           upstream.target->authority, upstream.path);
  for (const auto& [name, value] : upstream.headers) {
    target.headers.emplace_back(name, value.reveal());
  }
  target.allow = [&allowed = app_.settings.allowed_upstreams](const IpAddress& address) {
    return app::upstream_address_allowed(address, allowed);
  };
  return target;
}

app::McpHealth Health::refused() const {
  app::McpHealth health;
  health.checked_at = app_.clock.now();
  health.problem = "Its address may not be used here.";
  return health;
}

Task<Result<app::McpHealth>> Health::probe(domain::McpServer server) {
  const auto target = target_of(server);
  app::McpHealth health;
  if (target) {
    const auto ask = [&]() -> Result<app::McpHealth> {
      return mcp_connect::probe(*target, app_.clock);
    };
    auto asked = co_await workers_.run(ask);
    if (!asked) co_return fail(std::move(asked).error());
    health = std::move(*asked);
  } else {
    health = refused();
  }
  keep(server, health);
  co_return health;
}

void Health::keep(const domain::McpServer& server, const app::McpHealth& health) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kKnownMax) known_.clear();
  known_[server.id.value] = {server.url, server.sealed_headers, health};
}

std::optional<app::McpHealth> Health::last(const domain::McpServer& server) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(server.id.value);
  if (found == known_.end() || found->second.url != server.url ||
      found->second.sealed_headers != server.sealed_headers) {
    return std::nullopt;
  }
  return found->second.health;
}

}  // namespace keywright::mcp_connect
