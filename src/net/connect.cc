#include "net/connect.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"

namespace keywright::net {

namespace {

constexpr int kLookupsMax = 16;  // at once, in the whole process
std::atomic<int> lookups_running = 0;

// What a lookup thread and the coroutine that waits for it share. The coroutine may give up first.
struct Lookup {
  std::mutex mutex;
  Loop* loop = nullptr;  // null: nobody waits any more
  std::coroutine_handle<> waiting;
  std::vector<IpAddress> found;
};

std::vector<IpAddress> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  std::vector<IpAddress> found;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ai_addr, entry->ai_addrlen);
    found.push_back(from_system(storage).address);
  }
  ::freeaddrinfo(list);
  return found;
}

// Resumes the waiting coroutine, on its loop, unless it has been resumed or destroyed before.
void finish(const std::shared_ptr<Lookup>& lookup) {
  std::coroutine_handle<> waiting;
  {
    std::lock_guard lock(lookup->mutex);
    if (lookup->loop == nullptr) return;
    lookup->loop = nullptr;
    waiting = lookup->waiting;
  }
  waiting.resume();
}

class Resolve {
 public:
  Resolve(Loop& loop, std::string host, Duration timeout)
      : loop_(loop), host_(std::move(host)), timeout_(timeout) {}
  Resolve(const Resolve&) = delete;
  ~Resolve() {
    if (timer_ != TimerId::none) loop_.cancel(timer_);
    std::lock_guard lock(lookup_->mutex);
    lookup_->loop = nullptr;
  }

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (lookups_running.fetch_add(1) >= kLookupsMax) {
      lookups_running.fetch_sub(1);
      return false;
    }
    lookup_->loop = &loop_;
    lookup_->waiting = handle;
    timer_ = loop_.run_after(timeout_, [this, lookup = lookup_] {
      timer_ = TimerId::none;
      finish(lookup);
    });
    std::thread([lookup = lookup_, host = host_] {
      std::vector<IpAddress> found = look_up(host);
      lookups_running.fetch_sub(1);
      std::lock_guard lock(lookup->mutex);
      lookup->found = std::move(found);
      if (lookup->loop != nullptr) lookup->loop->post([lookup] { finish(lookup); });
    }).detach();
    return true;
  }
  std::vector<IpAddress> await_resume() {
    std::lock_guard lock(lookup_->mutex);
    return std::move(lookup_->found);
  }

 private:
  Loop& loop_;
  std::string host_;
  Duration timeout_;
  TimerId timer_ = TimerId::none;
  std::shared_ptr<Lookup> lookup_ = std::make_shared<Lookup>();
};

// Waits until a connecting socket is writable, or the time is up.
class Connected final : public Operation {
 public:
  Connected(Descriptor& descriptor, Duration timeout)
      : descriptor_(descriptor), timeout_(timeout) {}
  Connected(const Connected&) = delete;
  ~Connected() {
    if (timer_ != TimerId::none) descriptor_.loop().cancel(timer_);
    if (descriptor_.writer() == this) descriptor_.set_writer(nullptr);
  }
  bool try_finish() override { return late_ || descriptor_.is_writable(); }
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    continuation = handle;
    descriptor_.set_writer(this);
    timer_ = descriptor_.loop().run_after(timeout_, [this] {
      timer_ = TimerId::none;
      late_ = true;
      descriptor_.wake();
    });
  }
  bool await_resume() const { return !late_; }

 private:
  Descriptor& descriptor_;
  Duration timeout_;
  TimerId timer_ = TimerId::none;
  bool late_ = false;
};

tl::unexpected<Error> not_connected(std::string_view reason, const std::string& host,
                                    std::string_view why) {
  return fail(Code::unavailable, reason,
              "Cannot connect to " + host + ": " + std::string(why) + ".");
}

Task<Result<int>> dial(Loop& loop, std::string host, Endpoint endpoint, Duration timeout) {
  sockaddr_storage address;
  const socklen_t length = to_system(endpoint, address);
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return not_connected("connect_failed", host, std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Descriptor descriptor(loop, fd);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS) co_return not_connected("connect_failed", host, std::strerror(errno));
    if (!co_await Connected(descriptor, timeout)) {
      co_return not_connected("connect_timeout", host, "no answer in time");
    }
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) co_return not_connected("connect_failed", host, std::strerror(error));
  }
  co_return descriptor.release();
}

// Ends what the stream waits for when the time is up; who gives up before takes the timer along.
class Deadline {
 public:
  Deadline(Loop& loop, Stream& stream, Duration timeout) : loop_(loop) {
    timer_ = loop.run_after(timeout, [&stream] { stream.cancel(IoStatus::timed_out); });
  }
  Deadline(const Deadline&) = delete;
  ~Deadline() { loop_.cancel(timer_); }

 private:
  Loop& loop_;
  TimerId timer_;
};

Task<Result<void>> shake_hands(Loop& loop, Stream& stream, std::string host, Duration timeout) {
  const Deadline deadline(loop, stream, timeout);
  const IoResult done = co_await stream.handshake();
  if (done.status == IoStatus::ok) co_return Result<void>();
  if (done.status == IoStatus::timed_out) {
    co_return not_connected("connect_timeout", host, "the TLS handshake took too long");
  }
  co_return not_connected("tls_failed", host, stream.tls_failure());
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, std::string host, std::uint16_t port,
                                              ConnectOptions options) {
  const Ticks deadline = loop.read_clock() + options.timeout;
  std::vector<IpAddress> addresses;
  if (auto literal = IpAddress::parse(host)) {
    addresses.push_back(*literal);
  } else {
    Resolve resolve(loop, host, options.timeout);
    addresses = co_await resolve;
  }
  if (addresses.empty()) co_return not_connected("resolve_failed", host, "the name has no address");

  Error last(Code::permission_denied, "address_not_allowed",
             "Connections to the address of " + host + " are not allowed.");
  for (const IpAddress& address : addresses) {
    if (options.allow && !options.allow(address)) continue;
    Endpoint endpoint;
    endpoint.address = address;
    endpoint.port = port;
    Result<int> fd = co_await dial(loop, host, endpoint, deadline - loop.read_clock());
    if (!fd) {
      last = fd.error();
      continue;
    }
    auto session = options.tls != nullptr ? options.tls->new_session(host) : nullptr;
    if (options.tls != nullptr && session == nullptr) {
      ::close(*fd);
      co_return not_connected("tls_failed", host, "no memory for a TLS session");
    }
    auto stream = std::make_unique<Stream>(loop, *fd, endpoint, std::move(session));
    if (options.tls != nullptr) {
      Result<void> shaken = co_await shake_hands(loop, *stream, host, deadline - loop.read_clock());
      if (!shaken) co_return fail(shaken.error());
    }
    co_return stream;
  }
  co_return fail(last);
}

}  // namespace keywright::net
