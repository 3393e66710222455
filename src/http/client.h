// http/client.h - a small HTTP/1.1 client with keep-alive, over TCP or TLS.
//
//   http::Client client(loop, {});
//   http::ClientRequest request("POST", "https://api.example.org/v1/keys");
//   request.headers = {{"Authorization", "Bearer ..."}, {"Content-Type", "application/json"}};
//   request.body = text;
//   KW_TRY(http::ClientResponse response, co_await client.send(std::move(request)));
//
//   http::BlockingClient blocking({});       // the CLI: a loop of its own, no threads
//   KW_TRY(http::ClientResponse response, blocking.send(request));
//
// Redirects are not followed. A request is sent again, once and on a new connection, only when a
// kept connection turned out to be closed before any byte of an answer, and the method is
// idempotent. Answers go through the same strict parser as requests.
//
// Errors: those of net/connect.h; invalid_argument "invalid_url", "invalid_header"; unavailable
//   "request_timeout", "connection_lost", "malformed_response"; too_large "response_too_large".
// Threading: a Client belongs to its loop; a BlockingClient to one thread at a time.
// Lifetime: a Client outlives its sends.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "net/connect.h"
#include "net/loop.h"

namespace keywright::http {

struct Url {
  bool secure = false;
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 80;
  std::string target;  // path and query, at least "/"

  std::string authority() const;  // for the Host header: without the port if it is the default
};

// http:// and https:// only; no user information, no fragment, nothing but ASCII.
Result<Url> parse_url(std::string_view text);

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct ClientRequest {
  ClientRequest(std::string_view with_method, std::string_view to_url)
      : method(with_method), url(to_url) {}

  std::string method;
  std::string url;
  HeaderList headers;  // Host, Content-Length and Connection are the client's own
  std::string body;
};

struct ClientResponse {
  int status = 0;
  HeaderList headers;
  std::string body;

  const std::string* header(std::string_view name) const;  // the first one; without case
};

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{30'000};  // from sending to the last byte
  std::chrono::milliseconds keep_alive{30'000};  // a kept connection older than this is dropped
  std::size_t max_response_bytes = 16 * 1024 * 1024;
  std::size_t max_kept_connections = 8;
  std::shared_ptr<net::TlsClient> tls;  // none: made at the first https request, system trust
  std::function<bool(const IpAddress&)> allow;  // see net::ConnectOptions
};

class Client {
 public:
  Client(net::Loop& loop, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Task<Result<ClientResponse>> send(ClientRequest request);
  void close_kept();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

class BlockingClient {
 public:
  explicit BlockingClient(ClientOptions options);
  ~BlockingClient();

  Result<ClientResponse> send(ClientRequest request);

 private:
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<Client> client_;
};

}  // namespace keywright::http
