// gateway/proxy.h - sends an admitted request to an upstream and relays the answer, both ways
// piece by piece.
//
//   gateway::ProxyRequest request;
//   request.target = target;                                   // gateway/upstream_pool.h
//   request.head = "POST /mcp HTTP/1.1\r\nHost: ...\r\n";      // gateway/header_rules.h; no
//   framing request.body = text;                                       // absent: the exchange's
//   own request.standing = {caller, domain::ResourceType::mcp_server, id}; request.hooks =
//   std::make_unique<MyHooks>();               // null: everything as it is co_await
//   proxy.forward(exchange, std::move(request));
//
// The handler streams bodies (Handler::streams_body) unless it gives `body`. forward() ends when
// the answer's head is in exchange.response; what follows is its stream. Nothing is held back: a
// body goes on as it arrives, as fast as the other side takes it. A body that has arrived whole by
// the time the head is written goes with its length, since not every server reads chunks.
//
// Until the answer begins its caller is looked at again whenever records move, and then as long as
// it streams: 401 or 403 instead of the answer, a stream is closed
// (api/admission/open_exchanges.h).
//
// Answers on failure, through ProxyHooks::answer_failure(): 502 `upstream_unreachable`,
// `upstream_not_allowed`, `upstream_failed` (the connection broke, or what came is not HTTP), 504
// `upstream_timeout`; 400 and 408 for a body of the client that is malformed or does not come. A
// kept connection that turns out to be closed is replaced once, if the method is idempotent and no
// byte of an answer was received. After the head there is no status left: a broken answer ends the
// client's connection, so that half of it is not taken for the whole. A stream has no time limit.
//
// Threading: forward() on the exchange's loop; counters() anywhere; close_kept() when no loop runs
//   any more, and before they are destroyed.
// Lifetime: directory, clock and the proxy outlive what is forwarded.
// Cost: four system calls for a small exchange on a kept connection, some ten allocations.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/admission/open_exchanges.h"
#include "app/directory.h"
#include "base/clock.h"
#include "gateway/upstream_pool.h"
#include "http/h1_parser.h"
#include "http/server.h"

namespace keywright::gateway {

// What a face wants to see or to change. Views given out are good until the next call.
class ProxyHooks {
 public:
  virtual ~ProxyHooks() = default;

  // True: replaces_answer() fills the response; nothing is copied before.
  virtual bool fills_answer() const { return false; }
  // The upstream's status and fields have been copied to `response`, which may be changed. True:
  // the body is not wanted, `response` is the answer as it stands.
  virtual bool replaces_answer(const http::h1::ResponseHead&, http::Response&) { return false; }

  // Asked after the head. True: every piece of the body goes through on_piece(), and the answer
  // loses its length.
  virtual bool changes_body() const { return false; }
  // What goes to the client for it; empty: nothing yet. An error breaks the answer off.
  virtual Result<std::string_view> on_piece(std::string_view piece) { return piece; }
  // Without changes: every piece as it goes by.
  virtual void on_passing(std::string_view /*piece*/) {}
  virtual std::string_view on_end() { return {}; }

  // Sent when nothing has come for idle_after(); zero: never. Empty: not now.
  virtual std::chrono::milliseconds idle_after() const { return {}; }
  virtual std::string_view when_idle() { return {}; }

  // Instead of an answer: the gateway's own, as problem+json.
  virtual void answer_failure(http::Exchange& exchange, int status, std::string_view code,
                              std::string_view detail);
  // The caller may not have it any more.
  virtual void answer_refusal(http::Exchange& exchange, const Error& why);
  // The exchange is over. `complete`: the client got all of the upstream's answer.
  virtual void on_over(bool /*complete*/) {}
};

struct ProxyRequest {
  std::shared_ptr<const UpstreamTarget> target;
  std::string head;                 // request line and fields, each with CRLF, without the framing
  std::optional<std::string> body;  // absent: the exchange's own, streamed
  bool upgrades = false;            // the head asks for a WebSocket
  std::chrono::milliseconds first_byte_timeout{};  // zero: the proxy's own
  bool late_is_unreachable = false;  // a connection not accepted in time is a 502, not a 504
  admission::Standing standing;
  std::unique_ptr<ProxyHooks> hooks;
};

struct ProxyOptions {
  PoolOptions pool;
  std::chrono::milliseconds first_byte_timeout{30'000};  // for the whole head of the answer
};

struct ProxyCounters {
  std::uint64_t forwarded = 0;    // answers of an upstream that began
  std::uint64_t unreachable = 0;  // 502: no connection
  std::uint64_t failed = 0;       // 502: broke, or was not HTTP
  std::uint64_t timed_out = 0;    // 504
  std::uint64_t cut = 0;          // refused or closed because the caller may not have it any more
  std::uint64_t connections = 0;  // opened
  std::uint64_t reused = 0;       // requests on a kept connection
  std::uint64_t tunnels = 0;      // WebSockets opened
  std::int64_t open = 0;          // now
};

class Proxy {
 public:
  Proxy(const app::Directory& directory, const Clock& clock, ProxyOptions options);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  Task<void> forward(http::Exchange& exchange, ProxyRequest request);

  ProxyCounters counters() const;
  void close_kept();

 private:
  friend class Relay;
  friend class Tunnel;
  struct Counted;
  struct OnLoop;
  OnLoop& on(net::Loop& loop);

  const app::Directory& directory_;
  const Clock& clock_;
  const ProxyOptions options_;
  mutable std::mutex mutex_;
  std::map<net::Loop*, std::unique_ptr<OnLoop>> loops_;  // guarded by mutex_
  std::unique_ptr<Counted> counted_;
};

}  // namespace keywright::gateway
