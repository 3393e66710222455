// net/stream.h - a connected TCP stream, plain or TLS, on one loop.
//
//   net::IoResult got = co_await stream.read_some(buffer);     // 1..n bytes, or a status
//   if (got.status != net::IoStatus::ok) ...
//   net::IoResult put = co_await stream.write_all(head, body); // both, in one send if it fits
//
// Reading tries the socket only when the loop has seen it readable, so a keep-alive request costs
// exactly one recv and one send. Deadlines are not timers: the owner looks at all its streams now
// and then (see http/server.h) and calls cancel() on those that are late.
//
// Threading: the loop's thread only. One reader and one writer at a time.
// Lifetime: buffers must outlive the operation; an awaiter that is destroyed while pending
//   withdraws itself. Destroying the stream closes the socket at once.
// Cost: no allocation for each operation. Plain TCP: one system call for each. TLS: OpenSSL's.
#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "net/address.h"
#include "net/descriptor.h"
#include "net/tls_session.h"

namespace keywright::net {

class Stream {
 public:
  // Takes a connected, non-blocking socket. `tls` is null for plain TCP.
  Stream(Loop& loop, int fd, const Endpoint& peer, std::unique_ptr<TlsSession> tls = nullptr);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Loop& loop() const { return descriptor_.loop(); }
  const Endpoint& peer() const { return peer_; }
  bool is_secure() const { return tls_ != nullptr; }
  std::string_view alpn() const;    // what TLS agreed on; empty for plain TCP
  std::string tls_failure() const;  // why the handshake failed, in OpenSSL's words

  class Pending;
  class Handshake;
  class ReadReady;
  class Read;
  class Write;
  Handshake handshake();                   // TLS only; plain streams are ready
  ReadReady read_ready();                  // waits until read_some() may have something
  Read read_some(std::span<char> buffer);  // at least one byte, or a status
  Write write_all(std::string_view first, std::string_view second = {});

  // One try, for last words; how much was taken. Not while a write_all() is pending.
  std::size_t write_now(std::string_view text);

  // Bytes taken by the kernel since write_all() began or ended: for write-stall deadlines.
  std::size_t written() const { return written_; }

  void shutdown_write();         // half close: TLS close_notify and FIN
  void cancel(IoStatus status);  // pending and later operations end with `status`
  void abort();                  // cancel(cancelled), and the peer sees the end at once
  // Ends any cancel(); used between a timed-out read and the answer that says so.
  void clear_cancel() { cancelled_ = IoStatus::ok; }

  // The peer has closed or half-closed; see Descriptor::on_hang_up().
  bool has_hung_up() const { return descriptor_.has_hung_up(); }
  void on_hang_up(std::function<void()> function) { descriptor_.on_hang_up(std::move(function)); }

 private:
  bool conclude(const TlsSession::Step& step, IoResult& result);
  bool try_handshake(IoResult& result);
  bool try_read(std::span<char> buffer, IoResult& result);
  bool try_write(std::string_view& first, std::string_view& second, IoResult& result);
  bool may_read() const;

  Descriptor descriptor_;
  Endpoint peer_;
  std::unique_ptr<TlsSession> tls_;
  std::size_t written_ = 0;
  IoStatus cancelled_ = IoStatus::ok;
};

// The common part of the awaiters: an operation in one of the descriptor's two places.
class Stream::Pending : public Operation {
 public:
  Pending(const Pending&) = delete;
  ~Pending() {
    if (descriptor_.reader() == this) descriptor_.set_reader(nullptr);
    if (descriptor_.writer() == this) descriptor_.set_writer(nullptr);
  }
  bool await_ready() { return try_finish(); }
  void await_suspend(std::coroutine_handle<> handle) {
    continuation = handle;
    for_reading_ ? descriptor_.set_reader(this) : descriptor_.set_writer(this);
  }
  IoResult await_resume() const { return result_; }

 protected:
  enum class Direction : bool { writing, reading };
  Pending(Descriptor& descriptor, Direction direction)
      : descriptor_(descriptor), for_reading_(direction == Direction::reading) {}
  IoResult result_;

 private:
  Descriptor& descriptor_;
  bool for_reading_;
};

class Stream::Handshake final : public Pending {
 public:
  explicit Handshake(Stream& stream)
      : Pending(stream.descriptor_, Direction::reading), stream_(stream) {}
  bool try_finish() override { return stream_.try_handshake(result_); }

 private:
  Stream& stream_;
};

class Stream::ReadReady final : public Pending {
 public:
  explicit ReadReady(Stream& stream)
      : Pending(stream.descriptor_, Direction::reading), stream_(stream) {}
  bool try_finish() override {
    result_.status = stream_.cancelled_;
    return stream_.cancelled_ != IoStatus::ok || stream_.may_read();
  }

 private:
  Stream& stream_;
};

class Stream::Read final : public Pending {
 public:
  Read(Stream& stream, std::span<char> buffer)
      : Pending(stream.descriptor_, Direction::reading), stream_(stream), buffer_(buffer) {}
  bool try_finish() override { return stream_.try_read(buffer_, result_); }

 private:
  Stream& stream_;
  std::span<char> buffer_;
};

class Stream::Write : public Pending {
 public:
  Write(Stream& stream, std::string_view first, std::string_view second)
      : Pending(stream.descriptor_, Direction::writing),
        stream_(stream),
        first_(first),
        second_(second) {}
  bool try_finish() final { return stream_.try_write(first_, second_, result_); }

 private:
  Stream& stream_;
  std::string_view first_;
  std::string_view second_;
};

inline Stream::Handshake Stream::handshake() { return Handshake(*this); }
inline Stream::ReadReady Stream::read_ready() { return ReadReady(*this); }
inline Stream::Read Stream::read_some(std::span<char> buffer) { return Read(*this, buffer); }
inline Stream::Write Stream::write_all(std::string_view first, std::string_view second) {
  return Write(*this, first, second);
}

}  // namespace keywright::net
