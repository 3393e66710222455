// app/outcome_counters.h - how decisions came out, for /metrics.
//
//   directory.outcomes().count(decision.outcome);
//   directory.outcomes().totals()[static_cast<std::size_t>(Outcome::valid)]
//
// Each thread counts in a place of its own, so that counting costs no shared cache line.
//
// Threading: any thread. Cost: one uncontended atomic add.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "domain/keys/decide.h"

namespace keywright::app {

class OutcomeCounters {
 public:
  static constexpr std::size_t kOutcomes =
      static_cast<std::size_t>(domain::Outcome::usage_exceeded) + 1;
  using Totals = std::array<std::uint64_t, kOutcomes>;

  void count(domain::Outcome outcome) {
    shards_[shard_of_thread()].counts[static_cast<std::size_t>(outcome)].fetch_add(
        1, std::memory_order_relaxed);
  }

  Totals totals() const {
    Totals totals{};
    for (const Shard& shard : shards_) {
      for (std::size_t i = 0; i < kOutcomes; ++i) {
        totals[i] += shard.counts[i].load(std::memory_order_relaxed);
      }
    }
    return totals;
  }

 private:
  static constexpr std::size_t kShards = 64;
  struct alignas(64) Shard {
    std::array<std::atomic<std::uint64_t>, kOutcomes> counts{};
  };

  static std::size_t shard_of_thread() {
    static std::atomic<std::size_t> next{0};
    thread_local const std::size_t shard = next.fetch_add(1, std::memory_order_relaxed) % kShards;
    return shard;
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace keywright::app
