#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace keywright::net {

namespace {

using Context = std::shared_ptr<ssl_ctx_st>;

Error tls_error(std::string_view reason, std::string detail) {
  const unsigned long code = ERR_peek_last_error();
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  if (text != nullptr) detail += std::string(" (") + text + ")";
  ERR_clear_error();
  return Error(Code::invalid_argument, reason, detail + ".");
}

// ALPN's wire form: each name after its length.
std::string wire_form(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& name : protocols) {
    list.push_back(static_cast<char>(name.size()));
    list += name;
  }
  return list;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned offered_length, void* server_list) {
  const auto& ours = *static_cast<const std::string*>(server_list);
  const int outcome =
      SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_length,
                            reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_length);
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A server context goes with the ALPN list its callback reads.
struct ServerContext {
  explicit ServerContext(std::string list) : alpn_list(std::move(list)) {}
  ~ServerContext() { SSL_CTX_free(context); }
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  std::string alpn_list;
};

void set_common_options(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);  // a record's header and its body in one recv
}

}  // namespace

TlsServer::TlsServer(TlsFiles files, std::vector<std::string> protocols)
    : files_(std::move(files)), alpn_list_(wire_form(protocols)) {}

TlsServer::~TlsServer() = default;

Result<Context> TlsServer::read_files() const {
  ERR_clear_error();
  auto owner = std::make_shared<ServerContext>(alpn_list_);
  SSL_CTX* context = owner->context;
  if (context == nullptr) return fail(tls_error("tls_unavailable", "OpenSSL has no TLS context"));
  set_common_options(context);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("keywright"), 9);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, &owner->alpn_list);
  if (SSL_CTX_use_certificate_chain_file(context, files_.certificate_chain_file.c_str()) != 1) {
    return fail(tls_error("tls_certificate_unreadable",
                          "Cannot use the certificate in " + files_.certificate_chain_file));
  }
  // The check against the certificate is a step of its own below, so that each mistake has its
  // name.
  if (SSL_CTX_use_PrivateKey_file(context, files_.private_key_file.c_str(), SSL_FILETYPE_PEM) !=
      1) {
    const bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    return fail(tls_error(mismatch ? "tls_key_mismatch" : "tls_key_unreadable",
                          "Cannot use the private key in " + files_.private_key_file));
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return fail(tls_error("tls_key_mismatch", "The private key in " + files_.private_key_file +
                                                  " does not belong to the certificate in " +
                                                  files_.certificate_chain_file));
  }
  return Context(owner, context);
}

Result<std::shared_ptr<TlsServer>> TlsServer::load(TlsFiles files,
                                                   std::vector<std::string> protocols) {
  std::shared_ptr<TlsServer> server(new TlsServer(std::move(files), std::move(protocols)));
  KW_CHECK_OK(server->reload());
  return server;
}

Result<void> TlsServer::reload() {
  KW_TRY(Context fresh, read_files());
  std::lock_guard lock(mutex_);
  context_.swap(fresh);
  return {};
}

std::unique_ptr<TlsSession> TlsServer::new_session() const {
  Context context;
  {
    std::lock_guard lock(mutex_);
    context = context_;
  }
  SSL* ssl = SSL_new(context.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsSession>(ssl, std::move(context));
}

Result<std::shared_ptr<TlsClient>> TlsClient::create(TlsClientOptions options) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return fail(tls_error("tls_unavailable", "OpenSSL has no TLS context"));
  set_common_options(context.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (options.trust_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_file(context.get(), options.trust_file.c_str()) != 1) {
    return fail(tls_error("tls_certificate_unreadable",
                          "Cannot use the certificates in " + options.trust_file));
  }
  const std::string list = wire_form(options.protocols);
  SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
  return std::shared_ptr<TlsClient>(new TlsClient(std::move(context)));
}

std::unique_ptr<TlsSession> TlsClient::new_session(const std::string& host) const {
  SSL* ssl = SSL_new(context_.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl);
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  if (IpAddress::parse(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size());
  }
  return std::make_unique<TlsSession>(ssl, context_);
}

}  // namespace keywright::net
