// app/huge_pages.h - large zeroed blocks on pages of 2 MiB where the kernel has them to give.
//
//   auto slots = HugeBlock<std::atomic<std::uint64_t>>(count);
//
// A look-up among a million keys touches memory at random: on pages of 4 KiB each touch also misses
// the TLB, which costs about as much as the cache miss itself. Small blocks are ordinary ones.
//
// Threading: as T. Lifetime: the block dies with the object. Cost: one mmap for each block; T must
// be fine as zeroed bytes and need no destructor.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace keywright::app {

template <class T>
class HugeBlock {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  static constexpr std::size_t kPageBytes = std::size_t{2} << 20;

  HugeBlock() = default;
  explicit HugeBlock(std::size_t count) : bytes_(count * sizeof(T)) {
    // Half a page is as good as a whole one only when it is filled: small blocks stay small.
    const std::size_t slack = bytes_ >= kPageBytes ? kPageBytes : 0;
    mapped_bytes_ = bytes_ + slack;
    mapped_ =
        ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped_ == MAP_FAILED) throw std::bad_alloc();
    auto address = reinterpret_cast<std::size_t>(mapped_);
    if (slack != 0) address = (address + kPageBytes - 1) / kPageBytes * kPageBytes;
    data_ = reinterpret_cast<T*>(address);
    if (slack != 0) ::madvise(data_, bytes_, MADV_HUGEPAGE);
  }
  HugeBlock(HugeBlock&& other) noexcept { swap(other); }
  HugeBlock& operator=(HugeBlock&& other) noexcept {
    swap(other);
    return *this;
  }
  ~HugeBlock() {
    if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
  }

  T* data() const { return data_; }
  T& operator[](std::size_t index) const { return data_[index]; }

 private:
  void swap(HugeBlock& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
  }

  T* data_ = nullptr;
  void* mapped_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace keywright::app
