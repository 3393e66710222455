#include "net/listener.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

namespace keywright::net {

namespace {

constexpr int kAcceptsPerRound = 64;
constexpr int kTurnedAwayAtOnce = 32;

enum class Sharing : bool { no, yes };

tl::unexpected<Error> listen_failed(const Endpoint& endpoint, int error) {
  return fail(Code::unavailable, "listen_failed",
              "Cannot listen on " + to_string(endpoint) + ": " + std::strerror(error) + ".");
}

// A bound socket, or -1 with errno set.
int bind_socket(const Endpoint& endpoint, Sharing sharing) {
  sockaddr_storage address;
  const socklen_t length = to_system(endpoint, address);
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == Sharing::yes) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

Result<std::vector<int>> open_listeners(const Endpoint& endpoint, std::size_t count) {
  const Sharing sharing = count > 1 ? Sharing::yes : Sharing::no;
  if (sharing == Sharing::yes && endpoint.port != 0) {
    // A socket that shares binds happily beside someone else's that shares. One that does not
    // finds out whether the address is free; a bound socket that never listened leaves no trace.
    const int probe = bind_socket(endpoint, Sharing::no);
    if (probe < 0) return listen_failed(endpoint, errno);
    ::close(probe);
  }
  std::vector<int> sockets;
  Endpoint bound = endpoint;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = bind_socket(bound, sharing);
    if (fd < 0 || ::listen(fd, SOMAXCONN) != 0) {
      const int error = errno;
      if (fd >= 0) ::close(fd);
      for (int opened : sockets) ::close(opened);
      return listen_failed(bound, error);
    }
    sockets.push_back(fd);
    bound = local_endpoint(fd);
  }
  return sockets;
}

Endpoint local_endpoint(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return from_system(address);
}

// Stays in the reading place of the listening descriptor and never finishes: each edge is work.
class Listener::Acceptor final : public Operation {
 public:
  explicit Acceptor(Listener& listener) : listener_(listener) {}
  bool try_finish() override {
    listener_.accept_some();
    return false;
  }

 private:
  Listener& listener_;
};

Listener::Listener(Loop& loop, int fd, Receiver receiver, std::string_view farewell)
    : loop_(loop),
      receiver_(std::move(receiver)),
      farewell_(farewell),
      descriptor_(std::make_unique<Descriptor>(loop, fd)),
      acceptor_(std::make_unique<Acceptor>(*this)),
      reserve_fd_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  descriptor_->set_reader(acceptor_.get());
}

Listener::~Listener() {
  if (rest_timer_ != TimerId::none) loop_.cancel(rest_timer_);
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void Listener::start() { resume(); }

void Listener::pause() { paused_ = true; }

void Listener::resume() {
  if (!std::exchange(paused_, false)) return;
  descriptor_->wake();
}

Endpoint Listener::local() const { return local_endpoint(descriptor_->fd()); }

void Listener::accept_some() {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    if (paused_ || resting_) return;
    sockaddr_storage address;
    socklen_t length = sizeof address;
    const int fd = ::accept4(descriptor_->fd(), reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      receiver_(Accepted{fd, from_system(address)});
      continue;
    }
    switch (errno) {
      case EAGAIN: return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        ++exhausted_;
        turn_away();
        rest();
        return;
      default: break;  // this one connection is gone already; the next may be well
    }
  }
  descriptor_->wake();
}

void Listener::turn_away() {
  for (int i = 0; i < kTurnedAwayAtOnce && reserve_fd_ >= 0; ++i) {
    ::close(std::exchange(reserve_fd_, -1));
    const int fd = ::accept4(descriptor_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      [[maybe_unused]] auto sent =
          ::send(fd, farewell_.data(), farewell_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::shutdown(fd, SHUT_WR);
      ::close(fd);
    }
    reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
  }
}

void Listener::rest() {
  resting_ = true;
  rest_timer_ = loop_.run_after(kRestAfterExhaustion, [this] {
    rest_timer_ = TimerId::none;
    resting_ = false;
    if (reserve_fd_ < 0) reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    accept_some();
  });
}

}  // namespace keywright::net
