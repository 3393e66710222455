// The server keeps its limits: of time, of connections, of descriptors, and when it is told to
// stop.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "http/server.h"
#include "http/test_server.h"
#include "net/test_socket.h"

namespace keywright::http {
namespace {

using std::chrono::milliseconds;

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST(ServerLimits, SlowHeadGets408) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  client.send("GET /hello HTTP/1.1\r\nHost:");
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 408);
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.server().counters().refused[static_cast<std::size_t>(Refusal::timed_out)], 1u);
}

TEST(ServerLimits, TrickledHeadIsNotSpared) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  client.send(get("/hello").substr(0, 5));
  std::thread trickle([&] {
    for (int i = 0; i < 100'000 && client.send("a"); ++i) std::this_thread::yield();
  });
  const int status = client.read_response().status;
  trickle.join();
  EXPECT_TRUE(status == 408 || status == 414) << status;
}

TEST(ServerLimits, SlowBodyGets408) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(client.read_response().status, 408);
}

TEST(ServerLimits, IdleConnectionIsClosedWithoutAWord) {
  TestServer server(impatient());
  RawClient fresh(server.endpoint());
  RawClient used(server.endpoint());
  used.send(get("/hello"));
  EXPECT_EQ(used.read_response().status, 200);
  EXPECT_EQ(used.read_all(), "");
  EXPECT_EQ(fresh.read_all(), "");
}

TEST(ServerLimits, ClientThatDoesNotReadIsCut) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  client.send(get("/large/50000000"));
  while (server.server().counters().open == 0) std::this_thread::yield();
  while (server.server().counters().open != 0) std::this_thread::yield();
  EXPECT_FALSE(client.read_response().complete);
}

TEST(ServerLimits, SlowHandlerIsNotCut) {
  TestServer server(impatient());
  RawClient client(server.endpoint());
  client.send(get("/later"));
  RawClient idle(server.endpoint());
  EXPECT_EQ(idle.read_all(), "");  // more than any limit has passed
  server.handler().release();
  EXPECT_EQ(client.read_response().body, "later");
}

TEST(ServerLimits, StopLetsRequestsInFlightFinishAndClosesIdleConnections) {
  TestServer server;
  RawClient idle(server.endpoint());
  idle.send(get("/hello"));
  EXPECT_EQ(idle.read_response().status, 200);
  RawClient busy(server.endpoint());
  busy.send(get("/later"));
  ASSERT_TRUE(server.handler().wait_for_requests(2));
  std::thread stopper([&] { server.server().stop(); });
  EXPECT_TRUE(idle.is_closed());
  server.handler().release();
  const RawResponse last = busy.read_response();
  EXPECT_EQ(last.body, "later");
  EXPECT_EQ(last.header("Connection"), "close");
  stopper.join();
  EXPECT_FALSE(net::TestSocket().connect(server.endpoint())) << "still accepting";
}

TEST(ServerLimits, StopCutsStreamsAfterItsTimeout) {
  ServerOptions options;
  options.limits.stop_timeout = milliseconds(50);
  TestServer server(options);
  RawClient client(server.endpoint());
  client.send(get("/endless"));
  std::string got;
  while (got.find("first") == std::string::npos) got += client.read_some();
  server.server().stop();
  EXPECT_EQ(server.handler().streams_alive, 0);
  EXPECT_EQ(client.read_all().find("\r\n0\r\n"), std::string::npos);
}

TEST(ServerLimits, ConnectionsOverTheCapWaitUntilOneLeaves) {
  ServerOptions options;
  options.limits.max_connections = 2;
  TestServer server(options);
  auto first = std::make_unique<RawClient>(server.endpoint());
  RawClient second(server.endpoint());
  for (RawClient* client : {first.get(), &second}) {
    client->send(get("/hello"));
    EXPECT_EQ(client->read_response().status, 200);
  }
  RawClient third(server.endpoint());
  third.send(get("/hello"));
  second.send(get("/hello"));
  EXPECT_EQ(second.read_response().status, 200);
  EXPECT_EQ(server.handler().seen().size(), 3u);
  first.reset();
  EXPECT_EQ(third.read_response().status, 200);
}

TEST(ServerLimits, OutOfDescriptorsTurnsCallersAwayAndRecovers) {
  TestServer server;
  RawClient early(server.endpoint());
  early.send(get("/hello"));
  EXPECT_EQ(early.read_response().status, 200);
  net::TestSocket caller;  // has its descriptor already
  {
    net::NoMoreDescriptors exhausted;
    ASSERT_TRUE(caller.connect(server.endpoint()));
    std::string answer;
    EXPECT_TRUE(caller.receive(answer));
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 503");
    early.send(get("/hello"));
    EXPECT_EQ(early.read_response().status, 200) << "open connections go on";
  }
  RawClient later(server.endpoint());
  later.send(get("/hello"));
  EXPECT_EQ(later.read_response().status, 200);
}

}  // namespace
}  // namespace keywright::http
