// gateway/tunnel.h - a WebSocket between a client and an upstream: bytes both ways, as they are.
//
// It is the stream of a 101; what the client sends is taken by a companion. Either side's end is
// the end of both. Like any stream it is closed when its caller may not have it any more.
//
// Threading: the loop's thread. Lifetime: ends with the exchange.
#pragma once

#include <memory>

#include "base/companion.h"
#include "gateway/proxy.h"

namespace keywright::gateway {

class Tunnel final : public http::BodyStream, public admission::OpenExchange {
 public:
  Tunnel(Proxy& proxy, http::Exchange& exchange, std::unique_ptr<UpstreamConnection> connection,
         admission::Standing standing);
  ~Tunnel() override;

  Task<Result<std::string_view>> next() override;
  void cancel() override;

 protected:
  void on_refused(const Error& why) override;

 private:
  Companion send();

  Proxy& proxy_;
  http::Exchange& exchange_;
  std::unique_ptr<UpstreamConnection> connection_;
  bool begun_ = false;
  Companion sending_;  // last: it uses the others
};

}  // namespace keywright::gateway
