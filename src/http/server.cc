#include "http/server.h"

#include <latch>

#include "base/log.h"
#include "http/worker.h"
#include "net/listener.h"
#include "net/tls.h"

namespace keywright::http {

namespace {

// How long stop() waits for handlers after their connections were cut.
constexpr std::chrono::seconds kAfterCut{2};

}  // namespace

Server::Server(net::LoopGroup& loops, Handler& handler, ServerOptions options)
    : loops_(loops), state_(std::make_shared<ServerState>(handler, std::move(options))) {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(loops_[i], state_));
    loops_[i].post([worker = workers_.back().get()] { worker->start(); });
  }
}

Server::~Server() { stop(); }

Result<net::Endpoint> Server::listen(const net::Endpoint& endpoint,
                                     std::shared_ptr<net::TlsServer> tls) {
  KW_TRY(std::vector<int> sockets, net::open_listeners(endpoint, workers_.size()));
  const net::Endpoint bound = net::local_endpoint(sockets.front());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    loops_[i].post([worker = workers_[i].get(), fd = sockets[i], tls] { worker->listen(fd, tls); });
  }
  return bound;
}

// Returns when every worker has done it: what is still posted must not outlive its worker.
void Server::on_each_worker(void (Worker::*function)()) {
  const auto done = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(workers_.size()));
  for (auto& worker : workers_) {
    worker->loop().post([each = worker.get(), function, done] {
      (each->*function)();
      done->count_down();
    });
  }
  done->wait();
}

bool Server::wait_until_ended(std::chrono::milliseconds timeout) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, timeout,
                                  [&] { return state_->workers_ended == workers_.size(); });
}

void Server::stop() {
  if (workers_.empty()) return;
  bool ended = false;
  if (loops_.is_running()) {
    on_each_worker(&Worker::begin_stop);
    ended = wait_until_ended(state_->options.limits.stop_timeout);
    if (!ended) {
      on_each_worker(&Worker::cut_all);
      ended = wait_until_ended(kAfterCut);
    }
  } else {
    // The loops are still: let what was posted happen here.
    for (auto& worker : workers_) worker->loop().run_once(net::Duration::zero());
    for (auto& worker : workers_) worker->begin_stop();
    for (auto& worker : workers_) worker->cut_all();
    for (int round = 0; round < 3; ++round) {
      for (auto& worker : workers_) worker->loop().run_once(net::Duration::zero());
    }
    ended = wait_until_ended(std::chrono::milliseconds(0));
  }
  if (!ended) {
    // A handler that does not come back still refers to its worker: better a leak at the end of
    // the process than a dangling reference.
    log_error("server_stop_incomplete", {{"open", state_->open.load()}});
    // NOLINTNEXTLINE(bugprone-unused-return-value)
    for (auto& worker : workers_) static_cast<void>(worker.release());
  }
  workers_.clear();
}

ServerCounters Server::counters() const {
  ServerCounters sum;
  for (const auto& worker : workers_) worker->add_counters(sum);
  sum.open = static_cast<std::uint64_t>(std::max<std::int64_t>(0, state_->open.load()));
  return sum;
}

}  // namespace keywright::http
