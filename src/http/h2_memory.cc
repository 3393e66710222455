#include "http/h2_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace keywright::http::h2 {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsWatched = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kIsWatched = true;
#else
constexpr bool kIsWatched = false;
#endif
#else
constexpr bool kIsWatched = false;
#endif

constexpr std::size_t kKeptBlocks = 4096;  // of each size

// Stands before each block, and keeps it aligned for anything.
struct alignas(std::max_align_t) Head {
  std::size_t size;
};

Head* head_of(void* block) { return static_cast<Head*>(block) - 1; }
std::size_t size_of(void* block) { return head_of(block)->size; }

}  // namespace

Memory::~Memory() {
  for (List& list : lists_) {
    while (list.first != nullptr) {
      Free* const next = list.first->next;
      std::free(head_of(list.first));
      list.first = next;
    }
  }
}

void* Memory::take(std::size_t size) {
  const std::size_t number = std::max((size + kStep - 1) / kStep, std::size_t{1});
  const bool is_small = !kIsWatched && number < kClasses;
  if (is_small && lists_[number].first != nullptr) {
    List& list = lists_[number];
    --list.count;
    Free* const block = list.first;
    list.first = block->next;
    return block;
  }
  const std::size_t room = is_small ? number * kStep : size;
  auto* const head = static_cast<Head*>(std::malloc(sizeof(Head) + room));
  if (head == nullptr) return nullptr;
  head->size = room;
  return head + 1;
}

void* Memory::resize(void* block, std::size_t size) {
  if (block == nullptr) return take(size);
  const std::size_t had = size_of(block);
  if (had >= size && !kIsWatched) return block;
  void* const larger = take(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, std::min(had, size));
  give_back(block);
  return larger;
}

void Memory::give_back(void* block) {
  if (block == nullptr) return;
  const std::size_t number = size_of(block) / kStep;
  if (kIsWatched || number == 0 || number >= kClasses || size_of(block) % kStep != 0 ||
      lists_[number].count >= kKeptBlocks) {
    std::free(head_of(block));
    return;
  }
  List& list = lists_[number];
  auto* const free = static_cast<Free*>(block);
  free->next = list.first;
  list.first = free;
  ++list.count;
}

}  // namespace keywright::http::h2
