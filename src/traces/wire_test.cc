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

TEST(Wire, GroupsAreSkippedWithAllThatIsInThem) {
  WireReader reader("\x0b\x08\x01\x13\x0a\x01z\x14\x0c\x12\x01x"sv);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.number(), 1u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.bytes(), "x");
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
  for (const std::string_view wrong :
       {"\x0b"sv, "\x0c"sv, "\x0b\x14"sv, "\x0b\x13\x0c\x14"sv, "\x0b\x08\x0c"sv}) {
    EXPECT_FALSE(reads_whole(wrong));
  }
  const std::string deep(kGroupDepthMax, '\x0b');
  const std::string ends(kGroupDepthMax, '\x0c');
  EXPECT_TRUE(reads_whole(deep + ends));
  EXPECT_FALSE(reads_whole(deep + "\x0b\x0c" + ends));
  WireReader known("\x0b\x0c"sv);
  ASSERT_TRUE(known.next());
  EXPECT_EQ(known.bytes(), "");
  EXPECT_TRUE(known.failed());
}

TEST(Wire, FieldZeroAndOverlongNumbersAreRefused) {
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
