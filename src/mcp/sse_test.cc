#include "mcp/sse.h"

#include <vector>

#include <gtest/gtest.h>

namespace keywright::mcp {
namespace {

struct Seen {
  std::vector<std::string> data;
  std::string raw;
};

Seen read_in_pieces(std::string_view stream, std::size_t size) {
  SseReader reader;
  Seen seen;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    reader.feed(stream.substr(at, size));
    while (auto event = reader.next()) {
      seen.raw += event->raw;
      if (event->has_data) seen.data.emplace_back(event->data);
    }
  }
  seen.raw += reader.rest();
  return seen;
}

TEST(SseReader, EventsAreTheSameHoweverTheStreamIsCut) {
  const std::string stream =
      "\xEF\xBB\xBF: hello\n\nevent: message\nid: 7\ndata: {\"a\":1}\n\n"
      "data:two\r\ndata: lines\r\n\r\n\r\ndata\r\rdata: x\r\n\ndata: unfinished";
  const std::vector<std::string> expected = {"{\"a\":1}", "two\nlines", "", "x"};
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    const Seen seen = read_in_pieces(stream, size);
    EXPECT_EQ(seen.data, expected) << size;
    EXPECT_EQ(seen.raw, stream) << size;
  }
}

TEST(SseReader, AnEventHasTypeAndId) {
  SseReader reader;
  reader.feed("event: ping\nid:\ndata: 1\nretry: 10\n\n");
  const auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, "ping");
  EXPECT_EQ(event->id, "");
  EXPECT_EQ(event->data, "1");
}

TEST(SseReader, AnEndlessEventIsGivenUp) {
  SseReader reader(64);
  reader.feed("data: " + std::string(100, 'x'));
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.overflowed());
}

TEST(SseWriter, WhatIsWrittenReadsBack) {
  std::string out;
  append_event(out, "{\"a\":\"b\"}", "9");
  append_event(out, "two\nlines");
  SseReader reader;
  reader.feed(out);
  EXPECT_EQ(reader.next()->data, "{\"a\":\"b\"}");
  EXPECT_EQ(reader.next()->data, "two\nlines");
  EXPECT_EQ(reader.rest(), "");
}

}  // namespace
}  // namespace keywright::mcp
