// app/slab.h - many small blocks of raw memory without the overhead of the heap.
//
//   Slab slab;
//   void* block = slab.allocate(32);
//   slab.release(block, 32);              // with the same size
//
// A million names of twenty characters cost 48 bytes each from malloc and 32 from here. Sizes are
// rounded up to 8 bytes; each size has a list of released blocks; what is larger than kLargestBytes
// comes from the heap. Memory goes back to the system when the slab goes.
//
// Threading: one thread at a time. Cost: a few instructions.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace keywright::app {

class Slab {
 public:
  static constexpr std::size_t kLargestBytes = 512;

  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  void* allocate(std::size_t bytes) {
    if (bytes > kLargestBytes) return ::operator new(bytes);
    const std::size_t step = step_of(bytes);
    if (Free* block = free_[step]) {
      free_[step] = block->next;
      return block;
    }
    const std::size_t size = step * kStepBytes;
    if (left_ < size) refill();
    void* block = next_;
    next_ += size;
    left_ -= size;
    return block;
  }

  void release(void* block, std::size_t bytes) {
    if (bytes > kLargestBytes) return ::operator delete(block);
    const std::size_t step = step_of(bytes);
    free_[step] = new (block) Free{free_[step]};
  }

 private:
  static constexpr std::size_t kStepBytes = 8;
  static constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
  struct Free {
    Free* next;
  };

  static std::size_t step_of(std::size_t bytes) {
    return (bytes + kStepBytes - 1) / kStepBytes + (bytes == 0 ? 1 : 0);
  }

  // What is left of the chunk before is smaller than one block: not worth keeping.
  void refill() {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunkBytes));
    next_ = chunks_.back().get();
    left_ = kChunkBytes;
  }

  std::array<Free*, kLargestBytes / kStepBytes + 1> free_{};
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace keywright::app
