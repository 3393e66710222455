#include "http/h1_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"

namespace keywright::http::h1 {
namespace {

using Progress = RequestReader::Progress;

constexpr std::size_t kBodyLimit = 100'000;

// What a reader made of some input, in words.
class Transcript {
 public:
  void feed(std::string_view bytes) {
    while (!bytes.empty() && !refused_) {
      const auto space = reader_.space();
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      reader_.added(size);
      bytes.remove_prefix(size);
      advance();
    }
  }
  const std::string& text() const { return text_; }

 private:
  void advance() {
    while (!refused_) {
      if (!in_body_) {
        const Progress head = reader_.read_head();
        if (head == Progress::need_more) return;
        if (head == Progress::refused || reader_.begin_body(kBodyLimit) == Progress::refused) {
          return refuse();
        }
        in_body_ = true;
      }
      const Progress body = reader_.read_body();
      if (body == Progress::need_more) return;
      if (body == Progress::refused) return refuse();
      const Request& request = reader_.request();
      text_ += std::string(request.method_text) + " " + std::string(request.path) + "?" +
               std::string(request.query) + " @" + std::string(request.authority) + "\n";
      for (const Field& field : request.headers) {
        text_ += std::string(field.name) + "=" + std::string(field.value) + "\n";
      }
      text_ += std::string(request.body) + "\n";
      reader_.finish();
      in_body_ = false;
    }
  }
  void refuse() {
    refused_ = true;
    text_ += "refused " + std::string(to_string(reader_.fault().refusal)) + " " +
             std::string(reader_.fault().what);
  }

  RequestReader reader_{HeadLimits()};
  std::string text_;
  bool in_body_ = false;
  bool refused_ = false;
};

std::string read_whole(std::string_view input) {
  Transcript transcript;
  transcript.feed(input);
  return transcript.text();
}

std::vector<std::string> inputs() {
  const std::string host = "Host: example\r\n";
  return {
      "GET /a?b=c HTTP/1.1\r\n" + host + "X-Y:  spaced value \t\r\n\r\nGET /b HTTP/1.1\r\n" + host +
          "\r\n",
      "POST /c HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello\r\nGET /d HTTP/1.1\r\n" +
          host + "\r\n",
      "POST /e HTTP/1.1\r\n" + host +
          "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n"
          "\r\nGET /f HTTP/1.1\r\n" +
          host + "\r\n",
      "POST /g HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
      "POST /g HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
      "GET /h HTTP/1.1\r\n" + host + "X: a\nY: b\r\n\r\n",
      "GET /i HTTP/1.1\r\nX: y\r\n\r\n",
      "POST /large HTTP/1.1\r\n" + host + "Content-Length: 60000\r\n\r\n" +
          std::string(60'000, 'z') + "GET /after HTTP/1.1\r\n" + host + "\r\n",
      "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n",
      "GET /long HTTP/1.1\r\n" + host + "X: " + std::string(33'000, 'a') + "\r\n\r\n",
      "GET /ok HTTP/1.1\r\n" + host + "X: " + std::string(30'000, 'a') + "\r\n\r\n",
      "\r\nGET /j HTTP/1.1\r\n" + host + "\r\n\r\n\r\n",
  };
}

TEST(RequestReader, OutcomeDoesNotDependOnHowTheInputIsCut) {
  SeededRandom random(1);
  for (const std::string& input : inputs()) {
    const std::string expected = read_whole(input);
    ASSERT_FALSE(expected.empty());
    for (int round = 0; round < 50; ++round) {
      Transcript cut;
      std::string_view rest = input;
      const std::uint64_t longest = round % 2 == 0 ? 7 : 3000;
      while (!rest.empty()) {
        const std::size_t size =
            std::min<std::size_t>(rest.size(), 1 + random_below(random, longest));
        cut.feed(rest.substr(0, size));
        rest.remove_prefix(size);
      }
      ASSERT_EQ(cut.text(), expected) << input.substr(0, 100);
    }
  }
}

TEST(RequestReader, RequestsFollowEachOther) {
  EXPECT_EQ(
      read_whole(inputs()[0]),
      "GET /a?b=c @example\nHost=example\nX-Y=spaced value\n\nGET /b? @example\nHost=example\n\n");
  EXPECT_EQ(read_whole(inputs()[2]),
            "POST /e? @example\nHost=example\nTransfer-Encoding=chunked\nhello!\n"
            "GET /f? @example\nHost=example\n\n");
}

TEST(RequestReader, OneByteChunksDoNotGrowTheBufferBeyondTheBody) {
  RequestReader reader{HeadLimits()};
  auto feed = [&](std::string_view bytes) {
    const auto space = reader.space();
    ASSERT_GE(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), bytes.size());
    reader.added(bytes.size());
  };
  feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_EQ(reader.read_head(), Progress::done);
  ASSERT_EQ(reader.begin_body(kBodyLimit), Progress::done);
  std::size_t largest_space = 0;
  for (int i = 0; i < 5000; ++i) {
    feed("1\r\nx\r\n");
    ASSERT_EQ(reader.read_body(), Progress::need_more);
    largest_space = std::max(largest_space, reader.space().size());
  }
  EXPECT_EQ(reader.request().body, std::string(5000, 'x'));
  EXPECT_LT(largest_space, 8 * 1024u) << "30 000 raw bytes, but only 5 000 of them body";
}

TEST(RequestReader, TakenPiecesMakeRoomForMore) {
  RequestReader reader{HeadLimits()};
  std::string head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  auto feed = [&](std::string_view bytes) {
    const auto space = reader.space();
    const std::size_t size = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), size);
    reader.added(size);
    return size;
  };
  feed(head);
  ASSERT_EQ(reader.read_head(), Progress::done);
  ASSERT_EQ(reader.begin_body(kBodyLimit), Progress::done);
  std::string body;
  for (int i = 0; i < 100'000; ++i) body.push_back(static_cast<char>('a' + i % 23));
  std::string_view rest = body;
  std::string taken;
  while (!reader.body_is_complete()) {
    const std::size_t size = feed(rest.substr(0, 5000));
    ASSERT_LE(size, 8 * 1024u);
    rest.remove_prefix(size);
    reader.read_body();
    taken += reader.take_body();
  }
  EXPECT_EQ(taken, body);
  EXPECT_EQ(reader.request().path, "/p") << "the head stays in place";
}

TEST(ResponseHead, FramingFollowsRequestAndStatus) {
  ResponseHead head;
  Framing framing;
  auto kind = [&](std::string_view text, bool to_head = false) {
    EXPECT_FALSE(parse_response_head(text, to_head, head, framing)) << text;
    return framing.kind;
  };
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), Framing::Kind::length);
  EXPECT_EQ(kind("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", true), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), Framing::Kind::none);
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Framing::Kind::chunked);
  EXPECT_EQ(kind("HTTP/1.0 200 OK\r\nX: y\r\n\r\n"), Framing::Kind::until_close);
  for (std::string_view wrong :
       {"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    EXPECT_TRUE(parse_response_head(wrong, false, head, framing)) << wrong;
  }
}

}  // namespace
}  // namespace keywright::http::h1
