#include "net/listener.h"

#include <gtest/gtest.h>

#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace keywright::net {
namespace {

using std::chrono::milliseconds;

int connect_to(const Endpoint& endpoint) {
  sockaddr_storage address;
  const socklen_t length = to_system(endpoint, address);
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  return fd;
}

TEST(OpenListeners, ShareOnePort) {
  auto sockets = open_listeners(*parse_endpoint("127.0.0.1:0"), 3);
  ASSERT_TRUE(sockets.has_value());
  ASSERT_EQ(sockets->size(), 3u);
  EXPECT_NE(local_endpoint((*sockets)[0]).port, 0);
  EXPECT_EQ(local_endpoint((*sockets)[0]).port, local_endpoint((*sockets)[2]).port);
  for (int fd : *sockets) ::close(fd);
}

TEST(OpenListeners, RefuseAnAddressSomeoneElseHasEvenIfTheyShareIt) {
  for (std::size_t count : {1u, 2u}) {
    auto sockets = open_listeners(*parse_endpoint("127.0.0.1:0"), 2);
    const Endpoint taken = local_endpoint((*sockets)[0]);
    auto again = open_listeners(taken, count);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().reason(), "listen_failed");
    for (int fd : *sockets) ::close(fd);
    auto free_now = open_listeners(taken, count);
    ASSERT_TRUE(free_now.has_value()) << free_now.error().detail();
    for (int fd : *free_now) ::close(fd);
  }
}

TEST(Listener, AcceptsWhileNotPausedAndCatchesUpAfterwards) {
  Loop loop;
  std::vector<int> accepted;
  Listener listener(loop, (*open_listeners(*parse_endpoint("127.0.0.1:0"), 1))[0],
                    [&](Accepted connection) {
                      EXPECT_TRUE(connection.peer.address.is_loopback());
                      accepted.push_back(connection.fd);
                    });
  std::vector<int> callers = {connect_to(listener.local())};
  for (int i = 0; i < 3; ++i) loop.run_once(milliseconds(10));
  EXPECT_EQ(accepted.size(), 0u) << "not started yet";
  listener.start();
  while (accepted.size() < 1) loop.run_once(milliseconds(10));
  listener.pause();
  for (int i = 0; i < 100; ++i) callers.push_back(connect_to(listener.local()));
  for (int i = 0; i < 3; ++i) loop.run_once(milliseconds(10));
  EXPECT_EQ(accepted.size(), 1u);
  listener.resume();
  while (accepted.size() < 101) loop.run_once(milliseconds(10));
  for (int fd : accepted) ::close(fd);
  for (int fd : callers) ::close(fd);
}

}  // namespace
}  // namespace keywright::net
