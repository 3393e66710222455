#include "http/h2_memory.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace keywright::http::h2 {
namespace {

TEST(Http2Memory, BlocksOfEverySizeAreWhollyOurs) {
  Memory memory;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<char*, std::size_t>> blocks;
    for (std::size_t size : {0u, 1u, 63u, 64u, 65u, 960u, 1000u, 1024u, 1025u, 20'000u}) {
      auto* const block = static_cast<char*>(memory.take(size));
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0u);
      std::memset(block, static_cast<int>(blocks.size()), size);
      blocks.emplace_back(block, size);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto [block, size] = blocks[i];
      for (std::size_t at = 0; at < size; ++at) ASSERT_EQ(block[at], static_cast<char>(i));
      memory.give_back(block);
    }
  }
  memory.give_back(nullptr);
}

TEST(Http2Memory, ResizingKeepsWhatIsThere) {
  Memory memory;
  void* block = memory.resize(nullptr, 10);
  std::memcpy(block, "0123456789", 10);
  for (std::size_t size : {20u, 200u, 5'000u, 10u}) {
    block = memory.resize(block, size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(std::string_view(static_cast<char*>(block), 10), "0123456789");
  }
  memory.give_back(block);
}

}  // namespace
}  // namespace keywright::http::h2
