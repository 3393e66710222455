#include "http/server.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "http/test_server.h"

namespace keywright::http {
namespace {

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view path, std::string_view body) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

TEST(HttpServer, AnswersCarryDateLengthTypeAndRequestId) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/hello"));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.header("Content-Length"), "5");
  EXPECT_EQ(response.header("Content-Type"), "text/plain");
  EXPECT_EQ(response.header("Date").size(), 29u);
  EXPECT_EQ(response.header("X-Request-Id").size(), 36u);
  EXPECT_EQ(response.header("Connection"), "");
}

TEST(HttpServer, RequestIdsAreOurOwnAndDiffer) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/hello", "X-Request-Id: mine\r\n") + get("/hello", "X-Request-Id: mine\r\n"));
  const std::string first = client.read_response().header("X-Request-Id");
  const std::string second = client.read_response().header("X-Request-Id");
  EXPECT_NE(first, "mine");
  EXPECT_NE(first, second);
}

TEST(HttpServer, ConnectionIsKeptAndUsedAgain) {
  TestServer server;
  RawClient client(server.endpoint());
  for (int i = 0; i < 200; ++i) {
    client.send(get("/hello"));
    ASSERT_EQ(client.read_response().body, "hello");
  }
  EXPECT_EQ(server.server().counters().accepted, 1u);
}

TEST(HttpServer, ConnectionCloseIsObeyed) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/hello", "Connection: foo, Close\r\n"));
  EXPECT_EQ(client.read_response().header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, Http10ClosesUnlessAskedToKeep) {
  TestServer server;
  RawClient closing(server.endpoint());
  closing.send("GET /hello HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_EQ(closing.read_response().header("Connection"), "close");
  EXPECT_TRUE(closing.is_closed());

  RawClient keeping(server.endpoint());
  keeping.send("GET /hello HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.read_response().header("Connection"), "keep-alive");
  keeping.send("GET /hello HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_EQ(keeping.read_response().status, 200);
}

TEST(HttpServer, PipelinedAnswersComeInOrderAlsoWhenOneTakesLonger) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(post("/echo", "one") + get("/later") + post("/echo", "three") + post("/echo", "4"));
  EXPECT_EQ(client.read_response().body, "one");
  ASSERT_TRUE(server.handler().wait_for_requests(2));
  EXPECT_EQ(server.handler().seen().size(), 2u) << "a later request ran before its turn";
  server.handler().release();
  EXPECT_EQ(client.read_response().body, "later");
  EXPECT_EQ(client.read_response().body, "three");
  EXPECT_EQ(client.read_response().body, "4");
}

TEST(HttpServer, ManyPipelinedRequestsAreAllAnswered) {
  TestServer server;
  RawClient client(server.endpoint());
  std::string all;
  for (int i = 0; i < 500; ++i) all += post("/echo", std::to_string(i));
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(client.read_response().body, std::to_string(i));
  sender.join();
}

TEST(HttpServer, EmptyLineBeforeARequestIsSkipped) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(post("/echo", "x") + "\r\n" + get("/hello"));
  EXPECT_EQ(client.read_response().body, "x");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, HeadIsAnsweredLikeGetWithoutTheBody) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /chunks HTTP/1.1\r\nHost: a\r\n\r\n" +
              get("/hello"));
  const RawResponse head = client.read_response(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "5");
  EXPECT_EQ(client.read_response(true).header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(client.read_response().body, "hello") << "a body was sent to a HEAD";
}

TEST(HttpServer, StatusesWithoutBodyHaveNeitherBodyNorLength) {
  TestServer server;
  RawClient client(server.endpoint());
  for (int status : {204, 304}) {
    client.send(get("/status/" + std::to_string(status)));
    const RawResponse response = client.read_response();
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.header("Content-Length"), "");
  }
  client.send(get("/hello"));
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, AbsoluteTargetOverridesHost) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send("GET http://other.example:81/authority?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "other.example:81");
  client.send("GET /authority HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "[::1]:8080");
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, ChunkedBodiesArriveWithoutTheirChunking) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n00a;name=\"value\"\r\n0123456789\r\n0\r\nX-Trailer: dropped\r\n\r\n" +
      get("/hello"));
  EXPECT_EQ(client.read_response().body, "abc0123456789");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, BodyOfExactlyTheLimitIsTakenAndOneByteMoreIsNot) {
  TestServer server;
  RawClient client(server.endpoint());
  const std::string largest(4096, 'b');
  client.send(post("/echo", largest));
  EXPECT_EQ(client.read_response().body, largest);
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" +
              largest + "\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, largest);
  client.send(post("/echo", largest + "b"));
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, ClientThatSendsItsWholeTooLargeBodyStillReadsThe413) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(post("/echo", std::string(4 * 1024 * 1024, 'b')));
  EXPECT_EQ(client.read_response().status, 413);
}

TEST(HttpServer, HeadOfExactlyTheLimitIsTaken) {
  TestServer server;
  RawClient client(server.endpoint());
  const std::string line = "GET /" + std::string(8 * 1024 - 14, 'p') + " HTTP/1.1\r\n";
  const std::string first = "Host: a\r\nX: ";
  // The block counts from after the request line to the end of the empty line.
  const std::string block = first + std::string(32 * 1024 - first.size() - 4, 'x') + "\r\n\r\n";
  client.send(line + block);
  EXPECT_EQ(client.read_response().status, 404);
  client.send(line + first + "x" + block.substr(first.size()));
  EXPECT_EQ(client.read_response().status, 431);
}

TEST(HttpServer, FieldsAreTakenUntilTheyAreAThousand) {
  TestServer server;
  RawClient client(server.endpoint());
  std::string fields;
  for (int i = 0; i < 998; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";  // and Host
  client.send(get("/hello", fields));
  EXPECT_EQ(client.read_response().status, 200);
  client.send(get("/hello", fields + "X-a: v\r\n"));
  EXPECT_EQ(client.read_response().status, 200);
  client.send(get("/hello", fields + "X-a: v\r\nX-b: v\r\n"));
  EXPECT_EQ(client.read_response().status, 431);
}

TEST(HttpServer, ExpectContinueIsAnsweredBeforeTheBodyIsSent) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  client.send("abc");
  EXPECT_EQ(client.read_response().body, "abc");
}

TEST(HttpServer, NoContinueForABodyThatWillBeRefusedOrIsHereAlready) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  EXPECT_EQ(client.read_response().body, "abc");
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413);
}

TEST(HttpServer, BodyCanBeReadPieceByPiece) {
  TestServer server;
  RawClient client(server.endpoint());
  const std::string large(300'000, 'l');
  std::thread sender([&] { client.send(post("/stream-echo", large)); });
  EXPECT_EQ(client.read_response().body, large);
  sender.join();
  client.send(
      "POST /stream-echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  for (std::string_view piece : {"3\r", "\nab", "c\r\n2\r\nde\r\n", "0\r\n\r\n"})
    client.send(piece);
  EXPECT_EQ(client.read_response().body, "abcde");
  client.send(get("/hello"));
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, StreamedBodyThatIsMalformedOrAbandonedClosesTheConnection) {
  TestServer server;
  RawClient malformed(server.endpoint());
  malformed.send(
      "POST /stream-echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nX");
  const RawResponse refused = malformed.read_response();
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("malformed_body"), std::string::npos);

  RawClient abandoned(server.endpoint());
  abandoned.send("POST /stream-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nstop");
  EXPECT_EQ(abandoned.read_response().header("Connection"), "close");
}

TEST(HttpServer, LargeBodiesLeaveWhole) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/hello") + get("/large/20000000") + get("/hello"));
  EXPECT_EQ(client.read_response().body, "hello");
  const RawResponse large = client.read_response();
  EXPECT_TRUE(large.complete);
  EXPECT_EQ(large.body, std::string(20'000'000, 'x'));
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, StreamedResponsesAreChunkedAndKeepTheConnection) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/chunks") + get("/known-length") + get("/hello"));
  const RawResponse chunks = client.read_response();
  EXPECT_EQ(chunks.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(chunks.body, "onetwothree");
  const RawResponse known = client.read_response();
  EXPECT_EQ(known.header("Content-Length"), "10");
  EXPECT_EQ(known.body, "zeroonetwo");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(HttpServer, StreamedResponseToHttp10EndsWithTheConnection) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send("GET /chunks HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = client.read_all();
  EXPECT_NE(all.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(all.find("\r\n\r\nonetwothree"), std::string::npos);
}

TEST(HttpServer, StreamThatFailsIsCutWithoutTheLastChunk) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/broken"));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.body, "onetwothree");
  EXPECT_FALSE(response.complete);
}

TEST(HttpServer, StreamIsCancelledAndDestroyedWhenTheClientGoesAway) {
  TestServer server;
  {
    RawClient client(server.endpoint());
    client.send(get("/endless"));
    std::string got;
    while (got.find("first") == std::string::npos) got += client.read_some();
    EXPECT_EQ(server.handler().streams_alive, 1);
  }
  while (server.handler().streams_alive != 0) std::this_thread::yield();
  EXPECT_EQ(server.handler().streams_cancelled, 1);
}

TEST(HttpServer, CutStreamSendsItsLastWordsAndEnds) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/endless"));
  std::string got;
  while (got.find("first") == std::string::npos) got += client.read_some();
  server.handler().cut_endless("event: revoked\n\n");
  const std::string rest = client.read_all();
  EXPECT_NE(rest.find("event: revoked"), std::string::npos);
  EXPECT_EQ(rest.find("\r\n0\r\n"), std::string::npos) << "a cut stream must not look complete";
}

TEST(HttpServer, UpgradedConnectionPassesBytesAsTheyAre) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/upgrade", "Connection: Upgrade\r\nUpgrade: echo\r\n") + "early");
  std::string head;
  while (head.find("\r\n\r\nearly") == std::string::npos) head += client.read_some();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_NE(head.find("\r\nConnection: Upgrade\r\n"), std::string::npos);
  EXPECT_NE(head.find("\r\nUpgrade: echo\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos);
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.read_some(), "GET / HTTP/1.1\r\n\r\n");
}

TEST(HttpServer, HandlerHearsOfAClientThatLeft) {
  TestServer server;
  {
    RawClient client(server.endpoint());
    client.send(get("/later"));
    ASSERT_TRUE(server.handler().wait_for_requests(1));
  }
  while (server.handler().disconnects == 0) std::this_thread::yield();
}

TEST(HttpServer, HalfClosedClientStillGetsItsAnswer) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/hello"));
  client.half_close();
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, AnswerCanBeReplacedRightBeforeItBegins) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send(get("/refused-late"));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(response.body.find("hello"), std::string::npos);
}

TEST(HttpServer, AccessLogNamesThePathWithoutTheQuery) {
  AccessLines log;
  {
    TestServer server(log.options());
    RawClient client(server.endpoint());
    client.send(get("/hello?token=secret") + get("/chunks") + "NONSENSE\r\n\r\n");
    client.half_close();
    client.read_all();
  }
  const std::vector<std::string> lines = log.seen();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "GET /hello 200 5 127.0.0.1");
  EXPECT_EQ(lines[1], "GET /chunks 200 11 127.0.0.1");
  EXPECT_EQ(lines[2].substr(0, 6), "  400 ");
}

TEST(HttpServer, CountersTellWhatHappened) {
  TestServer server({}, nullptr, 2);
  for (int i = 0; i < 4; ++i) {
    RawClient client(server.endpoint());
    client.send(get("/hello") + get("/nowhere") + "BAD\r\n\r\n");
    client.half_close();
    client.read_all();
  }
  while (server.server().counters().open != 0) std::this_thread::yield();
  const ServerCounters counters = server.server().counters();
  EXPECT_EQ(counters.accepted, 4u);
  EXPECT_EQ(counters.responses[2], 4u);
  EXPECT_EQ(counters.responses[4], 8u);
  EXPECT_EQ(counters.refused[static_cast<std::size_t>(Refusal::malformed)], 4u);
}

TEST(HttpServer, TakenAddressIsRefused) {
  TestServer server({}, nullptr, 2);
  net::LoopGroup loops(2);
  TestHandler handler;
  Server second(loops, handler, {});
  auto bound = second.listen(server.endpoint());
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().reason(), "listen_failed");
}

}  // namespace
}  // namespace keywright::http
