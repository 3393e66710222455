// api/mcp/face.h - /api/mcp/v1: Keywright's own MCP server over Streamable HTTP, both eras.
//
//   api_mcp::Face face(app, {.trusted_proxies = config.trusted_proxies});
//   front.add(api_mcp::serves, face);
//
// Clients of the legacy era get a session id, which some of them count on. Nothing is kept under
// it: it is the key's and its owner's names, sealed. With somebody else's, or one that is none, a
// request is a 404, after which a client begins anew; without any it is answered as well.
//
// The order of a request's questions: is the host ours and may this web page come (403), may this
// key (401, 403; also for GET and DELETE), the method (405: there is no stream to GET and no
// session to DELETE), the media types (415, 406), the message (400), then the MCP server. Errors
// before the message are problem+json; from there on they are JSON-RPC. Keys of kinds with the
// audience `mcp` come in Authorization: Bearer; a session does not, it has the console.
//
// If the records moved while a call was away, its caller is looked at once more right before the
// answer begins (as api/rest/face.h). Every call, and every refusal of a key that exists, is a line
// of the audit log, "mcp.call"; arguments are not.
//
// Threading: handle() on any loop at once. Lifetime: `app` outlives the face.
// Cost: one decide(), one parse, and the operation.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "api/mcp/counters.h"
#include "api/mcp/server.h"
#include "api/mcp/tools.h"
#include "app/call_audit.h"
#include "app/operation.h"
#include "http/server.h"
#include "mcp/headers.h"

namespace keywright::api_mcp {

inline constexpr std::string_view kPath = "/api/mcp/v1";

bool serves(std::string_view path);

struct FaceOptions {
  std::vector<Cidr> trusted_proxies = {};
  ServerOptions server = {};
};

class Face final : public http::Handler {
 public:
  Face(app::App& app, FaceOptions options);

  std::optional<Task<void>> handle(http::Exchange& exchange) override;
  void body_too_large(const http::Request& request, http::Response& response) override;

  const Tools& tools() const { return tools_; }
  const CallCounters& counters() const { return counters_; }
  std::uint64_t dropped_audit_events() const { return audit_.dropped(); }

 private:
  struct Visit;

  bool preflight(const http::Request& request, http::Response& response) const;
  Visit begin(const http::Request& request) const;
  Result<void> admit(const http::Request& request, Visit& visit) const;
  Result<void> check_credential(const http::Request& request, Visit& visit) const;
  // After admission: whether there is a message to answer; else the response is filled.
  bool read(http::Exchange& exchange, Visit& visit);
  Task<void> run(http::Exchange& exchange, Visit visit);
  Task<void> admit_slowly(http::Exchange& exchange, Visit visit);
  Result<void> check_again(const Visit& visit, const Reply& reply) const;
  void finish(http::Exchange& exchange, const Visit& visit, const Reply& reply);
  void refuse(const http::Request& request, http::Response& response, const Visit& visit,
              const Error& error);
  void record(const Visit& visit, std::string_view request_id, CallOutcome outcome,
              std::string_view reason);
  void refuse_message(http::Exchange& exchange, const Visit& visit, const mcp::RpcError& error,
                      std::string_view reason);
  void refused_unread(http::Exchange& exchange, const Visit& visit, std::string_view reason);
  bool knows_session(const Visit& visit) const;
  std::string new_session(const Visit& visit) const;
  Asked asked_by(const http::Request& request, const Visit& visit) const;

  app::App& app_;
  const FaceOptions options_;
  const Tools tools_;
  CallCounters counters_;
  Server server_;
  app::CallAudit audit_;
};

}  // namespace keywright::api_mcp
