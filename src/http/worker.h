// http/worker.h - the part of a Server that lives on one loop: its listeners, its connections, and
// what they borrow while they are busy.
//
// A connection that waits for its next request holds no Workspace, so 50 000 idle ones cost their
// sockets and a small object each. Workspaces are handed out last in, first out: with few busy
// connections the same warm buffers serve all of them.
//
// Threading: everything on the loop's thread, but for counters().
// Lifetime: outlives its connections; Server::stop() waits for them.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/h1_reader.h"
#include "http/h1_writer.h"
#include "http/message.h"
#include "http/server.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/tls.h"

namespace keywright::http {

class Connection;

namespace h2 {
class Pool;
}

// What all workers of a server share.
struct ServerState {
  ServerState(Handler& with_handler, ServerOptions with_options)
      : handler(with_handler), options(std::move(with_options)) {}

  Handler& handler;
  const ServerOptions options;
  std::atomic<std::int64_t> open = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t workers_ended = 0;  // guarded by mutex
};

// What one request and its response need, kept for the next.
struct Workspace {
  explicit Workspace(const h1::HeadLimits& limits) : reader(limits) {}
  h1::RequestReader reader;
  Response response;
  std::string output;
  std::array<char, h1::Stamp::kIdSize> request_id;
};

// Answers what no handler will see.
void write_refusal(Response& response, const Fault& fault, std::string_view request_id);

class Worker {
 public:
  Worker(net::Loop& loop, std::shared_ptr<ServerState> state);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  net::Loop& loop() const { return loop_; }
  Handler& handler() const { return state_->handler; }
  const ServerLimits& limits() const { return state_->options.limits; }
  const ServerOptions& options() const { return state_->options; }
  h1::Stamp& stamp() { return stamp_; }
  h2::Pool& http2();
  bool is_stopping() const { return stopping_; }

  void start();
  void listen(int fd, std::shared_ptr<net::TlsServer> tls);
  void begin_stop();
  void cut_all();

  std::unique_ptr<Workspace> lease();
  void give_back(std::unique_ptr<Workspace> workspace);

  void add(Connection& connection);
  void remove(Connection& connection);

  void count_response(int status) {
    increase(responses_[static_cast<std::size_t>(status / 100 % 6)]);
  }
  void count_refusal(Refusal refusal) { increase(refused_[static_cast<std::size_t>(refusal)]); }
  void add_counters(ServerCounters& sum) const;

  // An exchange is over: counters and access log. Status 0: cut before its answer began.
  void report(const Request& request, int status, std::uint64_t response_bytes, net::Ticks began);

 private:
  // One writer: a plain store is enough, and cheaper than an atomic addition.
  using Counter = std::atomic<std::uint64_t>;
  static void increase(Counter& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void accepted(net::Accepted accepted, const std::shared_ptr<net::TlsServer>& tls);
  bool is_full() const;
  void resume_listeners();
  void sweep();
  void end_if_done();

  net::Loop& loop_;
  std::shared_ptr<ServerState> state_;
  h1::Stamp stamp_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<std::unique_ptr<Workspace>> spare_;
  std::unique_ptr<h2::Pool> http2_;  // once it is needed
  Connection* first_ = nullptr;
  net::TimerId sweep_timer_ = net::TimerId::none;
  bool stopping_ = false;
  bool ended_ = false;

  Counter accepted_ = 0;
  Counter exhausted_ = 0;
  std::array<Counter, 6> responses_{};
  std::array<Counter, kRefusalCount> refused_{};
};

}  // namespace keywright::http
