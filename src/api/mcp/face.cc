#include "api/mcp/face.h"

#include <utility>

#include <fmt/format.h>

#include "api/admission/admitting.h"
#include "api/admission/challenge.h"
#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "app/give_back.h"
#include "app/slow_hashes.h"
#include "base/media_type.h"
#include "http/problem.h"
#include "http/query.h"
#include "mcp/answer.h"
#include "mcp/cross_origin.h"
#include "mcp/sealed_text.h"
#include "mcp/sse.h"

namespace keywright::api_mcp {
namespace {

using domain::Audience;
using http::Method;
using http::Request;
using http::Response;
using mcp::AnswerForm;
using mcp::Message;
using mcp::MessageType;

constexpr std::string_view kAllow = "POST, OPTIONS";
constexpr std::string_view kSessionServer = "keywright";

std::string admitted_kinds(const domain::Kinds& kinds) {
  std::string names;
  for (const domain::Kind& kind : kinds.all()) {
    if (!domain::admits(kind, Audience::mcp)) continue;
    names.append(names.empty() ? "" : " or ").append(kind.name);
  }
  return "keys of kind " + names;
}

void add_headers(const Request& request, Response& response) {
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  mcp::add_cross_origin_fields(response, request.headers.find("Origin").value_or(""));
}

void write_refusal(const Request& request, Response& response, int status, std::string_view code,
                   std::string_view detail) {
  response.clear();
  http::write_problem(response, status, code, detail, request.request_id);
  add_headers(request, response);
}

}  // namespace

bool serves(std::string_view path) { return path == kPath; }

// What is known of one request. Views are of the request.
struct Face::Visit {
  std::chrono::nanoseconds began{};
  Time now;
  std::optional<app::Presented> presented;
  bool carried_credential = false;
  app::Caller caller;  // also of a key that is refused, for the audit log
  std::uint64_t epoch = 0;
  std::vector<std::pair<std::string, std::string>> limits;  // RateLimit fields
  mcp::RequestHeaders headers;
  AnswerForm form = AnswerForm::json;
  mcp::Era era = mcp::Era::legacy;
  std::optional<Message> message;
};

Face::Face(app::App& app, FaceOptions options)
    : app_(app),
      options_(std::move(options)),
      tools_(app::all_operations()),
      counters_(tools_),
      server_(app, tools_, options_.server),
      audit_(app.committer) {}

bool Face::preflight(const Request& request, Response& response) const {
  const mcp::Visitor visitor = mcp::visitor_of(request, app_.settings.public_url);
  if (!mcp::host_is_ours(visitor) || !mcp::origin_is_allowed(visitor)) {
    http::write_problem(response, 403, "origin_not_allowed",
                        "This host name or this web page may not use the MCP server. Serve with "
                        "--public-url to name the address it is reached at.",
                        request.request_id);
    response.header("Vary", "Origin");
    return true;
  }
  if (request.method != Method::options) return false;
  mcp::answer_preflight(request, response, kAllow);
  return true;
}

Result<void> Face::check_credential(const Request& request, Visit& visit) const {
  if (!request.query.empty()) {
    KW_TRY(const http::Query query, http::Query::parse(request.query));
    KW_CHECK_OK(admission::refuse_credential_in_query(query));
  }
  const bool secure = admission::is_secure(request, app_.settings);
  auto found = admission::find_credential(request, admission::session_cookie_name(secure));
  visit.carried_credential = !found || found->has_value();
  KW_TRY(visit.presented, std::move(found));
  if (visit.presented) return {};
  return fail(Code::unauthenticated, "credential_missing",
              "This needs a key. Send Authorization: Bearer <key>.");
}

Result<void> Face::admit(const Request& request, Visit& visit) const {
  visit.epoch = app_.directory.epoch();
  const IpAddress address = admission::client_address(request, options_.trusted_proxies);
  const app::Presented& presented = *visit.presented;
  auto caller = app::admit(app_.directory, presented, Audience::mcp, address, visit.now);
  visit.limits = admission::rate_limits(app_.directory, caller, presented, visit.now);
  if (!caller) {
    visit.caller = app::refused_caller(app_.directory, presented.token, address);
    const Error& error = caller.error();
    if (error.reason() != "wrong_key_kind") return fail(error);
    return fail(error.code(), error.reason(),
                fmt::format("{} Admitted here: {}.", error.detail(),
                            admitted_kinds(app_.directory.kinds())));
  }
  visit.caller = *caller;
  if (visit.caller.is_key()) return {};
  return fail(
      Code::permission_denied, "wrong_key_kind",
      fmt::format("This is a session. Admitted here: {}.", admitted_kinds(app_.directory.kinds())));
}

bool Face::read(http::Exchange& exchange, Visit& visit) {
  const Request& request = exchange.request;
  const auto refuse_with = [&](int status, std::string_view code, std::string_view detail) {
    write_refusal(request, exchange.response, status, code, detail);
    refused_unread(exchange, visit, code);
    return false;
  };
  if (request.method != Method::post) {
    refuse_with(405, "method_not_allowed",
                "Send messages with POST. There is no stream to read with GET and no session to "
                "end with DELETE: each request stands alone.");
    exchange.response.header("Allow", kAllow);
    return false;
  }
  if (!visit.headers.content_type || !is_json_type(*visit.headers.content_type)) {
    return refuse_with(415, "unsupported_media_type",
                       "The body must be JSON, and Content-Type must say so: application/json.");
  }
  const auto form = mcp::answer_form(visit.headers.accept);
  if (!form) {
    return refuse_with(406, "not_acceptable",
                       "Accept must let application/json or text/event-stream through.");
  }
  visit.form = *form;
  auto message = Message::read(request.body);
  mcp::RpcResult<mcp::Era> era;
  if (message) era = mcp::agree(visit.headers, *message);
  if (!message || !era) {
    const mcp::RpcError error = message ? era.error() : message.error();
    if (message) visit.message = std::move(*message);
    const bool disagrees = error.code == mcp::kHeaderMismatch;
    refuse_message(exchange, visit, error, disagrees ? "header_mismatch" : "invalid_request");
    return false;
  }
  visit.era = *era;
  visit.message = std::move(*message);
  if (knows_session(visit)) return true;
  const std::string& id = visit.message->id();
  refuse_message(exchange, visit,
                 {404, mcp::kInvalidRequest, "There is no such session. Initialize again.", {}, id},
                 "unknown_session");
  return false;
}

void Face::refuse_message(http::Exchange& exchange, const Visit& visit, const mcp::RpcError& error,
                          std::string_view reason) {
  exchange.response.status = error.status;
  exchange.response.content_type("application/json");
  exchange.response.body = mcp::error_answer(error);
  add_headers(exchange.request, exchange.response);
  refused_unread(exchange, visit, reason);
}

// What nobody was asked to do costs the key nothing.
void Face::refused_unread(http::Exchange& exchange, const Visit& visit, std::string_view reason) {
  app::give_back(app_.directory, visit.caller);
  for (const auto& [name, value] : visit.limits) exchange.response.header(name, value);
  record(visit, exchange.request.request_id, CallOutcome::denied, reason);
}

bool Face::knows_session(const Visit& visit) const {
  const bool asks = visit.era == mcp::Era::legacy && visit.headers.session_id &&
                    visit.message->method() != "initialize";
  if (!asks) return true;
  const std::string owner = visit.caller.user.to_string();
  const std::string key = visit.caller.key.to_string();
  const mcp::SessionBinding binding{kSessionServer, owner, key};
  const auto& sealer = app_.directory.keyring().sealer();
  return mcp::open_session(sealer, *visit.headers.session_id, binding).has_value();
}

std::string Face::new_session(const Visit& visit) const {
  const std::string owner = visit.caller.user.to_string();
  const std::string key = visit.caller.key.to_string();
  const mcp::SessionBinding binding{kSessionServer, owner, key};
  return mcp::seal_session(app_.directory.keyring().sealer(), "", binding, app_.random);
}

Asked Face::asked_by(const Request& request, const Visit& visit) const {
  Asked asked;
  asked.caller = visit.caller;
  asked.now = visit.now;
  asked.era = visit.era;
  asked.request_id = request.request_id;
  asked.user_agent = admission::user_agent(request);
  return asked;
}

Face::Visit Face::begin(const Request& request) const {
  Visit visit;
  visit.began = app_.clock.boot_time();
  visit.now = app_.clock.now();
  visit.headers = mcp::request_headers(request.headers);
  return visit;
}

// Whoever would not be admitted learns that, and not how much fits.
void Face::body_too_large(const Request& request, Response& response) {
  response.clear();
  if (preflight(request, response)) return;
  Visit visit = begin(request);
  Result<void> admitted = check_credential(request, visit);
  if (admitted) admitted = admit(request, visit);
  if (!admitted) return refuse(request, response, visit, admitted.error());
  app::give_back(app_.directory, visit.caller);
  write_refusal(request, response, 413, "body_too_large", "A message may have up to 1 MiB.");
  record(visit, request.request_id, CallOutcome::denied, "body_too_large");
}

std::optional<Task<void>> Face::handle(http::Exchange& exchange) {
  const Request& request = exchange.request;
  if (preflight(request, exchange.response)) return std::nullopt;
  Visit visit = begin(request);
  Result<void> admitted = check_credential(request, visit);
  if (admitted) {
    admitted = admit(request, visit);
    if (admission::could_be_slow(app_, admitted, visit.presented)) {
      return admit_slowly(exchange, std::move(visit));
    }
  }
  if (!admitted) {
    refuse(exchange.request, exchange.response, visit, admitted.error());
    return std::nullopt;
  }
  if (!read(exchange, visit)) return std::nullopt;
  const Message& message = *visit.message;
  if (message.is_request() && message.method() == "tools/call") {
    return run(exchange, std::move(visit));
  }
  Reply reply;
  if (message.is_request()) {
    reply = server_.answer(asked_by(request, visit), message);
  } else {
    reply.status = 202;
  }
  finish(exchange, visit, reply);
  return std::nullopt;
}

Task<void> Face::admit_slowly(http::Exchange& exchange, Visit visit) {
  const IpAddress address = admission::client_address(exchange.request, options_.trusted_proxies);
  std::string token(visit.presented->token);
  auto upgraded = co_await app_.slow_hashes.try_token(app_, std::move(token), address);
  Result<void> admitted;
  if (upgraded) {
    admitted = admit(exchange.request, visit);
  } else {
    admitted = fail(upgraded.error());
  }
  if (!admitted) {
    refuse(exchange.request, exchange.response, visit, admitted.error());
    co_return;
  }
  if (!read(exchange, visit)) co_return;
  co_await run(exchange, std::move(visit));
}

Task<void> Face::run(http::Exchange& exchange, Visit visit) {
  const Asked asked = asked_by(exchange.request, visit);
  const Message& message = *visit.message;
  Reply reply;
  if (!message.is_request()) {
    reply.status = 202;
  } else if (message.method() == "tools/call") {
    reply = co_await server_.call_tool(asked, message);
  } else {
    reply = server_.answer(asked, message);
  }
  if (const auto again = check_again(visit, reply); !again) {
    refuse(exchange.request, exchange.response, visit, again.error());
  } else {
    finish(exchange, visit, reply);
  }
}

// Nothing is suspended between this and the first byte of the answer.
Result<void> Face::check_again(const Visit& visit, const Reply& reply) const {
  if (app_.directory.epoch() == visit.epoch || reply.changed) return {};
  return app::still_admitted(app_.directory, visit.caller, app_.clock.now());
}

void Face::finish(http::Exchange& exchange, const Visit& visit, const Reply& reply) {
  const Request& request = exchange.request;
  if (reply.unauthenticated) {
    return refuse(request, exchange.response, visit, app::unauthenticated());
  }
  if (reply.outcome == CallOutcome::denied) app::give_back(app_.directory, visit.caller);
  Response& response = exchange.response;
  response.status = reply.status;
  add_headers(request, response);
  for (const auto& [name, value] : visit.limits) response.header(name, value);
  if (reply.begins_session) response.header("Mcp-Session-Id", new_session(visit));
  record(visit, request.request_id, reply.outcome, reply.reason);
  if (reply.body.empty()) return;
  if (visit.form == AnswerForm::json || reply.status != 200) {
    response.content_type("application/json");
    response.body = reply.body;
    return;
  }
  response.content_type("text/event-stream");
  response.header("X-Accel-Buffering", "no");
  mcp::append_event(response.body, reply.body);
}

void Face::refuse(const Request& request, Response& response, const Visit& visit,
                  const Error& error) {
  response.clear();
  http::write_problem(response, error, request.request_id);
  add_headers(request, response);
  for (const auto& [name, value] : visit.limits) response.header(name, value);
  if (error.code() == Code::unauthenticated) {
    response.header("WWW-Authenticate", admission::challenge(error, visit.carried_credential));
  }
  if (visit.message || visit.caller.type == app::CallerType::anonymous) {
    return record(visit, request.request_id, CallOutcome::denied, error.reason());
  }
  // Which call was refused is worth knowing; whether it was well formed is not.
  Visit told;
  told.began = visit.began;
  told.caller = visit.caller;
  if (auto message = Message::read(request.body)) told.message = std::move(*message);
  record(told, request.request_id, CallOutcome::denied, error.reason());
}

void Face::record(const Visit& visit, std::string_view request_id, CallOutcome outcome,
                  std::string_view reason) {
  const std::chrono::nanoseconds duration = app_.clock.boot_time() - visit.began;
  const bool is_request = visit.message && visit.message->is_request();
  const std::string_view method = is_request      ? visit.message->method()
                                  : visit.message ? std::string_view("notification")
                                                  : std::string_view("other");
  const std::string_view name =
      is_request && method == "tools/call" ? visit.message->name() : std::string_view();
  counters_.count(method, name.empty() ? nullptr : tools_.find(name), outcome, duration);
  if (!is_request && outcome != CallOutcome::denied) return;
  if (!visit.caller.is_key()) return;  // no organization that this concerns
  app::AuditedCall call{.action = "mcp.call",
                        .object = {"mcp_server", "", "keywright"},
                        .method = is_request ? method : std::string_view(),
                        .tool = name,
                        .outcome = kOutcomeNames[static_cast<std::size_t>(outcome)],
                        .reason = reason,
                        .request_id = request_id,
                        .duration = duration};
  audit_.record(app::call_event(visit.caller, std::move(call)));
}

}  // namespace keywright::api_mcp
