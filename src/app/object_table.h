// app/object_table.h - records of one type in memory: found by id, read without a lock.
//
//   ObjectTable<domain::Target> targets(reclaimer);
//   targets.put(id, std::make_unique<domain::Target>(...));   // writer: publishes, retires the old
//   one if (const domain::Target* target = targets.find(id)) ...  // any io thread
//
// Each record has a slot that stays the same while the record is replaced, so other records refer
// to it by slot number and see its newest state. A slot is never given to another id: a reference
// to a deleted record finds null for ever.
//
// Threading: one writer; any number of readers. Lifetime: a pointer read is valid until the
// reader's next suspension. Cost: find is one index look-up; at() is two loads.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <span>

#include "app/hash_index.h"
#include "base/uuid.h"
#include "domain/keys/key_record.h"

namespace keywright::app {

// The time part of a UUIDv7 repeats; its last four bytes are random.
inline std::uint32_t hash_of(const Uuid& id) {
  std::uint32_t tail;
  std::memcpy(&tail, id.bytes.data() + 12, sizeof tail);
  return tail;
}

template <class T>
class ObjectTable {
 public:
  explicit ObjectTable(Reclaimer& reclaimer) : reclaimer_(reclaimer), index_(reclaimer) {}
  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;
  ~ObjectTable() {
    for (std::uint32_t slot = 0; slot < count(); ++slot) delete cell(slot).object.load();
    for (auto& chunk : chunks_) delete[] chunk.load();
  }

  const T* at(domain::Slot slot) const {
    if (slot >= kSlotsMax) return nullptr;
    return cell(slot).object.load(std::memory_order_acquire);
  }

  // kNoSlot if this id was never here. Deleted ids keep their slot.
  domain::Slot slot_of(const Uuid& id) const {
    const std::uint32_t number =
        index_.find(hash_of(id), [&](std::uint32_t n) { return cell(n - 1).id == id; });
    return number == 0 ? domain::kNoSlot : number - 1;
  }

  const T* find(const Uuid& id) const {
    const domain::Slot slot = slot_of(id);
    return slot == domain::kNoSlot ? nullptr : at(slot);
  }

  // Writer only.
  domain::Slot put(const Uuid& id, std::unique_ptr<const T> object) {
    domain::Slot slot = slot_of(id);
    const bool fresh = slot == domain::kNoSlot;
    if (fresh) slot = add_cell(id);
    publish(slot, object.release());
    if (fresh) index_.insert(hash_of(id), slot + 1);
    return slot;
  }

  void erase(const Uuid& id) {
    const domain::Slot slot = slot_of(id);
    if (slot != domain::kNoSlot) publish(slot, nullptr);
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::uint32_t slot = 0, end = count(); slot < end; ++slot) {
      if (const T* object = at(slot)) visit(*object);
    }
  }

 private:
  static constexpr std::uint32_t kChunkCells = 1024;
  static constexpr std::uint32_t kChunksMax = 16384;
  static constexpr std::uint32_t kSlotsMax = kChunkCells * kChunksMax;

  struct Cell {
    Uuid id;
    std::atomic<const T*> object{nullptr};
  };

  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }

  Cell& cell(std::uint32_t slot) const {
    return chunks_[slot / kChunkCells].load(std::memory_order_acquire)[slot % kChunkCells];
  }

  domain::Slot add_cell(const Uuid& id) {
    const std::uint32_t slot = count();
    auto& chunk = chunks_[slot / kChunkCells];
    if (chunk.load(std::memory_order_relaxed) == nullptr) {
      chunk.store(new Cell[kChunkCells], std::memory_order_release);
    }
    cell(slot).id = id;
    count_.store(slot + 1, std::memory_order_release);
    return slot;
  }

  void publish(domain::Slot slot, const T* object) {
    const T* old = cell(slot).object.exchange(object, std::memory_order_acq_rel);
    if (old != nullptr) reclaimer_.retire([old] { delete old; });
  }

  Reclaimer& reclaimer_;
  HashIndex index_;
  std::unique_ptr<std::atomic<Cell*>[]> chunks_holder_{new std::atomic<Cell*>[kChunksMax]()};
  std::span<std::atomic<Cell*>> chunks_{chunks_holder_.get(), kChunksMax};
  std::atomic<std::uint32_t> count_{0};  // cells below it have their chunk and id
};

}  // namespace keywright::app
