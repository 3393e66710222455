#include "traces/pack.h"

#include <gtest/gtest.h>

namespace keywright::traces {
namespace {

TEST(Pack, WhatGoesInComesOut) {
  for (const std::string& text : {std::string(), std::string("{}"), std::string(100'000, 'a')}) {
    EXPECT_EQ(unpack(pack(text)).value(), text);
  }
  EXPECT_LT(pack(std::string(100'000, 'a')).bytes.size(), 1000u);
  EXPECT_FALSE(pack(std::string(2000, 'a')).compressed);
}

TEST(Pack, EveryFlippedBitIsFound) {
  const Packed whole = pack("{\"a\":\"" + std::string(4000, 'x') + "\"}");
  ASSERT_TRUE(whole.compressed);
  for (std::size_t at = 0; at < whole.bytes.size(); ++at) {
    Packed damaged = whole;
    damaged.bytes[at] = static_cast<char>(damaged.bytes[at] ^ 4);
    const auto text = unpack(damaged);
    if (!text) {
      EXPECT_EQ(text.error().reason(), "trace_damaged");
    }
    // A bit of the frame's header that means nothing may flip; the text is never another one.
    if (text) {
      EXPECT_EQ(*text, *unpack(whole));
    }
  }
}

TEST(Pack, ASizeThatIsNotTrueIsNotBelieved) {
  Packed packed = pack(std::string(4000, 'x'));
  packed.size = 1'000'000'000'000;
  EXPECT_FALSE(unpack(packed));
  packed.size = 3999;
  EXPECT_FALSE(unpack(packed));
}

}  // namespace
}  // namespace keywright::traces
