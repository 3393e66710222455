#include "traces/wire.h"

#include <gtest/gtest.h>

namespace keywright::traces {
namespace {

using namespace std::string_view_literals;

bool reads_whole(std::string_view input) {
  WireReader reader(input);
  while (reader.next()) {
  }
  return !reader.failed();
}

TEST(Wire, EveryTypeIsRead) {
  WireReader reader(
      "\x08\x96\x01\x12\x03xyz\x1d\x01\x00\x00\x00"
      "\x21\x02\x00\x00\x00\x00\x00\x00\x80"sv);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.number(), 1u);
  EXPECT_EQ(reader.varint(), 150u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.bytes(), "xyz");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.fixed32(), 1u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.fixed64(), 0x8000000000000002u);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
}

TEST(Wire, WhatIsWrittenIsReadBack) {
  std::string text;
  append_wire_varint(text, 1, 0xffffffffffffffffu);
  append_wire_bytes(text, 1000, "bytes");
  WireReader reader(text);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.varint(), 0xffffffffffffffffu);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.number(), 1000u);
  EXPECT_EQ(reader.bytes(), "bytes");
}

TEST(Wire, WhatLeadsBeyondTheEndIsRefused) {
  EXPECT_FALSE(reads_whole("\x08"sv));
  EXPECT_FALSE(reads_whole("\x08\x80"sv));
  EXPECT_FALSE(reads_whole("\x12\x05xyz"sv));
  EXPECT_FALSE(reads_whole("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv));
  EXPECT_FALSE(reads_whole("\x1d\x01\x00\x00"sv));
  EXPECT_FALSE(reads_whole("\x21\x02"sv));
}

TEST(Wire, GroupsFieldZeroAndOverlongNumbersAreRefused) {
  EXPECT_FALSE(reads_whole("\x0b\x0c"sv));
  EXPECT_FALSE(reads_whole("\x00\x01"sv));
  EXPECT_FALSE(reads_whole("\x0e"sv));
  EXPECT_FALSE(reads_whole("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv));
}

TEST(Wire, AFieldOfAnotherTypeFailsTheReader) {
  WireReader reader("\x08\x01\x10\x01"sv);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.bytes(), "");
  EXPECT_TRUE(reader.failed());
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace keywright::traces
