// net/connect.h - outgoing connections.
//
//   net::ConnectOptions options;
//   options.timeout = std::chrono::seconds(2);
//   options.tls = &tls_client;                              // null: plain TCP
//   KW_TRY(auto stream, co_await net::connect(loop, "api.example.org", 443, options));
//
// Names are resolved on a helper thread; every address is offered to `allow` just before it is
// dialled, after resolution, so that a name cannot be turned to a forbidden address in between.
// The addresses are tried in the order of the resolver until one answers.
//
// Errors: unavailable, reasons "resolve_failed", "connect_failed", "connect_timeout", "tls_failed";
//   permission_denied, reason "address_not_allowed".
// Threading: call and resume on `loop`'s thread.
// Lifetime: `options.tls` must outlive the stream, and the loop a connect() that is under way.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "net/stream.h"

namespace keywright::net {

class TlsClient;  // net/tls.h

struct ConnectOptions {
  std::chrono::milliseconds timeout{
      5000};  // for resolving, connecting and the TLS handshake together
  const TlsClient* tls = nullptr;
  std::function<bool(const IpAddress&)> allow;  // empty: every address
};

Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, std::string host, std::uint16_t port,
                                              ConnectOptions options);

}  // namespace keywright::net
