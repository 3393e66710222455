// net/tls_session.h - one TLS connection, driven by the readiness of its socket.
//
// Only Stream uses it: it calls a step, and calls it again when the socket has become what the step
// wants. Sessions are made by net/tls.h. Nothing here blocks; SIGPIPE is never raised.
//
// Threading: the stream's loop. Cost: OpenSSL's; its buffers are released while nothing is read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace keywright::net {

enum class IoStatus : unsigned char {
  ok,
  end,        // the peer has closed its sending side in good order
  reset,      // the connection broke
  timed_out,  // cancel(IoStatus::timed_out) was called
  cancelled,  // cancel() or abort() was called
  tls_failed,
};

struct IoResult {
  std::size_t bytes = 0;
  IoStatus status = IoStatus::ok;
};

class TlsSession {
 public:
  enum class Want : unsigned char { nothing, reading, writing };
  struct Step {
    IoResult io;
    Want want = Want::nothing;  // not nothing: try again when the socket is ready for it
  };

  // Takes `ssl`, and keeps its context and what that refers to alive.
  TlsSession(ssl_st* ssl, std::shared_ptr<ssl_ctx_st> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  void attach(int fd);
  Step handshake();
  Step read(char* data, std::size_t size);
  Step write(const char* data, std::size_t size);
  void close_notify();
  bool has_buffered() const;
  std::string_view alpn() const;
  // Why the handshake failed, in OpenSSL's words; for logs and for a client's error text.
  std::string failure() const;

 private:
  Step interpret(int outcome);
  std::shared_ptr<ssl_ctx_st> context_;
  ssl_st* ssl_;
  std::string failure_;
  bool broken_ = false;  // after a fatal error OpenSSL forbids SSL_shutdown()
};

}  // namespace keywright::net
