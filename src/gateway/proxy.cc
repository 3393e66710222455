#include "gateway/proxy.h"

#include "gateway/on_loop.h"
#include "gateway/refusal.h"
#include "gateway/relay.h"
#include "http/problem.h"

namespace keywright::gateway {

void ProxyHooks::answer_failure(http::Exchange& exchange, int status, std::string_view code,
                                std::string_view detail) {
  http::write_problem(exchange.response, status, code, detail, exchange.request.request_id);
  exchange.response.header("Cache-Control", "no-store");
}

void ProxyHooks::answer_refusal(http::Exchange& exchange, const Error& why) {
  write_refusal(exchange, why, Presence::presented);
}

Proxy::Proxy(const app::Directory& directory, const Clock& clock, ProxyOptions options)
    : directory_(directory),
      clock_(clock),
      options_(std::move(options)),
      counted_(std::make_unique<Counted>()) {}

Proxy::~Proxy() = default;

Proxy::OnLoop& Proxy::on(net::Loop& loop) {
  // Proxies are few and live as long as their loops: the last one of a thread is nearly always the
  // one that is asked for.
  thread_local const Proxy* last_proxy = nullptr;
  thread_local const net::Loop* last_loop = nullptr;
  thread_local OnLoop* last = nullptr;
  if (last_proxy == this && last_loop == &loop) return *last;
  const std::lock_guard lock(mutex_);
  std::unique_ptr<OnLoop>& place = loops_[&loop];
  if (!place) place = std::make_unique<OnLoop>(loop, options_.pool);
  last_proxy = this;
  last_loop = &loop;
  last = place.get();
  return *place;
}

Task<void> Proxy::forward(http::Exchange& exchange, ProxyRequest request) {
  auto relay = std::make_unique<Relay>(*this, exchange, std::move(request));
  exchange.on_disconnect([each = relay.get()] { each->client_left(); });
  co_await relay->reach();
  Relay& reached = *relay;
  reached.begin(std::move(relay));
}

ProxyCounters Proxy::counters() const {
  ProxyCounters sum;
  sum.forwarded = counted_->forwarded;
  sum.unreachable = counted_->unreachable;
  sum.failed = counted_->failed;
  sum.timed_out = counted_->timed_out;
  sum.cut = counted_->cut;
  sum.connections = counted_->connections;
  sum.reused = counted_->reused;
  sum.tunnels = counted_->tunnels;
  sum.open = counted_->open;
  return sum;
}

void Proxy::close_kept() {
  const std::lock_guard lock(mutex_);
  for (auto& [loop, here] : loops_) here->pool.close_all();
}

}  // namespace keywright::gateway
