#include "forwarding/gzip.h"

#include <gtest/gtest.h>

#include "ingest/inflate.h"

namespace keywright::forwarding {
namespace {

TEST(Gzip, WhatIsReadAgainIsWhatWasGiven) {
  std::string noise;
  std::uint32_t seed = 7;
  for (int i = 0; i < 100'000; ++i)
    noise.push_back(static_cast<char>((seed = seed * 69069 + 1) >> 24));
  for (const std::string& text :
       {std::string(), std::string("a"), std::string(1'000'000, 'x'), noise}) {
    std::string read;
    ingest::Inflater inflater;
    ASSERT_TRUE(inflater.feed(gzip_of(text), read, 2'000'000));
    ASSERT_TRUE(inflater.finish());
    EXPECT_EQ(read, text);
  }
  EXPECT_LT(gzip_of(std::string(1'000'000, 'x')).size(), 10'000u);
}

}  // namespace
}  // namespace keywright::forwarding
