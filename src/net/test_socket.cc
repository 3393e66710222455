#include "net/test_socket.h"

#include <cerrno>
#include <cstdlib>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace keywright::net {

TestSocket::TestSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{60, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

TestSocket::TestSocket(const Endpoint& endpoint) : TestSocket() {
  if (!connect(endpoint)) std::abort();
}

TestSocket::~TestSocket() { ::close(fd_); }

bool TestSocket::connect(const Endpoint& endpoint) {
  sockaddr_storage address;
  const socklen_t length = to_system(endpoint, address);
  return ::connect(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0;
}

bool TestSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

void TestSocket::half_close() { ::shutdown(fd_, SHUT_WR); }

bool TestSocket::receive(std::string& out) {
  char chunk[16384];
  const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
  if (got <= 0) return false;
  out.append(chunk, static_cast<std::size_t>(got));
  return true;
}

bool TestSocket::is_at_end() {
  char byte;
  const ssize_t got = ::recv(fd_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

NoMoreDescriptors::NoMoreDescriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit_before_ = limit.rlim_cur;
  const int next = ::dup(0);  // the lowest number that is free
  ::close(next);
  limit.rlim_cur = static_cast<rlim_t>(next);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

NoMoreDescriptors::~NoMoreDescriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit_before_;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool answer_once(int listening_fd, std::string_view answer) {
  pollfd waiting{listening_fd, POLLIN, 0};
  ::poll(&waiting, 1, -1);
  const int connection = ::accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) return errno == EAGAIN;
  char request[4096];
  [[maybe_unused]] auto got = ::recv(connection, request, sizeof request, 0);
  ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
  ::close(connection);
  return true;
}

void shut_down(int fd) { ::shutdown(fd, SHUT_RDWR); }

}  // namespace keywright::net
