#include "http/client.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "http/test_server.h"
#include "net/listener.h"
#include "net/test_socket.h"

namespace keywright::http {
namespace {

std::string url_of(const TestServer& server, std::string_view path) {
  return "http://" + net::to_string(server.endpoint()) + std::string(path);
}

ClientRequest post(const std::string& url, std::string body) {
  ClientRequest request("POST", url);
  request.body = std::move(body);
  return request;
}

// A server that says one thing to each connection and closes it.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::string answer) : answer_(std::move(answer)) {
    net::Endpoint endpoint = *net::parse_endpoint("127.0.0.1:0");
    fd_ = (*net::open_listeners(endpoint, 1))[0];
    url_ = "http://" + net::to_string(net::local_endpoint(fd_)) + "/";
    thread_ = std::thread([this] {
      while (net::answer_once(fd_, answer_)) {
      }
    });
  }
  ~ScriptedServer() {
    net::shut_down(fd_);
    thread_.join();
    net::close_descriptor(fd_);
  }
  const std::string& url() const { return url_; }

 private:
  std::string answer_;
  std::string url_;
  int fd_;
  std::thread thread_;
};

TEST(Url, IsTakenApart) {
  auto url = parse_url("https://Example.org/a/b?c=d");
  ASSERT_TRUE(url.has_value());
  EXPECT_TRUE(url->secure);
  EXPECT_EQ(url->host, "example.org");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(url->authority(), "example.org");
  EXPECT_EQ(parse_url("http://[::1]:8080")->authority(), "[::1]:8080");
  EXPECT_EQ(parse_url("http://[::1]:8080")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:8080")->target, "/");
  EXPECT_EQ(parse_url("http://a?q")->target, "/?q");
  for (std::string_view wrong :
       {"", "a.b", "ftp://a/", "http://", "http:///x", "http://u@a/", "http://a/#f", "http://a/ b",
        "http://a:99999/", "http://a\r\nX: y/", "http://a/?#"}) {
    EXPECT_FALSE(parse_url(wrong).has_value()) << wrong;
  }
}

TEST(HttpClient, SendsAndReceivesAndKeepsTheConnection) {
  TestServer server;
  BlockingClient client({});
  for (int i = 0; i < 3; ++i) {
    auto response = client.send(post(url_of(server, "/echo"), "body " + std::to_string(i)));
    ASSERT_TRUE(response.has_value()) << response.error().detail();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "body " + std::to_string(i));
    EXPECT_EQ(*response->header("content-type"), "text/plain");
  }
  EXPECT_EQ(server.server().counters().accepted, 1u);
}

TEST(HttpClient, UnderstandsChunksHeadAndEmptyAnswers) {
  TestServer server;
  BlockingClient client({});
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/chunks")))->body, "onetwothree");
  EXPECT_EQ(client.send(ClientRequest("HEAD", url_of(server, "/hello")))->body, "");
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/status/204")))->status, 204);
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/large/300000")))->body.size(),
            300'000u);
  EXPECT_EQ(server.server().counters().accepted, 1u);
}

TEST(HttpClient, CutAnswerIsNotTakenForAWholeOne) {
  TestServer server;
  BlockingClient client({});
  auto response = client.send(ClientRequest("GET", url_of(server, "/broken")));
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().reason(), "connection_lost");
}

TEST(HttpClient, LateAndTooLargeAnswersAreErrors) {
  TestServer server;
  ClientOptions hasty;
  hasty.request_timeout = std::chrono::milliseconds(30);
  EXPECT_EQ(
      BlockingClient(hasty).send(ClientRequest("GET", url_of(server, "/later"))).error().reason(),
      "request_timeout");
  ClientOptions modest;
  modest.max_response_bytes = 1000;
  BlockingClient client(modest);
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/large/1000")))->status, 200);
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/large/1001"))).error().reason(),
            "response_too_large");
}

TEST(HttpClient, KeptConnectionThatWasClosedIsReplacedForIdempotentRequests) {
  ServerOptions closing;
  closing.limits.idle_timeout = std::chrono::milliseconds(250);
  closing.limits.sweep_interval = std::chrono::milliseconds(5);
  TestServer server(closing);
  BlockingClient client({});
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/hello")))->status, 200);
  while (server.server().counters().open != 0) std::this_thread::yield();
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/hello")))->status, 200);
  EXPECT_EQ(server.server().counters().accepted, 2u);
}

TEST(HttpClient, MalformedAnswersAreErrors) {
  for (std::string_view answer :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}) {
    ScriptedServer server{std::string(answer)};
    BlockingClient client({});
    auto response = client.send(ClientRequest("GET", server.url()));
    ASSERT_FALSE(response.has_value()) << answer;
    EXPECT_EQ(response.error().reason(), "malformed_response") << answer;
  }
  ScriptedServer interim(
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end");
  BlockingClient client({});
  EXPECT_EQ(client.send(ClientRequest("GET", interim.url()))->body, "to the end");
}

TEST(HttpClient, RefusesHeadersThatBreakOutAndForbiddenAddresses) {
  TestServer server;
  ClientOptions options;
  options.allow = [](const IpAddress& address) { return !address.is_loopback(); };
  BlockingClient client(options);
  ClientRequest request("GET", url_of(server, "/hello"));
  EXPECT_EQ(client.send(request).error().reason(), "address_not_allowed");
  request.headers = {{"X", "a\r\nHost: b"}};
  EXPECT_EQ(client.send(request).error().reason(), "invalid_header");
  request.headers = {{"Content-Length", "3"}};
  EXPECT_EQ(client.send(request).error().reason(), "invalid_header");
}

TEST(HttpClient, UnreachableServersAreUnavailable) {
  std::string url;
  {
    TestServer server;
    url = url_of(server, "/hello");
  }
  BlockingClient client({});
  EXPECT_EQ(client.send(ClientRequest("GET", url)).error().reason(), "connect_failed");
}

}  // namespace
}  // namespace keywright::http
