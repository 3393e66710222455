#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "http/client.h"
#include "http/test_server.h"
#include "net/test_certificate.h"
#include "net/tls.h"

namespace keywright::http {
namespace {

std::string url_of(const TestServer& server, std::string_view path) {
  return "https://localhost:" + std::to_string(server.endpoint().port) + std::string(path);
}

ClientOptions trusting(const net::TestCertificate& certificate) {
  net::TlsClientOptions options;
  options.trust_file = certificate.certificate_file();
  ClientOptions client;
  client.tls = *net::TlsClient::create(options);
  return client;
}

std::shared_ptr<net::TlsServer> serving(const net::TestCertificate& certificate) {
  return *net::TlsServer::load({certificate.certificate_file(), certificate.key_file()});
}

TEST(HttpsServer, ServesAndKeepsTheConnection) {
  net::TestCertificate certificate("localhost");
  TestServer server({}, serving(certificate));
  BlockingClient client(trusting(certificate));
  for (std::size_t size : {1u, 1000u, 4096u}) {
    ClientRequest request("POST", url_of(server, "/echo"));
    request.body.assign(size, 'b');
    auto response = client.send(request);
    ASSERT_TRUE(response.has_value()) << response.error().detail();
    EXPECT_EQ(response->body, request.body);
  }
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/large/1000000")))->body.size(),
            1'000'000u);
  EXPECT_EQ(client.send(ClientRequest("GET", url_of(server, "/chunks")))->body, "onetwothree");
  EXPECT_EQ(server.server().counters().accepted, 1u);
}

TEST(HttpsServer, ReloadedPairIsForNewConnectionsOnly) {
  net::TestCertificate certificate("localhost");
  net::TestCertificate renewed("localhost");
  auto tls = serving(certificate);
  TestServer server({}, tls);
  BlockingClient old_client(trusting(certificate));
  BlockingClient new_client(trusting(renewed));
  const ClientRequest hello("GET", url_of(server, "/hello"));
  EXPECT_EQ(old_client.send(hello)->body, "hello");
  EXPECT_EQ(new_client.send(hello).error().reason(), "tls_failed");
  certificate.replace_by(renewed);
  ASSERT_TRUE(tls->reload().has_value());
  EXPECT_EQ(old_client.send(hello)->body, "hello") << "its connection was open before";
  EXPECT_EQ(new_client.send(hello)->body, "hello");
}

TEST(HttpsServer, PlainTextGetsNoHttpAnswer) {
  net::TestCertificate certificate("localhost");
  TestServer server({}, serving(certificate));
  RawClient client(server.endpoint());
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_all().find("HTTP/1.1 200"), std::string::npos);
  EXPECT_TRUE(server.handler().seen().empty());
}

TEST(HttpsServer, SilentHandshakeIsEnded) {
  net::TestCertificate certificate("localhost");
  ServerOptions options;
  options.limits.header_timeout = std::chrono::milliseconds(40);
  options.limits.sweep_interval = std::chrono::milliseconds(10);
  TestServer server(options, serving(certificate));
  RawClient client(server.endpoint());
  EXPECT_EQ(client.read_all(), "");
}

}  // namespace
}  // namespace keywright::http
