// net/test_socket.h - for tests: a blocking client socket that sends bytes as they are, and a way
// to run out of descriptors.
//
//   TestSocket socket(endpoint);
//   socket.send("GET / HTTP/1.1\r\n\r\n");
//   while (socket.receive(text)) {}
//
// Every receive gives up after a minute.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/address.h"

namespace keywright::net {

class TestSocket {
 public:
  TestSocket();  // not connected yet
  explicit TestSocket(const Endpoint& endpoint);
  ~TestSocket();
  TestSocket(const TestSocket&) = delete;
  TestSocket& operator=(const TestSocket&) = delete;

  bool connect(const Endpoint& endpoint);
  bool send(std::string_view bytes);  // false: the peer takes no more
  void half_close();
  // Appends what is there, waiting for at least one byte. False at the end, and when time is up.
  bool receive(std::string& out);
  // Waits for the end; false if a byte comes instead, or when time is up.
  bool is_at_end();

 private:
  int fd_;
};

// While it lives this process gets no new descriptor.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors();
  ~NoMoreDescriptors();

 private:
  unsigned long limit_before_;
};

// Waits on `listening_fd` for one connection, reads once, sends `answer` and closes; false when the
// listening socket was shut down.
bool answer_once(int listening_fd, std::string_view answer);
void shut_down(int fd);

}  // namespace keywright::net
