// app/standings.h - where each user is an active member, four bytes a user (domain/keys/decide.h).
//
//   standings.put(slot, standing);                 // writer, whenever the user is published
//   standings.at(slot)                             // any io thread
//
// Ten thousand users fit into the second-level cache, where their records do not: without it every
// sixth part of a large batch went into waiting for memberships.
//
// Threading: one writer; any number of readers. Cost: one load.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "domain/keys/decide.h"

namespace keywright::app {

class Standings {
 public:
  domain::Standing at(domain::Slot user) const {
    if (user / kChunk >= kChunksMax) return domain::kNoSlot;
    const Chunk* chunk = chunks_[user / kChunk].load(std::memory_order_acquire);
    if (chunk == nullptr) return domain::kNoSlot;
    return (*chunk)[user % kChunk].load(std::memory_order_acquire);
  }

  // Writer only. `user` is a slot of the table of users.
  void put(domain::Slot user, domain::Standing standing) {
    auto& place = chunks_[user / kChunk];
    Chunk* chunk = place.load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      chunk = owned_.emplace_back(std::make_unique<Chunk>()).get();
      for (auto& cell : *chunk) cell.store(domain::kNoSlot, std::memory_order_relaxed);
      place.store(chunk, std::memory_order_release);
    }
    (*chunk)[user % kChunk].store(standing, std::memory_order_release);
  }

 private:
  static constexpr domain::Slot kChunk = 16384;
  static constexpr domain::Slot kChunksMax = 1024;  // as many users as an ObjectTable holds
  using Chunk = std::array<std::atomic<domain::Standing>, kChunk>;

  std::array<std::atomic<Chunk*>, kChunksMax> chunks_{};
  std::vector<std::unique_ptr<Chunk>> owned_;
};

}  // namespace keywright::app
