// mcp_connect/connect.h - /mcp-connect/{server}: other people's MCP servers, opened by connect
// keys.
//
//   mcp_connect::Connect connect(app, proxy, {.trusted_proxies = config.trusted_proxies});
//   front.add(mcp_connect::serves, connect);
//
// Streamable HTTP of both eras on one address: POST, GET and DELETE go to the registered server as
// they came, answers and streams come back as they come (mcp_connect/answer_hooks.h).
//
// The order of a request's questions: if a web page asks, may it (403), is the key good (401; also
// for GET and DELETE), does it reach the server (403 `insufficient_scope`, the same for a server
// that is unknown, disabled, out of the key's scope or beyond its owner), method (405), media type
// (415), message (400), session (404), tool (200 with -32602). Errors before the message are
// problem+json, from there on JSON-RPC. What decides is the body; header fields that say otherwise
// are refused. A method that is no notification needs an id. What is refused after the key was let
// through costs it nothing.
//
// A session id given to a client is the upstream's, sealed for this server at its present address,
// this key and its owner: there is no list of sessions, any worker can open it, and nobody else's
// opens.
//
// Clients whose key is refused go looking for OAuth: the places where they look answer 404, with
// the reason in words.
//
// Every call and every refusal of a key that exists, also for how or from where it came, is a line
// of the audit log, "mcp.call".
//
// Threading: handle() on any loop at once. Lifetime: app and proxy outlive the face.
// Cost: one decide(), one parse of the message, and gateway/proxy.h.
// Source: MCP 2025-11-25 and 2026-07-28, streamable HTTP.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "app/operation.h"
#include "gateway/passage.h"
#include "gateway/prepared_upstreams.h"
#include "gateway/proxy.h"
#include "http/server.h"
#include "mcp/headers.h"
#include "mcp/message.h"
#include "mcp_connect/call.h"

namespace keywright::mcp_connect {

// "/mcp-connect/...", and where clients look for OAuth.
bool serves(std::string_view path);

struct ConnectOptions {
  std::vector<Cidr> trusted_proxies = {};
};

class Connect final : public http::Handler {
 public:
  Connect(app::App& app, gateway::Proxy& proxy, ConnectOptions options);

  std::optional<Task<void>> handle(http::Exchange& exchange) override;
  void body_too_large(const http::Request& request, http::Response& response) override;

  const Recorder& recorder() const { return recorder_; }

 private:
  struct Visit;
  enum class Slow : bool { try_it, tried };

  struct Denial {
    int status;
    std::string_view code;
    std::string_view detail;
  };

  bool preflight(const http::Request& request, http::Response& response);
  Visit begin(const http::Request& request) const;
  std::optional<Task<void>> visit(http::Exchange& exchange, Slow slow);
  Task<void> try_slow_hash(http::Exchange& exchange, std::string token);
  gateway::Passage ask(const http::Request& request, Visit& visit);
  bool read(http::Exchange& exchange, Visit& visit);
  bool open_session(http::Exchange& exchange, Visit& visit);
  bool check_tool(http::Exchange& exchange, Visit& visit);
  std::optional<Task<void>> send_on(http::Exchange& exchange, Visit& visit);
  void refuse(const http::Request& request, http::Response& response, const Visit& visit,
              const gateway::Passage& passage);
  void record_refused(const http::Request& request, const Visit& visit, std::string_view reason);
  // These three: of a key that was let through. They give back what it was counted.
  void deny(const http::Request& request, http::Response& response, const Visit& visit,
            const Denial& denial);
  void answer_rpc(http::Exchange& exchange, const Visit& visit, const mcp::RpcError& error,
                  std::string_view reason);
  void conclude(http::Response& response, const Visit& visit, std::string_view reason);

  app::App& app_;
  gateway::Proxy& proxy_;
  const ConnectOptions options_;
  const gateway::PreparedUpstreams prepared_;
  Recorder recorder_;
};

}  // namespace keywright::mcp_connect
