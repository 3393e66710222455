// http/server.h - serves HTTP on every loop of a group, through one Handler.
//
//   class Hello : public http::Handler {
//     std::optional<Task<void>> handle(http::Exchange& exchange) override {
//       exchange.response.content_type("text/plain");
//       exchange.response.body = "hello\n";
//       return std::nullopt;                       // answered at once: no coroutine, no allocation
//     }
//   };
//   net::LoopGroup loops(2);
//   Hello hello;
//   http::Server server(loops, hello, {});
//   KW_TRY(net::Endpoint bound, server.listen(endpoint));   // port 0 picks one
//   loops.start();
//   ...
//   server.stop();                                 // before loops.stop()
//
// HTTP/1.1 is parsed strictly (http/h1_parser.h): what could be read in two ways is refused with a
// 400 and the connection closed. Answers leave in the order of the requests; those that are ready
// one after the other leave in one send. HTTP/2 stands beside it (http/h2_session.h), by ALPN or by
// prior knowledge: the Handler sees exchanges, not connections.
//
// Limits (ServerLimits) are enforced by a look at every connection once each `sweep_interval`, so
// they are kept to that precision and cost no timer for each request.
//
// Threading: the Handler is called on the loop of the connection, from several loops at once.
//   Server's functions are for the thread that owns the loops, none of the loops'.
// Lifetime: the handler and the loops outlive the server. An Exchange lives until its response is
//   over, that is until the stream of the response has been destroyed.
// Cost: one recv and one send for a keep-alive request, no allocation. A connection that waits for
//   its next request holds no buffers.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "http/message.h"
#include "http/refusal.h"
#include "net/address.h"
#include "net/loop.h"

namespace keywright::net {
class TlsServer;
}

namespace keywright::http {

class Worker;
struct ServerState;

inline constexpr std::size_t kDefaultBodyLimit = 1024 * 1024;

// What a session of either protocol does for an exchange.
class ExchangeControl {
 public:
  virtual Task<Result<std::string_view>> read_body() = 0;
  virtual void cut(std::string_view last_bytes) = 0;
  virtual void on_disconnect(std::function<void()> function) = 0;
  virtual bool client_has_gone() const = 0;
  virtual Task<Result<std::string_view>> read_upgraded() {
    co_return fail(Code::unavailable, "not_upgraded", "This protocol has no 101.");
  }

 protected:
  ~ExchangeControl() = default;
};

// One request and its response.
struct Exchange {
  Exchange(const Request& for_request, Response& for_response, net::Loop& on, ExchangeControl& by)
      : request(for_request), response(for_response), loop(on), control(by) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request;
  Response& response;
  net::Loop& loop;
  // For the handler alone: what before_response() has to know of handle(). Zero at first.
  std::array<std::uint64_t, 4> notes{};

  // Only if the handler streams_body(): the next piece, empty at the end, valid until the next
  // call. Errors: too_large "body_too_large", invalid_argument "malformed_body",
  // unavailable "client_gone". A body that is not read to its end closes the connection.
  // May be pending while the stream of the response is being pulled, and be destroyed with it.
  Task<Result<std::string_view>> read_body() { return control.read_body(); }

  // HTTP/1.1 only. A response of status 101 with a `stream` ends HTTP on the connection: the stream
  // goes to the client as it is, and this gives what the client sends, as it comes; empty at its
  // end. The read may be pending while the stream is being pulled, and be destroyed with it.
  Task<Result<std::string_view>> read_upgraded() { return control.read_upgraded(); }

  // Ends a response that has begun, now: `last_bytes` are sent if the socket takes them at once,
  // then the client sees the connection (HTTP/2: the stream) end without the proper end of a body.
  void cut(std::string_view last_bytes = {}) { control.cut(last_bytes); }

  // Called once, on the loop, if the client goes away or the exchange is cut before its end.
  void on_disconnect(std::function<void()> function) { control.on_disconnect(std::move(function)); }
  bool client_has_gone() const { return control.client_has_gone(); }

 private:
  ExchangeControl& control;
};

class Handler {
 public:
  virtual ~Handler() = default;

  // Fills the response and returns nothing, or returns a task that fills it.
  virtual std::optional<Task<void>> handle(Exchange& exchange) = 0;

  // Runs right before the first byte of the response is put into the output; nothing is suspended
  // between the two. May replace the response: exchange.response.clear(), then fill it anew.
  virtual void before_response(Exchange&) {}

  // The largest body (after removal of chunking) for this request; more is a 413.
  virtual std::size_t body_limit(const Request&) { return kDefaultBodyLimit; }

  // Such a body has come, or was announced: the handler will not see the request. A 413 is in
  // place, as problem+json; may replace it. The connection (HTTP/2: the stream) ends after it.
  virtual void body_too_large(const Request&, Response&) {}

  // True: handle() is called when the head has arrived and takes the body from read_body().
  virtual bool streams_body(const Request&) { return false; }
};

struct ServerLimits {
  std::size_t request_line_bytes = 8 * 1024;              // 414
  std::size_t head_bytes = 32 * 1024;                     // 431; kMaxFields fields, too
  std::chrono::milliseconds header_timeout{10'000};       // 408; also for a TLS handshake
  std::chrono::milliseconds body_grace{10'000};           // after it, the body's average must reach
  std::size_t body_bytes_per_second = 1024;               // this rate: 408
  std::chrono::milliseconds idle_timeout{75'000};         // between requests
  std::chrono::milliseconds write_stall_timeout{30'000};  // nothing taken for so long: cut
  std::chrono::milliseconds sweep_interval{1'000};
  std::chrono::milliseconds stop_timeout{10'000};  // stop() cuts what is left after this
  std::size_t max_connections = 50'000;            // further ones wait in the kernel's queue
};

struct AccessRecord {
  std::string_view method;
  std::string_view path;  // never the query
  int status = 0;
  std::uint64_t response_bytes = 0;  // of the body
  std::chrono::microseconds duration{};
  std::string_view request_id;
  IpAddress peer;
};

struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::uint64_t exhausted = 0;                         // out of file descriptors
  std::array<std::uint64_t, 6> responses{};            // by status class, [2] = 2xx
  std::array<std::uint64_t, kRefusalCount> refused{};  // by Refusal
};

struct ServerOptions {
  ServerLimits limits;
  // Called when an exchange is over; from several loops at once. Must not block.
  std::function<void(const AccessRecord&)> access_log;
};

class Server {
 public:
  Server(net::LoopGroup& loops, Handler& handler, ServerOptions options);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens on one more address, on every loop. The endpoint as bound.
  // Errors: unavailable "listen_failed".
  Result<net::Endpoint> listen(const net::Endpoint& endpoint,
                               std::shared_ptr<net::TlsServer> tls = nullptr);

  // Stops accepting, closes idle connections, lets requests in flight finish for up to
  // `stop_timeout`, cuts the rest, and returns when no connection is left.
  void stop();

  ServerCounters counters() const;

 private:
  void on_each_worker(void (Worker::*function)());
  bool wait_until_ended(std::chrono::milliseconds timeout);

  net::LoopGroup& loops_;
  std::shared_ptr<ServerState> state_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace keywright::http
