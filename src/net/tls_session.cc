#include "net/tls_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

namespace keywright::net {

namespace {

// A BIO over a socket that never raises SIGPIPE: OpenSSL's own writes with write(2).
int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t put =
      ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (put < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(put);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(descriptor_of(bio), data, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default: return 0;
  }
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, bio_create);
    return made;
  }();
  return method;
}

int clamp_to_int(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

TlsSession::TlsSession(ssl_st* ssl, std::shared_ptr<ssl_ctx_st> context)
    : context_(std::move(context)), ssl_(ssl) {}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::attach(int fd) {
  BIO* bio = BIO_new(socket_method());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  SSL_set_bio(ssl_, bio, bio);
}

TlsSession::Step TlsSession::interpret(int outcome) {
  Step step;
  if (outcome > 0) {
    step.io.bytes = static_cast<std::size_t>(outcome);
    return step;
  }
  switch (SSL_get_error(ssl_, outcome)) {
    case SSL_ERROR_WANT_READ: step.want = Want::reading; return step;
    case SSL_ERROR_WANT_WRITE: step.want = Want::writing; return step;
    case SSL_ERROR_ZERO_RETURN: step.io.status = IoStatus::end; return step;
    // The socket ended without a close_notify: what was read may not be all of it.
    case SSL_ERROR_SYSCALL: step.io.status = IoStatus::reset; break;
    default: step.io.status = IoStatus::tls_failed; break;
  }
  broken_ = true;
  const long verified = SSL_get_verify_result(ssl_);
  if (verified != X509_V_OK) {
    failure_ = X509_verify_cert_error_string(verified);
  } else if (const unsigned long code = ERR_peek_error(); code != 0) {
    const char* text = ERR_reason_error_string(code);
    failure_ = text != nullptr ? text : "unknown TLS error";
  } else {
    failure_ = "the connection was closed";
  }
  ERR_clear_error();
  return step;
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  return interpret(SSL_do_handshake(ssl_));
}

TlsSession::Step TlsSession::read(char* data, std::size_t size) {
  ERR_clear_error();
  return interpret(SSL_read(ssl_, data, clamp_to_int(size)));
}

TlsSession::Step TlsSession::write(const char* data, std::size_t size) {
  ERR_clear_error();
  return interpret(SSL_write(ssl_, data, clamp_to_int(size)));
}

void TlsSession::close_notify() {
  ERR_clear_error();
  if (!broken_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  ERR_clear_error();
}

bool TlsSession::has_buffered() const { return SSL_has_pending(ssl_) == 1; }

std::string_view TlsSession::alpn() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string TlsSession::failure() const { return failure_; }

}  // namespace keywright::net
