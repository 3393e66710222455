// app/hash_index.h - hash → record number, written by one thread, read by all without a lock.
//
//   index.insert(hash, number);
//   std::uint32_t number = index.find(hash, [&](std::uint32_t n) { return table[n].id == id; });
//
// Open addressing over 8-byte slots that hold a 32-bit hash and a 32-bit number. A slot changes by
// one atomic store, so a reader sees the old number or the new one, never half of each. The hash
// given must be well mixed (bits of a keyed digest are); equal hashes are told apart by `match`.
// Growing builds a second array and swaps it in; the old one is retired.
//
// Threading: one writer; any number of readers. Lifetime: a number found stays valid until the
// reader's next barrier. Cost: find is one cache miss for the slot and whatever `match` touches;
// memory is 8 bytes x capacity, kept between 35 % and 70 % full.
#pragma once

#include <atomic>
#include <cstdint>

#include "app/huge_pages.h"
#include "app/reclaimer.h"

namespace keywright::app {

class HashIndex {
 public:
  explicit HashIndex(Reclaimer& reclaimer);
  ~HashIndex();
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  // Numbers are 1 to kNumberMax.
  static constexpr std::uint32_t kNumberMax = 0xfffffffe;

  // The first number under `hash` that `match` accepts; 0 if there is none.
  template <class Match>
  std::uint32_t find(std::uint32_t hash, Match&& match) const {
    const Array& array = *array_.load(std::memory_order_acquire);
    for (std::size_t at = hash & array.mask;; at = (at + 1) & array.mask) {
      const std::uint64_t slot = array.slots[at].load(std::memory_order_acquire);
      if (slot == kEmpty) return 0;
      if (slot >> 32 != hash || (slot & 0xffffffff) == kErased) continue;
      const auto number = static_cast<std::uint32_t>(slot);
      if (match(number)) return number;
    }
  }

  // Asks the memory for the slot that find() will look at first.
  void prefetch(std::uint32_t hash) const {
    const Array& array = *array_.load(std::memory_order_acquire);
    __builtin_prefetch(&array.slots[hash & array.mask]);
  }

  // Writer only.
  void reserve(std::size_t entries);
  void insert(std::uint32_t hash, std::uint32_t number);
  void replace(std::uint32_t hash, std::uint32_t old_number, std::uint32_t new_number);
  void erase(std::uint32_t hash, std::uint32_t number);

  std::size_t size() const { return live_; }
  std::size_t bytes() const;

 private:
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::uint32_t kErased = 0xffffffff;

  struct Array {
    explicit Array(std::size_t capacity);
    std::size_t mask;
    HugeBlock<std::atomic<std::uint64_t>> slots;
  };

  static void place(Array& array, std::uint64_t slot);
  void rebuild(std::size_t capacity);
  std::atomic<std::uint64_t>* locate(std::uint32_t hash, std::uint32_t number);

  Reclaimer& reclaimer_;
  std::atomic<Array*> array_;
  std::size_t live_ = 0;
  std::size_t occupied_ = 0;  // live and erased
};

}  // namespace keywright::app
