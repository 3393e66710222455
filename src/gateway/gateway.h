// gateway/gateway.h - the face that stands before other people's HTTP services.
//
//   gateway::Gateway gateway(app, proxy, {.trusted_proxies = config.trusted_proxies});
//   front.add(gateway::serves, gateway);
//
//   ANY /auth/{service}            forward auth: may this request pass? 200, 400, 401, 403, 429
//   ANY /services/{service}/...    the same question, and then on to the service's upstream
//
// Forward auth is for a proxy that asks about a request it holds (nginx auth_request, Traefik,
// Caddy, HAProxy, Envoy): credentials stand where they stood in that request, and its URI comes in
// X-Original-URI, X-Original-URL or X-Forwarded-Uri, or follows the service in the path (Envoy).
// See docs/operating/behind-proxies.md.
//
// Threading: handle() on any loop at once. Lifetime: app and proxy outlive the face.
// Cost: forward auth is one decide() and no allocation; for services see gateway/proxy.h.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "app/operation.h"
#include "gateway/passage.h"
#include "gateway/prepared_upstreams.h"
#include "gateway/proxy.h"
#include "http/server.h"

namespace keywright::gateway {

// "/services/{slug}..." and "/auth/{slug}...", but for the reserved /auth/obtain, verify, refresh
// and revoke.
bool serves(std::string_view path);

struct GatewayOptions {
  std::vector<Cidr> trusted_proxies;
};

// How requests came out, for /metrics.
enum class Verdict : unsigned char { passed, bad_request, unauthenticated, forbidden, limited };
inline constexpr std::size_t kVerdicts = 5;
using VerdictTotals = std::array<std::uint64_t, kVerdicts>;
std::string_view name_of(Verdict verdict);

class Gateway final : public http::Handler {
 public:
  Gateway(app::App& app, Proxy& proxy, GatewayOptions options);

  std::optional<Task<void>> handle(http::Exchange& exchange) override;
  std::size_t body_limit(const http::Request& request) override;
  bool streams_body(const http::Request& request) override;

  VerdictTotals forward_auth_totals() const { return totals(forward_auth_); }
  VerdictTotals services_totals() const { return totals(services_); }

 private:
  using Counters = std::array<std::atomic<std::uint64_t>, kVerdicts>;
  enum class Slow : bool { try_it, tried };

  std::optional<Task<void>> visit(http::Exchange& exchange, Slow slow);
  Task<void> try_slow_hash(http::Exchange& exchange, std::string token);
  std::optional<Task<void>> send_on(http::Exchange& exchange, const Passage& passage,
                                    std::string_view rest, const IpAddress& address, Time now);
  Result<std::string> write_head(const http::Request& request, const Passage& passage,
                                 const PreparedUpstream& prepared, std::string_view rest,
                                 bool upgrades) const;
  bool is_trusted(const IpAddress& address) const;
  static VerdictTotals totals(const Counters& counters);

  app::App& app_;
  Proxy& proxy_;
  const GatewayOptions options_;
  const PreparedUpstreams prepared_;
  Counters forward_auth_{};
  Counters services_{};
};

}  // namespace keywright::gateway
