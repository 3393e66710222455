// app/pending_uses.h - uses of keys that one io thread has accepted and not yet written to the
// cells.
//
//   PendingUses& mine = ...;                         // one for each io thread, in a mapped file
//   mine.add({.serial = 7, .cell = 7, .used_at = 1'700'000'000'000});
//   if (mine.is_full()) ...                          // write them to the cells, then clear()
//   std::optional<Use> last = mine.last_of(7);       // any thread
//
// A cell is a cache miss of its own among a million keys, and a store that misses holds up the
// stores behind it. Sixty-four cells asked for together cost a fraction of that, so a thread
// writes down its uses here, where memory is warm, and moves them in one go.
//
// Threading: add() and clear() by the owning thread alone; last_of() by any.
// Lifetime: plain memory, zeroed means empty: kill -9 leaves a mapped one readable.
// Cost: add is a few stores; last_of looks at 64 entries.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

namespace keywright::app {

class alignas(64) PendingUses {
 public:
  static constexpr std::uint32_t kUsesMax = 64;

  struct Use {
    std::uint32_t serial = 0;
    std::uint32_t cell = 0;          // of the version that was used
    std::int64_t used_at = 0;        // ms
    std::uint64_t address_high = 0;  // of the 16-byte form, network order; zeros = unknown
    std::uint64_t address_low = 0;
  };

  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  bool is_full() const { return count_.load(std::memory_order_relaxed) == kUsesMax; }

  // Room is needed.
  void add(const Use& use) {
    const std::uint32_t at = count_.load(std::memory_order_relaxed);
    entries_[at].store(use);
    count_.store(at + 1, std::memory_order_release);
  }

  Use at(std::uint32_t index) const { return entries_[index].load(); }

  // The newest use of the key or of the version with this number; none if it was used before these.
  std::optional<Use> last_of(std::int64_t number) const {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      const std::uint32_t cleared = cleared_.load(std::memory_order_acquire);
      std::optional<Use> found;
      for (std::uint32_t i = count(); i-- > 0 && !found;) {
        const Use use = entries_[i].load();
        if (use.serial == number || use.cell == number) found = use;
      }
      if (cleared_.load(std::memory_order_acquire) == cleared) return found;
    }
    return std::nullopt;  // busier than one can look: the cells are at most 64 uses behind
  }

  // After all of them were written to the cells. A reader that looked meanwhile looks again.
  void clear() {
    cleared_.fetch_add(1, std::memory_order_acq_rel);
    count_.store(0, std::memory_order_release);
  }

 private:
  static constexpr int kAttemptsMax = 100;

  // Stores that release and loads that acquire: who reads a value of after clear() sees that it was
  // cleared.
  struct Entry {
    std::atomic<std::uint64_t> serial_and_cell;
    std::atomic<std::int64_t> used_at;
    std::atomic<std::uint64_t> address_high;
    std::atomic<std::uint64_t> address_low;

    void store(const Use& use) {
      used_at.store(use.used_at, std::memory_order_release);
      address_high.store(use.address_high, std::memory_order_release);
      address_low.store(use.address_low, std::memory_order_release);
      serial_and_cell.store(std::uint64_t{use.serial} << 32 | use.cell, std::memory_order_release);
    }
    Use load() const {
      const std::uint64_t numbers = serial_and_cell.load(std::memory_order_acquire);
      return {static_cast<std::uint32_t>(numbers >> 32), static_cast<std::uint32_t>(numbers),
              used_at.load(std::memory_order_acquire), address_high.load(std::memory_order_acquire),
              address_low.load(std::memory_order_acquire)};
    }
  };

  std::atomic<std::uint32_t> count_;
  std::atomic<std::uint32_t> cleared_;
  std::array<Entry, kUsesMax> entries_;
};

}  // namespace keywright::app
