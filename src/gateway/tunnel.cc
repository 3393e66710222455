#include "gateway/tunnel.h"

#include "gateway/on_loop.h"

namespace keywright::gateway {

using net::IoStatus;

Tunnel::Tunnel(Proxy& proxy, http::Exchange& exchange,
               std::unique_ptr<UpstreamConnection> connection, admission::Standing standing)
    : OpenExchange(exchange.loop, proxy.directory_, proxy.clock_, std::move(standing)),
      proxy_(proxy),
      exchange_(exchange),
      connection_(std::move(connection)) {
  proxy_.counted_->open.fetch_add(1, std::memory_order_relaxed);
}

Tunnel::~Tunnel() { proxy_.counted_->open.fetch_sub(1, std::memory_order_relaxed); }

Companion Tunnel::send() {
  while (true) {
    const Result<std::string_view> piece = co_await exchange_.read_upgraded();
    if (!piece || piece->empty()) break;
    const net::IoResult put = co_await connection_->stream().write_all(*piece);
    if (put.status != IoStatus::ok) co_return;
  }
  connection_->stream().shutdown_write();
}

Task<Result<std::string_view>> Tunnel::next() {
  if (!std::exchange(begun_, true)) sending_ = send();
  const net::IoResult got = co_await connection_->stream().read_some(connection_->space());
  if (got.status == IoStatus::end) co_return std::string_view();
  if (got.status != IoStatus::ok) {
    co_return fail(Code::unavailable, "upstream_failed", "The connection broke off.");
  }
  connection_->added(got.bytes);
  co_return connection_->take_raw();
}

void Tunnel::cancel() { connection_->stream().abort(); }

void Tunnel::on_refused(const Error&) {
  Proxy::Counted::add(proxy_.counted_->cut);
  exchange_.cut();
}

}  // namespace keywright::gateway
