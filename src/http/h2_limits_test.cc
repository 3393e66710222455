// HTTP/2 under attack and against the clock: who misbehaves is told so and cut off, others go on.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "http/h2_limits.h"
#include "http/h2_test_client.h"
#include "http/test_server.h"

namespace keywright::http {
namespace {

using std::chrono::milliseconds;

const std::string kHello = std::string(kPreface) + frame(kSettingsFrame, 0, 0, "");

std::uint64_t refused(TestServer& server, Refusal refusal) {
  return server.server().counters().refused[static_cast<std::size_t>(refusal)];
}

// Sends `again` after the greeting until the server takes no more; the code of its GOAWAY.
std::optional<std::uint32_t> goodbye_to(TestServer& server, const std::string& again, int times) {
  RawClient client(server.endpoint());
  client.send(kHello);
  std::string received;
  std::thread reader([&] { received = client.read_all(); });
  for (int i = 0; i < times && client.send(again); ++i) {
  }
  client.half_close();
  reader.join();
  return goodbye_in(received);
}

TEST(Http2Limits, BudgetIsFilledByTimeAndHonestWork) {
  h2::Budget budget(2, 10);
  EXPECT_TRUE(budget.spend());
  EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend());
  budget.pass(milliseconds(200));
  EXPECT_TRUE(budget.spend());
  budget.earn(100);
  EXPECT_TRUE(budget.spend(2));
  EXPECT_FALSE(budget.spend()) << "never more than it holds";
}

TEST(Http2Limits, FloodOfCheapFramesIsEnded) {
  const std::pair<const char*, std::string> floods[] = {
      {"ping", frame(kPingFrame, 0, 0, "12345678")},
      {"settings", frame(kSettingsFrame, 0, 0, "")},
      {"priority", frame(kPriorityFrame, 0, 1, std::string("\0\0\0\0\1", 5))},
      {"window", frame(kWindowFrame, 0, 0, number32(1))},
  };
  for (const auto& [name, flood] : floods) {
    TestServer server;
    EXPECT_EQ(goodbye_to(server, flood, 20'000), kEnhanceYourCalm) << name;
    EXPECT_EQ(refused(server, Refusal::flooded), 1u) << name;
  }
}

TEST(Http2Limits, FloodOfEmptyDataIsEnded) {
  TestServer server;
  RawClient client(server.endpoint());
  const std::string open = get_frame(1, "/later");
  std::string bytes = kHello + open;
  bytes[kHello.size() + 4] = 4;  // END_HEADERS, without END_STREAM
  const std::string padded = frame(kDataFrame, 8, 1, std::string("\2\0\0", 3));
  for (int i = 0; i < 5000; ++i) bytes += i % 2 == 0 ? frame(kDataFrame, 0, 1, "") : padded;
  client.send(bytes);
  client.half_close();
  EXPECT_EQ(goodbye_in(client.read_all()), kEnhanceYourCalm);
}

TEST(Http2Limits, RapidResetIsEnded) {
  TestServer server;
  RawClient client(server.endpoint());
  std::string attack = kHello;
  for (std::uint32_t stream = 1; stream < 8000; stream += 2) {
    attack += get_frame(stream, "/later") + frame(kResetFrame, 0, stream, number32(kCancel));
  }
  client.send(attack);
  EXPECT_EQ(goodbye_in(client.read_all()), kEnhanceYourCalm);
  EXPECT_EQ(refused(server, Refusal::flooded), 1u);
  EXPECT_LE(server.handler().seen().size(), h2::kMaxStreamsAtWork);
  server.handler().release();
}

TEST(Http2Limits, ResetsThatTheServerIsMadeToSendCountAlike) {
  TestServer server;
  RawClient client(server.endpoint());
  std::string attack = kHello;
  for (std::uint32_t stream = 1; stream < 8000; stream += 2) {
    attack += get_frame(stream, "/later") + frame(kWindowFrame, 0, stream, number32(0x7fffffff));
  }
  client.send(attack);
  EXPECT_EQ(goodbye_in(client.read_all()), kEnhanceYourCalm);
  server.handler().release();
}

TEST(Http2Limits, EndlessContinuationIsEnded) {
  TestServer server;
  RawClient client(server.endpoint());
  std::string attack = kHello + get_frame(1, "/hello");
  attack[kHello.size() + 4] = 1;  // no END_HEADERS
  for (int i = 0; i < 200; ++i) attack += frame(kContinuationFrame, 0, 1, "");
  client.send(attack);
  EXPECT_EQ(goodbye_in(client.read_all()), kEnhanceYourCalm);
}

TEST(Http2Limits, HeaderBombCostsItsStream) {
  TestServer server;
  RawClient client(server.endpoint());
  // A field of 3 kB that goes into the table, and is then named a hundred times with a byte each.
  const std::string size = "\x7f\xb9\x16";  // 3000 as an HPACK integer of seven bits
  std::string bomb = get_frame(1, "/hello").substr(9);
  bomb += "\x40\x06x-bomb" + size + std::string(3000, 'b') + std::string(100, '\xbe');
  client.send(kHello + frame(kHeadersFrame, 5, 1, bomb) + get_frame(3, "/hello"));
  std::string received;
  while (received.find("hello") == std::string::npos) {
    const std::string more = client.read_some();
    ASSERT_FALSE(more.empty());
    received += more;
  }
  EXPECT_NE(received.find(frame(kResetFrame, 0, 1, number32(kInternalError))), std::string::npos);
  EXPECT_EQ(server.handler().seen().size(), 1u);
  EXPECT_EQ(refused(server, Refusal::head_too_large), 1u);
}

TEST(Http2Limits, WrongPrefaceAndFramesEndTheConnection) {
  TestServer server;
  RawClient preface(server.endpoint());
  preface.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(kSettingsFrame, 0, 0, ""));
  EXPECT_EQ(goodbye_in(preface.read_all()), kProtocolError);
  RawClient first(server.endpoint());
  first.send(std::string(kPreface) + get_frame(1, "/hello"));  // SETTINGS must come first
  EXPECT_EQ(goodbye_in(first.read_all()), kProtocolError);
  RawClient size(server.endpoint());
  size.send(kHello + std::string("\xff\xff\xff\0\0\0\0\0\1", 9));
  EXPECT_TRUE(goodbye_in(size.read_all()).has_value());
  EXPECT_EQ(refused(server, Refusal::malformed), 3u);
}

TEST(Http2Limits, ConnectionWithoutSettingsIsEnded) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  client.send(kPreface);
  EXPECT_EQ(goodbye_in(client.read_all()), kSettingsTimeout);
}

TEST(Http2Limits, IdleConnectionIsToldGoodbye) {
  TestServer server(impatient());
  H2Client client(server.endpoint());
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_FALSE(client.until([] { return false; }));
  EXPECT_EQ(client.goodbye(), kNoError);
}

TEST(Http2Limits, UnfinishedHeadIsEnded) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  std::string half = get_frame(1, "/hello");
  half[4] = 1;  // no END_HEADERS
  client.send(kHello + half);
  EXPECT_EQ(goodbye_in(client.read_all()), kEnhanceYourCalm);
  EXPECT_EQ(refused(server, Refusal::timed_out), 1u);
}

TEST(Http2Limits, SlowBodyGets408AndOnlyItsStreamEnds) {
  TestServer server(impatient());
  H2Client client(server.endpoint());
  const auto slow = client.submit_open("POST", "/echo", "abc");
  EXPECT_EQ(client.finish(slow).status, 408);
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(Http2Limits, SlowHandlerIsNotCut) {
  TestServer server(impatient());
  H2Client client(server.endpoint());
  const auto later = client.submit("GET", "/later");
  RawClient idle(server.endpoint());
  EXPECT_EQ(idle.read_all(), "");  // more than any limit has passed
  server.handler().release();
  EXPECT_EQ(client.finish(later).body, "later");
}

TEST(Http2Limits, ClientThatGivesNoWindowLosesItsStream) {
  TestServer server(impatient());
  H2ClientOptions options;
  options.stream_window = 0;
  options.gives_window = false;
  H2Client client(server.endpoint(), options);
  const auto stalled = client.submit("GET", "/large/1000");
  const auto held = client.submit("GET", "/endless");
  EXPECT_EQ(client.finish(stalled).reset, kCancel);
  EXPECT_EQ(client.finish(held).reset, kCancel);
  while (server.handler().streams_alive != 0) std::this_thread::yield();
}

TEST(Http2Limits, ClientThatDoesNotReadIsCut) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  const std::string all = std::string("\0\4", 2) + number32(0x7fffffff);
  client.send(std::string(kPreface) + frame(kSettingsFrame, 0, 0, all) +
              frame(kWindowFrame, 0, 0, number32(0x7fff0000 - 65535)) +
              get_frame(1, "/large/50000000"));
  while (server.handler().seen().empty()) std::this_thread::yield();
  while (server.server().counters().open != 0) std::this_thread::yield();
}

TEST(Http2Limits, StopLetsRequestsFinishAndSaysGoodbye) {
  TestServer server;
  H2Client idle(server.endpoint());
  EXPECT_EQ(idle.get("/hello").status, 200);
  H2Client busy(server.endpoint());
  const auto later = busy.submit("GET", "/later");
  ASSERT_TRUE(server.handler().wait_for_requests(2));
  std::thread stopper([&] { server.server().stop(); });
  EXPECT_FALSE(idle.until([] { return false; }));
  EXPECT_EQ(idle.goodbye(), kNoError);
  ASSERT_TRUE(busy.until([&] { return busy.goodbye().has_value(); }));
  server.handler().release();
  EXPECT_EQ(busy.finish(later).body, "later");
  EXPECT_FALSE(busy.until([] { return false; }));
  stopper.join();
}

TEST(Http2Limits, StopCutsStreamsAfterItsTimeout) {
  ServerOptions options;
  options.limits.stop_timeout = milliseconds(50);
  TestServer server(options);
  H2Client client(server.endpoint());
  const auto endless = client.submit("GET", "/endless");
  ASSERT_TRUE(client.until([&] { return client.answer(endless).body == "first"; }));
  server.server().stop();
  EXPECT_EQ(server.handler().streams_alive, 0);
  client.until([&] { return client.answer(endless).is_over; });
  EXPECT_FALSE(client.answer(endless).is_complete());
}

}  // namespace
}  // namespace keywright::http
