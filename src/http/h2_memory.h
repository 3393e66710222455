// http/h2_memory.h - the small blocks that nghttp2 asks for with every stream, kept for the next
// one.
//
//   Memory memory;                        // one for each worker
//   void* block = memory.take(200);
//   memory.give_back(block);
//
// Blocks of up to 1 KiB come from lists by size, larger ones from malloc(). What a sanitizer should
// see goes there always.
//
// Threading: the worker's loop. Lifetime: outlives every session that uses it.
#pragma once

#include <array>
#include <cstddef>

namespace keywright::http::h2 {

class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* take(std::size_t size);  // null if there is none
  void* resize(void* block, std::size_t size);
  void give_back(void* block);  // null is nothing

 private:
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kClasses = 16;
  struct Free {
    Free* next;
  };
  struct List {
    Free* first = nullptr;
    std::size_t count = 0;
  };
  std::array<List, kClasses> lists_;
};

}  // namespace keywright::http::h2
