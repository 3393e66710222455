#include "app/hash_index.h"

#include <bit>

namespace keywright::app {
namespace {

constexpr std::size_t kCapacityMin = 64;

std::size_t capacity_for(std::size_t entries) {
  return std::bit_ceil(std::max(kCapacityMin, entries * 10 / 7 + 1));
}

std::uint64_t slot_of(std::uint32_t hash, std::uint32_t number) {
  return std::uint64_t{hash} << 32 | number;
}

}  // namespace

HashIndex::Array::Array(std::size_t capacity) : mask(capacity - 1), slots(capacity) {}

HashIndex::HashIndex(Reclaimer& reclaimer)
    : reclaimer_(reclaimer), array_(new Array(kCapacityMin)) {}

HashIndex::~HashIndex() { delete array_.load(); }

std::size_t HashIndex::bytes() const {
  return (array_.load(std::memory_order_relaxed)->mask + 1) * sizeof(std::uint64_t);
}

void HashIndex::place(Array& array, std::uint64_t slot) {
  std::size_t at = (slot >> 32) & array.mask;
  while (array.slots[at].load(std::memory_order_relaxed) != kEmpty) at = (at + 1) & array.mask;
  array.slots[at].store(slot, std::memory_order_release);
}

void HashIndex::rebuild(std::size_t capacity) {
  Array* old = array_.load(std::memory_order_relaxed);
  auto* grown = new Array(capacity);
  for (std::size_t at = 0; at <= old->mask; ++at) {
    const std::uint64_t slot = old->slots[at].load(std::memory_order_relaxed);
    if (slot != kEmpty && static_cast<std::uint32_t>(slot) != kErased) place(*grown, slot);
  }
  array_.store(grown, std::memory_order_release);
  reclaimer_.retire([old] { delete old; });
  occupied_ = live_;
}

void HashIndex::reserve(std::size_t entries) {
  const std::size_t capacity = capacity_for(entries);
  if (capacity > array_.load(std::memory_order_relaxed)->mask + 1) rebuild(capacity);
}

void HashIndex::insert(std::uint32_t hash, std::uint32_t number) {
  const std::size_t capacity = array_.load(std::memory_order_relaxed)->mask + 1;
  if ((occupied_ + 1) * 10 > capacity * 7) rebuild(capacity_for((live_ + 1) * 2 * 7 / 10 + 1));
  place(*array_.load(std::memory_order_relaxed), slot_of(hash, number));
  ++live_;
  ++occupied_;
}

std::atomic<std::uint64_t>* HashIndex::locate(std::uint32_t hash, std::uint32_t number) {
  Array& array = *array_.load(std::memory_order_relaxed);
  for (std::size_t at = hash & array.mask;; at = (at + 1) & array.mask) {
    const std::uint64_t slot = array.slots[at].load(std::memory_order_relaxed);
    if (slot == slot_of(hash, number)) return &array.slots[at];
    if (slot == kEmpty) return nullptr;
  }
}

void HashIndex::replace(std::uint32_t hash, std::uint32_t old_number, std::uint32_t new_number) {
  if (auto* slot = locate(hash, old_number)) {
    slot->store(slot_of(hash, new_number), std::memory_order_release);
  }
}

void HashIndex::erase(std::uint32_t hash, std::uint32_t number) {
  if (auto* slot = locate(hash, number)) {
    slot->store(slot_of(hash, kErased), std::memory_order_release);
    --live_;
  }
}

}  // namespace keywright::app
