// http/test_server.h - for the tests of this room: a server on a loopback port, with a handler that
// does what the path says, and a blocking client that sends bytes as they are.
//
//   TestServer server;
//   RawClient client(server.endpoint());
//   client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
//   EXPECT_EQ(client.read_response().status, 200);
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "net/loop.h"
#include "net/test_socket.h"
#include "net/tls.h"

namespace keywright::http {

class TestHandler : public Handler {
 public:
  // /hello           a fixed text
  // /echo            the request's body
  // /stream-echo     the request's body, taken piece by piece
  // /status/N        that status, body "body"
  // /large/N         N bytes
  // /later           "later", from a task that waits for release()
  // /chunks          "one", "two", "three" as a stream
  // /endless         a stream that says "first" and then waits until it is cancelled
  // /broken          a stream that fails after its first piece
  // /upgrade         101, and then whatever the client sends, back to it
  // /refused-late    200, turned into a 401 by before_response()
  std::optional<Task<void>> handle(Exchange& exchange) override;
  void before_response(Exchange& exchange) override;
  std::size_t body_limit(const Request& request) override;
  bool streams_body(const Request& request) override;

  void release();                         // whoever waits in /later, now and from now on
  std::vector<std::string> seen() const;  // "GET /hello", in order
  // Waits until so many requests have been seen; false after a minute.
  bool wait_for_requests(std::size_t count);
  // Cuts the exchange that is in /endless, with these last bytes.
  void cut_endless(std::string last_bytes);
  std::atomic<int> streams_alive = 0;
  std::atomic<int> streams_cancelled = 0;
  std::atomic<int> disconnects = 0;

 private:
  friend class EndlessStream;
  Task<void> answer_later(Exchange& exchange);
  Task<void> echo_stream(Exchange& exchange);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
  bool released_ = false;
  std::vector<std::pair<net::Loop*, std::function<void()>>> waiting_;
  Exchange* endless_ = nullptr;
};

// Limits short enough to wait for.
ServerOptions impatient();

// "GET /hello 200 5 127.0.0.1": the access log of a server, line by line. Outlives the server.
class AccessLines {
 public:
  ServerOptions options();  // of a server that writes here
  std::vector<std::string> seen() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}, std::shared_ptr<net::TlsServer> tls = nullptr,
                      std::size_t loops = 1);
  ~TestServer();

  const net::Endpoint& endpoint() const { return endpoint_; }
  TestHandler& handler() { return handler_; }
  Server& server() { return *server_; }
  net::LoopGroup& loops() { return loops_; }

 private:
  net::LoopGroup loops_;
  TestHandler handler_;
  std::unique_ptr<Server> server_;
  net::Endpoint endpoint_;
};

struct RawResponse {
  int status = 0;  // 0: the connection ended before a head
  std::string head;
  std::string body;
  bool complete = false;  // by its own framing

  std::string header(std::string_view name) const;
};

class RawClient {
 public:
  explicit RawClient(const net::Endpoint& endpoint) : socket_(endpoint) {}

  // What is refused before it was read is not an error here: what matters is the answer.
  bool send(std::string_view bytes) { return socket_.send(bytes); }
  void half_close() { socket_.half_close(); }
  // One response; chunked bodies without their chunking.
  RawResponse read_response(bool to_head = false);
  // Everything up to the end of the connection.
  std::string read_all();
  // Receives what is there, at least one byte; empty at the end.
  std::string read_some();
  bool is_closed() { return buffer_.empty() && socket_.is_at_end(); }

 private:
  bool fill() { return socket_.receive(buffer_); }
  void read_chunks(RawResponse& response);

  net::TestSocket socket_;
  std::string buffer_;
};

}  // namespace keywright::http
