#include "net/stream.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/tls.h"

namespace keywright::net {

namespace {

ssize_t send_both(int fd, std::string_view first, std::string_view second) {
  if (second.empty()) return ::send(fd, first.data(), first.size(), MSG_NOSIGNAL);
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                    {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

void take_off(std::string_view& first, std::string_view& second, std::size_t bytes) {
  const std::size_t from_first = std::min(bytes, first.size());
  first.remove_prefix(from_first);
  second.remove_prefix(bytes - from_first);
  if (first.empty()) std::swap(first, second);
}

}  // namespace

Stream::Stream(Loop& loop, int fd, const Endpoint& peer, std::unique_ptr<TlsSession> tls)
    : descriptor_(loop, fd), peer_(peer), tls_(std::move(tls)) {
  descriptor_.assume_writable();
  if (tls_) tls_->attach(fd);
}

Stream::~Stream() = default;

std::string_view Stream::alpn() const { return tls_ ? tls_->alpn() : std::string_view(); }

std::string Stream::tls_failure() const { return tls_ ? tls_->failure() : std::string(); }

bool Stream::may_read() const {
  return descriptor_.is_readable() || (tls_ && tls_->has_buffered());
}

// True when the step is final; false after noting what the socket has to become first.
bool Stream::conclude(const TlsSession::Step& step, IoResult& result) {
  switch (step.want) {
    case TlsSession::Want::reading: descriptor_.clear_readable(); return false;
    case TlsSession::Want::writing: descriptor_.clear_writable(); return false;
    case TlsSession::Want::nothing: break;
  }
  result = step.io;
  return true;
}

bool Stream::try_handshake(IoResult& result) {
  result.status = cancelled_;
  if (cancelled_ != IoStatus::ok || !tls_) return true;
  return conclude(tls_->handshake(), result);
}

bool Stream::try_read(std::span<char> buffer, IoResult& result) {
  result.status = cancelled_;
  if (cancelled_ != IoStatus::ok) return true;
  if (!may_read()) return false;
  if (tls_) return conclude(tls_->read(buffer.data(), buffer.size()), result);
  while (true) {
    const ssize_t got = ::recv(descriptor_.fd(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      // A short read has emptied the socket, unless its end is already known to be near.
      const auto bytes = static_cast<std::size_t>(got);
      if (bytes < buffer.size() && !descriptor_.has_hung_up()) descriptor_.clear_readable();
      result.bytes = bytes;
      return true;
    }
    if (got == 0) {
      result.status = IoStatus::end;
      return true;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      descriptor_.clear_readable();
      return false;
    }
    result.status = IoStatus::reset;
    return true;
  }
}

bool Stream::try_write(std::string_view& first, std::string_view& second, IoResult& result) {
  result.status = cancelled_;
  if (cancelled_ != IoStatus::ok) return true;
  if (first.empty()) std::swap(first, second);
  while (!first.empty()) {
    if (tls_) {
      const TlsSession::Step step = tls_->write(first.data(), first.size());
      if (step.want != TlsSession::Want::nothing) return conclude(step, result);
      if (step.io.status != IoStatus::ok) return conclude(step, result);
      written_ += step.io.bytes;
      result.bytes += step.io.bytes;
      take_off(first, second, step.io.bytes);
      continue;
    }
    if (!descriptor_.is_writable()) return false;
    const ssize_t put = send_both(descriptor_.fd(), first, second);
    if (put >= 0) {
      const auto bytes = static_cast<std::size_t>(put);
      written_ += bytes;
      result.bytes += bytes;
      take_off(first, second, bytes);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      descriptor_.clear_writable();
      return false;
    } else if (errno != EINTR) {
      result.status = IoStatus::reset;
      return true;
    }
  }
  return true;
}

std::size_t Stream::write_now(std::string_view text) {
  IoResult result;
  std::string_view nothing;
  try_write(text, nothing, result);
  return result.bytes;
}

void Stream::shutdown_write() {
  if (tls_) tls_->close_notify();
  ::shutdown(descriptor_.fd(), SHUT_WR);
}

void Stream::cancel(IoStatus status) {
  cancelled_ = status;
  descriptor_.wake();
}

void Stream::abort() {
  ::shutdown(descriptor_.fd(), SHUT_RDWR);
  cancel(IoStatus::cancelled);
}

}  // namespace keywright::net
