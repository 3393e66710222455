#include "server/faces.h"

#include <utility>

namespace keywright::server {

namespace {

constexpr std::size_t kServersShownMax = 500;

gateway::ProxyOptions proxy_options(const Config& config) {
  gateway::ProxyOptions options;
  options.pool.allowed_upstreams = config.allowed_upstreams;
  options.first_byte_timeout = config.upstream_timeout;
  return options;
}

gateway::GatewayOptions gateway_options(const Config& config) {
  gateway::GatewayOptions options;
  options.trusted_proxies = config.trusted_proxies;
  return options;
}

void write_verdicts(rest::MetricsText& text, std::string_view face,
                    const gateway::VerdictTotals& totals) {
  for (std::size_t i = 0; i < totals.size(); ++i) {
    text.sample({{"face", face}, {"verdict", gateway::name_of(static_cast<gateway::Verdict>(i))}},
                totals[i]);
  }
}

void write_connect(rest::MetricsText& text, const mcp_connect::Recorder& recorder) {
  text.counter("keywright_mcp_connect_calls_total",
               "Calls of MCP servers, by server, tool (or method) and how they ended.");
  recorder.counters().visit([&](const mcp_connect::CallCount& count) {
    text.sample({{"server", count.server},
                 {"tool", count.tool},
                 {"outcome", mcp_connect::name_of(count.outcome)}},
                count.calls);
  });
  text.counter("keywright_mcp_connect_seconds_total", "How long these calls took, together.");
  recorder.counters().visit([&](const mcp_connect::CallCount& count) {
    text.sample({{"server", count.server},
                 {"tool", count.tool},
                 {"outcome", mcp_connect::name_of(count.outcome)}},
                count.seconds);
  });
  text.counter("keywright_mcp_connect_audit_dropped_total",
               "Calls that are not in the audit log because the store was too slow.",
               recorder.dropped_audit_events());
}

void write_health(rest::MetricsText& text, const app::App& app, const mcp_connect::Health& health,
                  const mcp_connect::HealthWatch& watch) {
  text.counter("keywright_mcp_probes_total",
               "MCP servers that were asked unprompted whether they answer.");
  text.sample({{"result", "reachable"}}, watch.reachable());
  text.sample({{"result", "unreachable"}}, watch.unreachable());
  text.gauge("keywright_mcp_server_reachable",
             "1: the MCP server answered when it was asked last; 0: it did not.");
  std::size_t shown = 0;
  app.directory.table<domain::McpServer>().for_each([&](const domain::McpServer& server) {
    if (!server.enabled || shown == kServersShownMax) return;
    const auto last = health.last(server);
    if (!last) return;
    ++shown;
    text.sample({{"server", server.slug}}, std::uint64_t{last->reachable});
  });
}

void write_proxy(rest::MetricsText& text, const gateway::ProxyCounters& counters) {
  const std::pair<std::string_view, std::uint64_t> results[] = {
      {"forwarded", counters.forwarded},
      {"unreachable", counters.unreachable},
      {"failed", counters.failed},
      {"timed_out", counters.timed_out},
      {"cut", counters.cut},
  };
  text.counter("keywright_proxy_exchanges_total",
               "Requests sent to upstreams, by how they came out; cut: access was taken away.");
  for (const auto& [result, count] : results) {
    text.sample({{"result", result}}, count);
  }
  text.gauge("keywright_proxy_open", "Requests, streams and tunnels that are open.", counters.open);
  text.counter("keywright_proxy_connections_total", "Connections opened to upstreams.",
               counters.connections);
  text.counter("keywright_proxy_reused_total", "Requests sent on a kept connection.",
               counters.reused);
  text.counter("keywright_proxy_tunnels_total", "WebSockets opened.", counters.tunnels);
}

void write_mcp(rest::MetricsText& text, const api_mcp::Face& face) {
  const auto sample = [&](const api_mcp::CallCount& count, rest::MetricValue value) {
    text.sample({{"server", "keywright"},
                 {"method", count.method},
                 {"tool", count.tool},
                 {"outcome", count.outcome}},
                value);
  };
  text.counter("keywright_mcp_calls_total", "Messages to Keywright's own MCP server.");
  face.counters().visit([&](const api_mcp::CallCount& count) { sample(count, count.calls); });
  text.counter("keywright_mcp_call_seconds_total", "Time spent on them, together.");
  face.counters().visit([&](const api_mcp::CallCount& count) { sample(count, count.seconds); });
  text.counter("keywright_mcp_audit_dropped_total",
               "Calls that are not in the audit log because the store was too slow.",
               face.dropped_audit_events());
}

}  // namespace

Faces::Faces(app::App& app, const Config& config, rest::FaceOptions rest_options)
    : proxy_(app.directory, app.clock, proxy_options(config)),
      gateway_(app, proxy_, gateway_options(config)),
      connect_(app, proxy_, {.trusted_proxies = config.trusted_proxies}),
      health_(app),
      health_watch_(app, health_, config.mcp_probe_interval),
      graphql_(app, {.trusted_proxies = config.trusted_proxies}),
      targets_(app, {config.trusted_proxies}),
      mcp_(app, {.trusted_proxies = config.trusted_proxies}),
      rest_(app, with_metrics(app, std::move(rest_options))) {
  app.mcp_health = &health_;
  front_.add(console::serves, pages_);
  front_.add(graphql_face::serves, graphql_);
  front_.add(api_mcp::serves, mcp_);
  front_.add(api_targets::serves, targets_);  // four names of /auth, so before the gateway
  front_.add(gateway::serves, gateway_);
  front_.add(mcp_connect::serves, connect_);
}

rest::FaceOptions Faces::with_metrics(const app::App& app, rest::FaceOptions options) {
  options.metrics.push_back([this, &app](rest::MetricsText& text) {
    text.counter("keywright_gateway_requests_total",
                 "Requests to /auth and /services, by whether their key let them pass.");
    write_verdicts(text, "forward_auth", gateway_.forward_auth_totals());
    write_verdicts(text, "services", gateway_.services_totals());
    write_proxy(text, proxy_.counters());
    write_mcp(text, mcp_);
    write_connect(text, connect_.recorder());
    write_health(text, app, health_, health_watch_);
  });
  return options;
}

}  // namespace keywright::server
