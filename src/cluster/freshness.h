// cluster/freshness.h - whether the records in memory are young enough to answer checks from.
//
//   const Freshness::Mark asked_at = freshness.mark();
//   ...                                     // everything that was durable then is applied
//   freshness.extend(asked_at);
//   if (!freshness.is_fresh()) return unavailable;      // before a check, and again right before
//                                                       // the first byte of its answer
//
// Time is measured by the clock that also counts suspension and by the wall clock, and the one that
// moved further counts: a machine that was stopped, or copied while it ran, finds itself stale.
//
// Threading: all functions from any thread. Cost of is_fresh(): two clocks, about 40 ns.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/clock.h"

namespace keywright::cluster {

class Freshness {
 public:
  Freshness(const Clock& clock, std::chrono::milliseconds max_staleness)
      : clock_(clock), max_(max_staleness) {}

  struct Mark {
    std::chrono::nanoseconds boot{};
    Time wall;
  };
  Mark mark() const { return {clock_.boot_time(), clock_.now()}; }

  // One thread at a time.
  void extend(const Mark& since) {
    boot_.store(since.boot.count(), std::memory_order_relaxed);
    wall_.store(to_unix_milliseconds(since.wall), std::memory_order_relaxed);
    ever_.store(true, std::memory_order_release);
  }

  // Nothing may be answered from the records until the next extend(). As extend().
  void lapse() { ever_.store(false, std::memory_order_release); }

  // How old the records may be by now; more than any limit before the first extend().
  std::chrono::milliseconds age() const {
    if (!ever_.load(std::memory_order_acquire)) return std::chrono::milliseconds::max();
    const std::chrono::nanoseconds boot(boot_.load(std::memory_order_relaxed));
    const Time wall = from_unix_milliseconds(wall_.load(std::memory_order_relaxed));
    const auto by_boot = std::chrono::ceil<std::chrono::milliseconds>(clock_.boot_time() - boot);
    return std::max(by_boot, clock_.now() - wall);
  }

  bool is_fresh() const { return age() < max_; }
  std::chrono::milliseconds max_staleness() const { return max_; }

 private:
  const Clock& clock_;
  const std::chrono::milliseconds max_;
  std::atomic<bool> ever_{false};
  std::atomic<std::int64_t> boot_{0};  // ns
  std::atomic<std::int64_t> wall_{0};  // ms
};

}  // namespace keywright::cluster
