// app/refusal_counts.h - how often which key was refused for what, since somebody last asked.
//
//   RefusalCounts counts;
//   counts.add(key.serial, Outcome::expired);                     // any thread
//   counts.take([](std::int64_t serial, Outcome why, std::uint32_t count) { ... });
//
// Memory is bounded: what finds no slot any more is not told apart by reason (the key's cell still
// counts it as refused).
//
// Threading: any, without a lock. Each count is one word: serial, outcome and number; taking it
// leaves zero, so nothing is counted twice or lost.
// Cost: one cache miss and one atomic exchange for each refusal.
#pragma once

#include <atomic>
#include <cstdint>

#include "app/huge_pages.h"
#include "domain/keys/decide.h"

namespace keywright::app {

class RefusalCounts {
 public:
  static constexpr std::size_t kSlots = 1 << 16;

  void add(std::int64_t serial, domain::Outcome why) {
    const std::uint64_t name = name_of(serial, why);
    for (std::size_t step = 0; step < kStepsMax; ++step) {
      if (add_at(slots_[(home_of(name) + step) % kSlots], name)) return;
    }
  }

  // What was counted of this one since it was last taken.
  std::uint32_t count_of(std::int64_t serial, domain::Outcome why) const {
    const std::uint64_t name = name_of(serial, why);
    std::uint64_t count = 0;
    for (std::size_t step = 0; step < kStepsMax; ++step) {
      const std::uint64_t word =
          slots_[(home_of(name) + step) % kSlots].load(std::memory_order_relaxed);
      if ((word & ~kCountMax) == name) count += word & kCountMax;
    }
    return static_cast<std::uint32_t>(count);
  }

  template <class Visit>
  void take(Visit&& visit) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      if (slots_[i].load(std::memory_order_relaxed) == 0) continue;
      const std::uint64_t word = slots_[i].exchange(0, std::memory_order_relaxed);
      if (word == 0) continue;
      const std::uint64_t name = word >> kCountBits;
      visit(static_cast<std::int64_t>(name >> kOutcomeBits),
            static_cast<domain::Outcome>(name & ((1U << kOutcomeBits) - 1)),
            static_cast<std::uint32_t>(word & kCountMax));
    }
  }

 private:
  static constexpr unsigned kSlotBits = 16;
  static constexpr unsigned kOutcomeBits = 4;
  static constexpr unsigned kCountBits = 28;
  static constexpr std::uint64_t kCountMax = (std::uint64_t{1} << kCountBits) - 1;
  static constexpr std::size_t kStepsMax = 8;
  static_assert(kSlots == std::size_t{1} << kSlotBits);
  static_assert(static_cast<unsigned>(domain::Outcome::usage_exceeded) < (1U << kOutcomeBits));

  static std::uint64_t name_of(std::int64_t serial, domain::Outcome why) {
    return (static_cast<std::uint64_t>(serial) << kOutcomeBits | static_cast<std::uint64_t>(why))
           << kCountBits;
  }
  static std::size_t home_of(std::uint64_t name) {
    return (name * 0x9e3779b97f4a7c15ULL) >> (64 - kSlotBits);
  }

  // False if the slot counts something else.
  static bool add_at(std::atomic<std::uint64_t>& slot, std::uint64_t name) {
    std::uint64_t seen = slot.load(std::memory_order_relaxed);
    while (seen == 0 || (seen & ~kCountMax) == name) {
      if ((seen & kCountMax) == kCountMax) return true;
      const std::uint64_t next = seen == 0 ? name | 1 : seen + 1;
      if (slot.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  HugeBlock<std::atomic<std::uint64_t>> slots_{kSlots};
};

}  // namespace keywright::app
