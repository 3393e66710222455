// gateway/on_loop.h - what the proxy keeps for each loop, and what it counts for all. For this
// room's own use.
#pragma once

#include <atomic>

#include "gateway/proxy.h"

namespace keywright::gateway {

struct Proxy::Counted {
  using Counter = std::atomic<std::uint64_t>;
  Counter forwarded = 0, unreachable = 0, failed = 0, timed_out = 0;
  Counter cut = 0, connections = 0, reused = 0, tunnels = 0;
  std::atomic<std::int64_t> open = 0;

  static void add(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }
};

struct Proxy::OnLoop {
  OnLoop(net::Loop& loop, const PoolOptions& options) : pool(loop, options) {}
  UpstreamPool pool;
};

}  // namespace keywright::gateway
