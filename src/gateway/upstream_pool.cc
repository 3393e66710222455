#include "gateway/upstream_pool.h"

#include <fmt/format.h>

#include "app/upstream.h"
#include "net/connect.h"
#include "net/tls.h"

namespace keywright::gateway {

namespace {

constexpr std::chrono::seconds kSweepEvery{1};

}  // namespace

Result<UpstreamTarget> target_of(std::string_view owner, std::string_view url,
                                 const std::vector<Cidr>& allowed) {
  KW_TRY(app::Upstream upstream, app::parse_upstream("upstream_url", url, allowed));
  UpstreamTarget target;
  target.secure = upstream.secure;
  target.port = upstream.port;
  const bool is_v6 = upstream.host.find(':') != std::string::npos;
  target.authority = is_v6 ? fmt::format("[{}]", upstream.host) : upstream.host;
  if (upstream.port != (upstream.secure ? 443 : 80)) {
    target.authority += fmt::format(":{}", upstream.port);
  }
  target.host = std::move(upstream.host);
  target.base_path = std::move(upstream.path);
  while (target.base_path.ends_with('/')) target.base_path.pop_back();
  target.pool_key =
      fmt::format("{} {}{}", owner, target.secure ? "https://" : "http://", target.authority);
  return target;
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take(const std::string& pool_key) {
  const auto found = kept_.find(pool_key);
  if (found == kept_.end()) return nullptr;
  std::vector<Kept>& list = found->second;
  while (!list.empty()) {
    Kept last = std::move(list.back());
    list.pop_back();
    if (last.until > loop_.now() && last.connection->is_fresh()) return std::move(last.connection);
  }
  return nullptr;
}

void UpstreamPool::keep(const std::string& pool_key,
                        std::unique_ptr<UpstreamConnection> connection) {
  std::chrono::seconds keep_for = options_.keep_for;
  const std::chrono::seconds said = connection->kept_for();
  if (said > std::chrono::seconds(0)) keep_for = std::min(keep_for, said - std::chrono::seconds(1));
  std::vector<Kept>& list = kept_[pool_key];
  if (keep_for <= std::chrono::seconds(0) || list.size() >= options_.kept_for_each) return;
  list.push_back({std::move(connection), loop_.now() + keep_for});
  if (std::exchange(sweeping_, true)) return;
  loop_.run_after(kSweepEvery, [this] { sweep(); });
}

void UpstreamPool::sweep() {
  const net::Ticks now = loop_.now();
  for (auto each = kept_.begin(); each != kept_.end();) {
    std::erase_if(each->second, [&](const Kept& kept) {
      return kept.until <= now || !kept.connection->is_fresh();
    });
    each = each->second.empty() ? kept_.erase(each) : std::next(each);
  }
  sweeping_ = !kept_.empty();
  if (sweeping_) loop_.run_after(kSweepEvery, [this] { sweep(); });
}

Task<Result<std::unique_ptr<UpstreamConnection>>> UpstreamPool::connect(
    const UpstreamTarget& target) {
  net::ConnectOptions connecting;
  connecting.timeout = options_.connect_timeout;
  connecting.allow = [this](const IpAddress& address) {
    return app::upstream_address_allowed(address, options_.allowed_upstreams);
  };
  if (target.secure) {
    if (!tls_) {
      KW_CO_TRY(tls_, net::TlsClient::create(net::TlsClientOptions()));
    }
    connecting.tls = tls_.get();
  }
  auto stream = co_await net::connect(loop_, target.host, target.port, std::move(connecting));
  if (!stream) co_return fail(stream.error());
  co_return std::make_unique<UpstreamConnection>(std::move(*stream));
}

}  // namespace keywright::gateway
