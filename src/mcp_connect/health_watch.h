// mcp_connect/health_watch.h - asks registered MCP servers now and then whether they answer.
//
//   mcp_connect::HealthWatch watch(app, health, std::chrono::minutes(5));
//   watch.tick();                       // about every second, on an io thread
//   watch.stop();                       // when io threads run no more
//
// Each enabled server is asked once in an interval that varies by a fifth, so that neither servers
// nor nodes are in step; for the first time when it has been there for one. What somebody has asked
// about by hand counts, too. It is asked as Health does: with the server's own headers and never
// with a credential of a person or a key, past the same guard of addresses, and the answer is found
// with Health::last(). Few are asked at a time; many that hang make the interval longer.
//
// Each node of several asks for itself: it is the node's own way to the server that is tried.
//
// Threading: tick() on one io thread, stop() and counters on any.
// Lifetime: app and health outlive it. Cost: two threads that sleep; a tick looks at all servers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "mcp_connect/health.h"

namespace keywright::mcp_connect {

class HealthWatch {
 public:
  // An interval of zero asks nobody.
  HealthWatch(app::App& app, Health& health, std::chrono::milliseconds interval);
  ~HealthWatch() { stop(); }
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

  bool is_on() const { return interval_.count() > 0; }
  void tick();
  void stop();

  std::uint64_t reachable() const { return reachable_.load(std::memory_order_relaxed); }
  std::uint64_t unreachable() const { return unreachable_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    domain::McpServer server;
    ProbeTarget target;
  };

  std::chrono::nanoseconds next_time(std::chrono::nanoseconds from);
  void see_servers();
  bool has_room();
  void enqueue(domain::McpServer server);
  void loop();

  app::App& app_;
  Health& health_;
  const std::chrono::milliseconds interval_;
  // Of the ticking thread.
  std::uint64_t seen_epoch_ = 0;
  bool seen_any_ = false;
  std::unordered_map<Uuid, std::chrono::nanoseconds> due_;  // by boot time

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> reachable_ = 0;
  std::atomic<std::uint64_t> unreachable_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace keywright::mcp_connect
