// net/listener.h - accepting TCP connections.
//
//   KW_TRY(std::vector<int> sockets, net::open_listeners(endpoint, loops.size()));
//   net::Listener listener(loop, sockets[0], [&](net::Accepted connection) { ... });
//   listener.start();
//
// open_listeners() binds one socket for each loop to the same address with SO_REUSEPORT; port 0
// picks one for all. An address on which someone else listens already is an error, even if they
// too would share it.
//
// When the owner has enough connections it calls pause(): further ones wait in the kernel's queue.
// When the process runs out of descriptors, a descriptor kept in reserve is spent to take one
// connection, send it `farewell` and close it; then accepting rests for `kRestAfterExhaustion`, so
// a full process neither spins nor leaves its callers hanging without a word.
//
// Errors: unavailable, reason "listen_failed". Threading: the loop's thread only, but for
//   open_listeners(). Lifetime: destroying the listener closes its socket.
// Cost: one accept4 and one TCP_NODELAY for each connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "net/descriptor.h"

namespace keywright::net {

inline constexpr std::chrono::milliseconds kRestAfterExhaustion{100};

struct Accepted {
  int fd;  // connected, non-blocking, close-on-exec; the receiver closes it
  Endpoint peer;
};

// `count` listening sockets on one address; all have the same port.
Result<std::vector<int>> open_listeners(const Endpoint& endpoint, std::size_t count);
Endpoint local_endpoint(int fd);

class Listener {
 public:
  using Receiver = std::function<void(Accepted)>;

  Listener(Loop& loop, int fd, Receiver receiver, std::string_view farewell = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  void pause();
  void resume();
  Endpoint local() const;
  // How often the process had no descriptor left.
  std::uint64_t exhausted() const { return exhausted_; }

 private:
  class Acceptor;
  void accept_some();
  void rest();
  void turn_away();

  Loop& loop_;
  Receiver receiver_;
  std::string_view farewell_;
  std::unique_ptr<Descriptor> descriptor_;
  std::unique_ptr<Acceptor> acceptor_;
  int reserve_fd_ = -1;
  bool paused_ = true;
  bool resting_ = false;
  TimerId rest_timer_ = TimerId::none;
  std::uint64_t exhausted_ = 0;
};

}  // namespace keywright::net
