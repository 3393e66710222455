// net/tls.h - TLS 1.2 and 1.3 for streams, by OpenSSL.
//
//   KW_TRY(auto tls, net::TlsServer::load({"cert.pem", "key.pem"}));       // std::shared_ptr
//   net::Stream stream(loop, fd, peer, tls->new_session());
//   co_await stream.handshake();
//   if (auto reloaded = tls->reload(); !reloaded) log(reloaded.error());   // the old pair stays
//
//   KW_TRY(auto client, net::TlsClient::create({}));                       // verifies its peer
//
// A server presents the pair read last; sessions that are open keep the one they began with. The
// protocols offered by ALPN are given in order of preference.
//
// Errors: invalid_argument, reasons "tls_certificate_unreadable", "tls_key_unreadable",
//   "tls_key_mismatch"; `detail` names the file.
// Threading: reload() and new_session() from any thread; a session belongs to its stream's loop.
// Lifetime: sessions keep what they need of their context alive.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "net/tls_session.h"

struct ssl_ctx_st;

namespace keywright::net {

struct TlsFiles {
  std::string certificate_chain_file;  // PEM, leaf first
  std::string private_key_file;        // PEM
};

class TlsServer {
 public:
  static Result<std::shared_ptr<TlsServer>> load(TlsFiles files,
                                                 std::vector<std::string> protocols = {"h2",
                                                                                       "http/1.1"});
  ~TlsServer();

  Result<void> reload();
  std::unique_ptr<TlsSession> new_session() const;

 private:
  TlsServer(TlsFiles files, std::vector<std::string> protocols);
  Result<std::shared_ptr<ssl_ctx_st>> read_files() const;

  TlsFiles files_;
  std::string alpn_list_;  // in wire form
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;  // guarded by mutex_
};

struct TlsClientOptions {
  std::string trust_file;  // PEM; empty: the system's trust store
  std::vector<std::string> protocols = {"http/1.1"};
};

class TlsClient {
 public:
  static Result<std::shared_ptr<TlsClient>> create(TlsClientOptions options);

  // Verifies that the peer's certificate is trusted and made out to `host` (a name or an address).
  std::unique_ptr<TlsSession> new_session(const std::string& host) const;

 private:
  explicit TlsClient(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace keywright::net
