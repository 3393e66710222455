// HTTP/2 on the wire: what a client of the other side of nghttp2 gets from a real server.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "http/h2_test_client.h"
#include "http/test_server.h"

namespace keywright::http {
namespace {

std::uint64_t refused(TestServer& server, Refusal refusal) {
  return server.server().counters().refused[static_cast<std::size_t>(refusal)];
}

TEST(Http2, PrefaceOnAPlainSocketBeginsIt) {
  TestServer server;
  H2Client client(server.endpoint());
  const H2Answer answer = client.get("/hello?a=b");
  EXPECT_TRUE(answer.is_complete());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.fields.at("content-length"), "5");
  EXPECT_EQ(answer.fields.at("content-type"), "text/plain");
  EXPECT_EQ(answer.fields.at("x-request-id").size(), 36u);
  EXPECT_EQ(answer.fields.at("date").size(), 29u);
}

TEST(Http2, PrefaceByteByByteBeginsItToo) {
  TestServer server;
  RawClient client(server.endpoint());
  for (char c : std::string(kPreface) + frame(kSettingsFrame, 0, 0, "")) client.send({&c, 1});
  client.send(get_frame(1, "/hello"));
  std::string received;
  while (received.find("hello") == std::string::npos) {
    const std::string more = client.read_some();
    ASSERT_FALSE(more.empty());
    received += more;
  }
}

TEST(Http2, PrefaceAfterARequestIsRefusedAsHttp1) {
  TestServer server;
  RawClient client(server.endpoint());
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  client.send(kPreface);
  EXPECT_EQ(client.read_response().status, 505);
}

TEST(Http2, ManyStreamsOfOneConnectionAreAnswered) {
  TestServer server;
  H2Client client(server.endpoint());
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(client.submit("GET", "/hello"));
  for (std::int32_t stream : streams) EXPECT_EQ(client.finish(stream).body, "hello");
  const ServerCounters counters = server.server().counters();
  EXPECT_EQ(counters.accepted, 1u);
  EXPECT_EQ(client.goodbye(), std::nullopt);
}

TEST(Http2, AnswersComeWhenTheyAreReadyNotInOrder) {
  TestServer server;
  H2Client client(server.endpoint());
  const auto later = client.submit("GET", "/later");
  EXPECT_EQ(client.get("/hello").body, "hello");
  EXPECT_FALSE(client.answer(later).is_over);
  server.handler().release();
  EXPECT_EQ(client.finish(later).body, "later");
}

TEST(Http2, MethodsWithoutABodyInTheAnswerHaveNone) {
  TestServer server;
  H2Client client(server.endpoint());
  const H2Answer head = client.finish(client.submit("HEAD", "/hello"));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.fields.at("content-length"), "5");
  EXPECT_EQ(head.body, "");
  const H2Answer none = client.get("/status/204");
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(none.fields.count("content-length"), 0u);
  EXPECT_EQ(none.body, "");
  EXPECT_TRUE(none.is_complete());
}

TEST(Http2, BeforeResponseHasTheLastWord) {
  TestServer server;
  H2Client client(server.endpoint());
  const H2Answer answer = client.get("/refused-late");
  EXPECT_EQ(answer.status, 401);
  EXPECT_NE(answer.body.find("revoked"), std::string::npos);
}

TEST(Http2, AuthorityNamesTheHost) {
  TestServer server;
  H2Client client(server.endpoint());
  auto ask = [&](H2Client::FieldList fields) {
    return client.finish(client.submit("GET", "/authority", fields));
  };
  EXPECT_EQ(ask({}).body, "a");
  EXPECT_EQ(ask({{":authority", "absent"}, {"host", "b.example"}}).body, "b.example");
  EXPECT_EQ(ask({{"host", "a"}}).body, "a");
  EXPECT_EQ(ask({{"host", "other"}}).status, 400);
  EXPECT_EQ(ask({{":authority", "user@a"}}).status, 400);
}

TEST(Http2, RequestsThatHttp1WouldRefuseAreRefusedAlike) {
  TestServer server;
  H2Client client(server.endpoint());
  EXPECT_EQ(client.get("/hello%zz").status, 400);
  EXPECT_EQ(client.get("/a\\b").status, 400);
  EXPECT_EQ(client.finish(client.submit("TRACE", "/hello")).status, 405);
  EXPECT_EQ(client.get("/" + std::string(9000, 'a')).status, 414);
  EXPECT_EQ(client.finish(client.submit("GET", "/hello", {{"expect", "more"}})).status, 417);
  const auto answer = client.get("/hello#fragment");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("malformed_request"), std::string::npos);
  EXPECT_EQ(client.get("/hello").status, 200) << "the connection goes on";
  EXPECT_EQ(client.finish(client.submit("OPTIONS", "*")).status, 200);
}

TEST(Http2, WhatIsNotHttp2IsReset) {
  const std::vector<H2Client::FieldList> malformed = {
      {{"Upper", "case"}},         {{"connection", "close"}}, {{"transfer-encoding", "chunked"}},
      {{"upgrade", "websocket"}},  {{"te", "gzip"}},          {{":path", "absent"}},
      {{":method", "absent"}},     {{":scheme", "absent"}},   {{":path", "relative"}},
      {{"content-length", "x"}},   {{"content-length", "3"}}, {{"bad\nname", "x"}},
      {{"x-value", "line\nfeed"}}, {{"keep-alive", "5"}},     {{":unknown", "x"}},
  };
  TestServer server;
  H2Client client(server.endpoint());
  for (const auto& fields : malformed) {
    const H2Answer answer = client.finish(client.submit("GET", "/hello", fields));
    EXPECT_EQ(answer.reset, kProtocolError) << fields.front().first << answer.status;
  }
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_EQ(server.handler().seen().size(), 1u);
  EXPECT_EQ(refused(server, Refusal::malformed), malformed.size());
}

TEST(Http2, HeadOverTheLimitGets431) {
  TestServer server;
  H2Client client(server.endpoint());
  H2Client::FieldList many;
  for (int i = 0; i <= 1000; ++i) many.emplace_back("x-" + std::to_string(i), "v");
  EXPECT_EQ(client.finish(client.submit("GET", "/hello", many)).status, 431);
  EXPECT_EQ(client.finish(client.submit("GET", "/hello", {{"x", std::string(40'000, 'a')}})).status,
            431);
  const H2Client::FieldList fits = {{"x", std::string(30'000, 'a')}};
  EXPECT_EQ(client.finish(client.submit("GET", "/hello", fits)).status, 200);
  many.resize(900);
  EXPECT_EQ(client.finish(client.submit("GET", "/hello", many)).status, 200);
  EXPECT_EQ(refused(server, Refusal::head_too_large), 2u);
}

TEST(Http2, BodyIsGatheredForTheHandler) {
  TestServer server;
  H2Client client(server.endpoint());
  EXPECT_EQ(client.finish(client.submit("POST", "/echo", {}, "abc")).body, "abc");
  EXPECT_EQ(client.finish(client.submit("POST", "/echo", {{"content-length", "3"}}, "abc")).body,
            "abc");
  EXPECT_EQ(client.finish(client.submit("POST", "/echo", {}, "")).status, 200);
}

TEST(Http2, BodiesLargerThanTheWindowArriveSideBySide) {
  TestServer server;
  H2Client client(server.endpoint());
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 12; ++i) {  // more than is gathered at once
    streams.push_back(client.submit("POST", "/hello", {}, std::string(1'000'000, 'b')));
  }
  for (std::int32_t stream : streams) EXPECT_EQ(client.finish(stream).status, 200);
}

TEST(Http2, BodyOverTheLimitGets413AndOnlyItsStreamEnds) {
  TestServer server;
  H2Client client(server.endpoint());
  const std::string large(5000, 'b');
  EXPECT_EQ(
      client.finish(client.submit("POST", "/echo", {{"content-length", "5000"}}, large)).status,
      413);
  EXPECT_EQ(client.finish(client.submit("POST", "/echo", {}, large)).status, 413);
  EXPECT_EQ(client.finish(client.submit("POST", "/hello", {}, std::string(1'100'000, 'b'))).status,
            413);
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(Http2, StreamedBodyIsReadInPieces) {
  TestServer server;
  H2Client client(server.endpoint());
  const std::string large(900'000, 's');
  EXPECT_EQ(client.finish(client.submit("POST", "/stream-echo", {}, large)).body, large);
  const H2Answer over =
      client.finish(client.submit("POST", "/stream-echo", {}, std::string(1'100'000, 's')));
  EXPECT_NE(over.body.find("body_too_large"), std::string::npos);
}

TEST(Http2, AnswerBeforeTheEndOfTheRequestIsWhole) {
  TestServer server;
  H2Client client(server.endpoint());
  const auto stream = client.submit_open("POST", "/stream-echo", "stop here");
  const H2Answer answer = client.finish(stream);
  EXPECT_EQ(answer.body, "stop here");
  EXPECT_EQ(answer.reset, std::nullopt) << "told with NO_ERROR that the rest is not needed";
}

TEST(Http2, LargeAnswerKeepsToTheWindows) {
  TestServer server;
  H2ClientOptions options;
  options.stream_window = 1000;
  options.gives_window = false;
  H2Client client(server.endpoint(), options);
  const auto stream = client.submit("GET", "/large/5000");
  ASSERT_TRUE(client.until([&] { return client.answer(stream).body.size() >= 1000; }));
  EXPECT_EQ(client.get("/status/204").status, 204) << "others are not held up";
  EXPECT_EQ(client.answer(stream).body.size(), 1000u);
  client.give_window(stream, 4000);
  EXPECT_EQ(client.finish(stream).body.size(), 5000u);

  H2Client greedy(server.endpoint());
  EXPECT_EQ(greedy.get("/large/3000000").body.size(), 3'000'000u);
}

TEST(Http2, StreamedAnswersArrivePieceByPiece) {
  TestServer server;
  H2Client client(server.endpoint());
  const H2Answer chunks = client.get("/chunks");
  EXPECT_EQ(chunks.body, "onetwothree");
  EXPECT_TRUE(chunks.is_complete());
  EXPECT_EQ(chunks.fields.count("content-length"), 0u);
  EXPECT_EQ(chunks.fields.count("transfer-encoding"), 0u);
  const H2Answer known = client.get("/known-length");
  EXPECT_EQ(known.body, "zeroonetwo");
  EXPECT_EQ(known.fields.at("content-length"), "10");
}

TEST(Http2, BrokenStreamDoesNotLookComplete) {
  TestServer server;
  H2Client client(server.endpoint());
  const H2Answer broken = client.get("/broken");
  EXPECT_EQ(broken.status, 200);
  EXPECT_EQ(broken.reset, kInternalError);
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(Http2, UpgradeIsNotOfferedHere) {
  TestServer server;
  H2Client client(server.endpoint());
  EXPECT_EQ(client.get("/upgrade").status, 501);
}

TEST(Http2, CutEndsOnlyItsStreamAfterItsLastWords) {
  TestServer server;
  H2Client client(server.endpoint());
  const auto endless = client.submit("GET", "/endless");
  ASSERT_TRUE(client.until([&] { return client.answer(endless).body == "first"; }));
  server.handler().cut_endless("last words");
  const H2Answer answer = client.finish(endless);
  EXPECT_EQ(answer.body, "firstlast words");
  EXPECT_EQ(answer.reset, kCancel);
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_EQ(server.handler().streams_alive, 0);
}

TEST(Http2, CutWithoutLastWordsIsToldAtOnce) {
  TestServer server;
  H2Client client(server.endpoint());
  const auto endless = client.submit("GET", "/endless");
  ASSERT_TRUE(client.until([&] { return client.answer(endless).body == "first"; }));
  server.handler().cut_endless("");
  EXPECT_EQ(client.finish(endless).reset, kCancel);  // nothing else goes over this connection
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(Http2, HandlerHearsOfAStreamThatWasReset) {
  TestServer server;
  H2Client client(server.endpoint());
  const auto later = client.submit("GET", "/later");
  const auto endless = client.submit("GET", "/endless");
  ASSERT_TRUE(client.until([&] { return client.answer(endless).body == "first"; }));
  client.reset(later);
  client.reset(endless);
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_EQ(server.handler().disconnects, 1);
  EXPECT_EQ(server.handler().streams_cancelled, 1);
  EXPECT_EQ(server.handler().streams_alive, 0);
}

TEST(Http2, HandlersHearOfAConnectionThatEnds) {
  TestServer server;
  {
    H2Client client(server.endpoint());
    const auto endless = client.submit("GET", "/endless");
    client.submit("GET", "/later");
    ASSERT_TRUE(client.until([&] { return client.answer(endless).body == "first"; }));
    ASSERT_TRUE(server.handler().wait_for_requests(2));
  }
  while (server.handler().streams_alive != 0) std::this_thread::yield();
  server.handler().release();
  while (server.server().counters().open != 0) std::this_thread::yield();
}

TEST(Http2, ClientThatHalfClosesGetsWhatItAskedFor) {
  TestServer server;
  H2Client client(server.endpoint());
  const auto later = client.submit("GET", "/later");
  ASSERT_TRUE(server.handler().wait_for_requests(1));
  client.half_close();
  server.handler().release();
  EXPECT_EQ(client.finish(later).body, "later");
}

TEST(Http2, EveryStreamIsCountedAndLogged) {
  AccessLines log;
  TestServer server(log.options());
  H2Client client(server.endpoint());
  client.get("/hello?secret=1");
  client.get("/status/404");
  client.get("/chunks");
  client.get("/a#b");
  client.finish(client.submit("HEAD", "/hello"));
  client.get("/hello");  // the others have been reported when this one has been answered
  const ServerCounters counters = server.server().counters();
  EXPECT_GE(counters.responses[2], 3u);
  EXPECT_EQ(counters.responses[4], 2u);
  const std::vector<std::string> lines = log.seen();
  ASSERT_GE(lines.size(), 5u);
  EXPECT_EQ(lines[0], "GET /hello 200 5 127.0.0.1");
  EXPECT_EQ(lines[1], "GET /status/404 404 4 127.0.0.1");
  EXPECT_EQ(lines[2], "GET /chunks 200 11 127.0.0.1");
  EXPECT_TRUE(lines[3].starts_with("GET /a 400 ")) << lines[3];
  EXPECT_EQ(lines[4], "HEAD /hello 200 0 127.0.0.1");
}

}  // namespace
}  // namespace keywright::http
