#include "mcp_connect/connect.h"

#include <iterator>
#include <span>
#include <utility>

#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "app/call_audit.h"
#include "app/give_back.h"
#include "app/slow_hashes.h"
#include "base/media_type.h"
#include "base/text.h"
#include "gateway/header_rules.h"
#include "gateway/refusal.h"
#include "http/problem.h"
#include "http/query.h"
#include "mcp/answer.h"
#include "mcp/cross_origin.h"
#include "mcp/sealed_text.h"
#include "mcp/tool_rules.h"
#include "mcp_connect/answer_hooks.h"
#include "mcp_connect/scope_challenge.h"

namespace keywright::mcp_connect {

namespace {

using gateway::Passage;
using http::Method;
using http::Request;
using mcp::Message;

constexpr std::string_view kAllow = "GET, POST, DELETE, OPTIONS";
constexpr std::size_t kHeadBytes = 640;  // of most requests as they are sent on
// A tool may work for minutes before it answers with JSON; clients have shorter limits of their
// own.
constexpr std::chrono::minutes kLongestCall{10};
// Not the upstream's business, or, compressed, not ours to read; the last two say something in the
// modern era only, where they were compared with the message.
constexpr std::string_view kWithheld[] = {
    "origin", "referer", "cookie", "accept-encoding", "mcp-session-id", "mcp-method", "mcp-name"};
constexpr std::size_t kWithheldInModern = 5;
constexpr gateway::Door kDoor{domain::Audience::mcp_connect, domain::ResourceType::mcp_server,
                              "mcp_server", "MCP servers are", true};

// Where a client whose key was refused looks for OAuth next. What it hears there is often all that
// its person gets to read.
bool asks_for_sign_in(std::string_view path) {
  return path == "/register" || path.starts_with("/.well-known/oauth-") ||
         path.starts_with("/.well-known/openid-configuration");
}

void answer_no_sign_in(const Request& request, http::Response& response) {
  response.clear();
  const auto query = http::Query::parse(request.query);
  const auto good = query ? admission::refuse_credential_in_query(*query) : Result<void>();
  if (!good) return http::write_problem(response, good.error(), request.request_id);
  http::write_problem(response, 404, "unknown_path",
                      "There is no OAuth here, and no registration of clients: Keywright takes "
                      "keys. The key that was sent is missing, has ended or is not the right one "
                      "(401). Check the Authorization header.",
                      request.request_id);
}

// Whose key came with a request that is refused for how it came, for the audit log alone.
app::Caller presenter_of(const app::Directory& directory, const Request& request,
                         const IpAddress& address) {
  for (const http::Field& field : request.headers) {
    const bool has_scheme = equals_ignoring_case(field.name, "Authorization");
    if (!has_scheme && !equals_ignoring_case(field.name, "X-API-Key")) continue;
    const std::size_t begin = has_scheme ? field.value.find(' ') + 1 : 0;
    app::Caller caller = app::refused_caller(directory, trim(field.value.substr(begin)), address);
    if (caller.is_key()) return caller;
  }
  const auto query = http::Query::parse(request.query);
  if (!query) return {};
  for (const auto& [name, value] : *query) {
    app::Caller caller = app::refused_caller(directory, value, address);
    if (caller.is_key()) return caller;
  }
  return {};
}

// Such a one would run without an answer, and without being told to anybody.
bool is_call_without_id(const Message& message) {
  return message.type() == mcp::MessageType::notification &&
         !message.method().starts_with("notifications/");
}

}  // namespace

bool serves(std::string_view path) { return path.starts_with(kPrefix) || asks_for_sign_in(path); }

// What is known of one request. Views are of the request.
struct Connect::Visit {
  Time now;
  IpAddress address;
  std::string_view origin;
  std::string_view server;
  std::string_view token;
  const domain::KeyRecord* key = nullptr;  // these two: until the next suspension
  const gateway::PreparedUpstream* upstream = nullptr;
  mcp::RequestHeaders headers;
  std::optional<Message> message;
  NamedSession session;  // of texts that are "" = none
  std::optional<mcp::ToolRules> rules;
  Call call;
};

Connect::Connect(app::App& app, gateway::Proxy& proxy, ConnectOptions options)
    : app_(app),
      proxy_(proxy),
      options_(std::move(options)),
      prepared_(app.settings.allowed_upstreams),
      recorder_(app.committer, app.clock) {}

bool Connect::preflight(const Request& request, http::Response& response) {
  const mcp::Visitor visitor = mcp::visitor_of(request, app_.settings.public_url);
  // Without an Origin no web page asks, and a proxy on this machine may well name us otherwise.
  const bool is_page = visitor.origin.has_value();
  if (is_page && !(mcp::host_is_ours(visitor) && mcp::origin_is_allowed(visitor))) {
    http::write_problem(response, 403, "origin_not_allowed",
                        "This host name or this web page may not use MCP servers here. Serve with "
                        "--public-url to name the address it is reached at.",
                        request.request_id);
    response.header("Vary", "Origin");
    if (request.method != Method::options) {
      Visit visit = begin(request);
      visit.call.caller = presenter_of(app_.directory, request, visit.address);
      record_refused(request, visit, "origin_not_allowed");
    }
    return true;
  }
  if (request.method != Method::options) return false;
  mcp::answer_preflight(request, response, kAllow);
  return true;
}

std::optional<Task<void>> Connect::handle(http::Exchange& exchange) {
  if (asks_for_sign_in(exchange.request.path)) {
    answer_no_sign_in(exchange.request, exchange.response);
    return std::nullopt;
  }
  if (preflight(exchange.request, exchange.response)) return std::nullopt;
  return visit(exchange, Slow::try_it);
}

// Whoever would not be let through learns that, and not how much fits.
void Connect::body_too_large(const Request& request, http::Response& response) {
  if (asks_for_sign_in(request.path)) return answer_no_sign_in(request, response);
  response.clear();
  if (preflight(request, response)) return;
  Visit visit = begin(request);
  const Passage passage = ask(request, visit);
  if (passage.refusal) return refuse(request, response, visit, passage);
  deny(request, response, visit, {413, "body_too_large", "A message may have up to 1 MiB."});
}

Passage Connect::ask(const Request& request, Visit& visit) {
  const bool secure = admission::is_secure(request, app_.settings);
  Passage passage =
      gateway::ask_passage(app_.directory, request, admission::session_cookie_name(secure), kDoor,
                           visit.server, visit.address, visit.now);
  if (passage.key == nullptr) {
    const bool came_badly = passage.refusal && passage.refusal->code() == Code::invalid_argument;
    if (came_badly) {
      visit.call.caller = presenter_of(app_.directory, request, visit.address);
    }
    return passage;
  }
  visit.call.caller = gateway::caller_of(app_.directory, passage, kDoor, visit.address);
  if (passage.refusal) return passage;
  const auto& server = *static_cast<const domain::McpServer*>(passage.record);
  visit.call.server_id = server.id.to_string();
  visit.call.server_name = server.slug;
  visit.rules.emplace(passage.key->policy->permissions);
  visit.key = passage.key;
  visit.token = passage.token;
  const auto upstream = prepared_.prepare(
      app_.directory, {server.id.value, "mcp_server", server.url, server.sealed_headers});
  if (upstream) visit.upstream = *upstream;
  return passage;
}

Connect::Visit Connect::begin(const Request& request) const {
  Visit visit;
  visit.now = app_.clock.now();
  visit.call.began = app_.clock.boot_time();
  visit.call.request_id = request.request_id;
  visit.address = admission::client_address(request, options_.trusted_proxies);
  visit.origin = request.headers.find("Origin").value_or("");
  visit.headers = mcp::request_headers(request.headers);
  const auto server = server_of(request.path);
  visit.server = server.value_or("");
  visit.call.server_name = visit.server.substr(0, kServerNameMax);
  if (request.method != Method::post) visit.call.http_method = http::to_string(request.method);
  return visit;
}

std::optional<Task<void>> Connect::visit(http::Exchange& exchange, Slow slow) {
  const Request& request = exchange.request;
  Visit visit = begin(request);
  const Passage passage = ask(request, visit);
  if (passage.refusal && slow == Slow::try_it && passage.key == nullptr &&
      app_.slow_hashes.could_be(app_.directory, passage.token)) {
    return try_slow_hash(exchange, std::string(passage.token));
  }
  if (passage.refusal) {
    refuse(request, exchange.response, visit, passage);
    return std::nullopt;
  }
  if (!read(exchange, visit) || !open_session(exchange, visit) || !check_tool(exchange, visit)) {
    return std::nullopt;
  }
  return send_on(exchange, visit);
}

Task<void> Connect::try_slow_hash(http::Exchange& exchange, std::string token) {
  const IpAddress address = admission::client_address(exchange.request, options_.trusted_proxies);
  const auto tried = co_await app_.slow_hashes.try_token(app_, std::move(token), address);
  if (!tried) {
    gateway::write_refusal(exchange, tried.error(), gateway::Presence::presented);
    co_return;
  }
  auto task = visit(exchange, Slow::tried);
  if (task) co_await std::move(*task);
}

// Which call was refused is worth knowing; whether it was well formed is not.
void Connect::refuse(const Request& request, http::Response& response, const Visit& visit,
                     const Passage& passage) {
  gateway::write_refusal(request, response, *passage.refusal, passage.presence);
  gateway::add_limit_headers(app_.directory, passage, visit.now, response);
  if (passage.refusal->reason() == "insufficient_scope") {
    response.header("WWW-Authenticate", scope_challenge(visit.server));
  }
  mcp::add_cross_origin_fields(response, visit.origin);
  record_refused(request, visit, passage.refusal->reason());
}

void Connect::record_refused(const Request& request, const Visit& visit, std::string_view reason) {
  if (!visit.call.caller.is_key()) return;
  Call call = visit.call;
  if (const auto message = Message::read(request.body)) {
    call.method = message->method();
    if (call.method == "tools/call") call.tool = message->name();
  }
  recorder_.record(std::move(call), CallOutcome::denied, reason);
}

void Connect::deny(const Request& request, http::Response& response, const Visit& visit,
                   const Denial& denial) {
  response.clear();
  http::write_problem(response, denial.status, denial.code, denial.detail, request.request_id);
  conclude(response, visit, denial.code);
}

// What nobody was asked to do costs the key nothing.
void Connect::conclude(http::Response& response, const Visit& visit, std::string_view reason) {
  response.header("Cache-Control", "no-store");
  app::give_back(app_.directory, visit.call.caller);
  if (visit.call.caller.limited) {
    for (const auto& [name, value] :
         app::rate_limit_headers(app_.directory, visit.key, visit.now)) {
      response.header(name, value);
    }
  }
  mcp::add_cross_origin_fields(response, visit.origin);
  recorder_.record(visit.call, CallOutcome::denied, reason);
}

void Connect::answer_rpc(http::Exchange& exchange, const Visit& visit, const mcp::RpcError& error,
                         std::string_view reason) {
  http::Response& response = exchange.response;
  response.clear();
  response.status = error.status;
  const auto form = mcp::answer_form(visit.headers.accept);
  if (error.status == 200 && form == mcp::AnswerForm::event_stream) {
    response.content_type("text/event-stream");
    mcp::append_event(response.body, mcp::error_answer(error));
  } else {
    response.content_type("application/json");
    response.body = mcp::error_answer(error);
  }
  conclude(response, visit, reason);
}

bool Connect::read(http::Exchange& exchange, Visit& visit) {
  const Request& request = exchange.request;
  http::Response& response = exchange.response;
  if (request.method == Method::get || request.method == Method::delete_) return true;
  if (request.method != Method::post) {
    deny(request, response, visit,
         {405, "method_not_allowed",
          "Send messages with POST, read the stream with GET, end the session with DELETE."});
    response.header("Allow", kAllow);
    return false;
  }
  if (!visit.headers.content_type || !is_json_type(*visit.headers.content_type)) {
    deny(request, response, visit,
         {415, "unsupported_media_type",
          "The body must be JSON, and Content-Type must say so: application/json."});
    return false;
  }
  const auto& encoding = visit.headers.content_encoding;
  if (encoding && !equals_ignoring_case(trim(*encoding), "identity")) {
    deny(request, response, visit,
         {415, "unsupported_media_type", "The body must come without a Content-Encoding."});
    response.header("Accept-Encoding", "identity");
    return false;
  }
  auto message = Message::read(request.body);
  if (!message) {
    answer_rpc(exchange, visit, message.error(), "invalid_request");
    return false;
  }
  visit.message = std::move(*message);
  Call& call = visit.call;
  call.is_request = visit.message->is_request();
  call.method = visit.message->method();
  call.id = visit.message->id();
  if (call.method == "tools/call") call.tool = visit.message->name();
  if (is_call_without_id(*visit.message)) {
    const std::string_view why = "Only methods that begin with notifications/ go without an id.";
    answer_rpc(exchange, visit, {400, mcp::kInvalidRequest, std::string(why)}, "invalid_request");
    return false;
  }
  const auto era = mcp::agree(visit.headers, *visit.message);
  if (!era) {
    const bool disagrees = era.error().code == mcp::kHeaderMismatch;
    answer_rpc(exchange, visit, era.error(), disagrees ? "header_mismatch" : "invalid_request");
    return false;
  }
  call.era = *era;
  return true;
}

// The modern era knows no sessions: there the field means nothing and goes nowhere.
bool Connect::open_session(http::Exchange& exchange, Visit& visit) {
  if (visit.call.era == mcp::Era::modern || !visit.headers.session_id) return true;
  if (visit.upstream == nullptr) return true;  // nobody will be asked
  const std::string key = visit.call.caller.key.to_string();
  const std::string owner = visit.call.caller.user.to_string();
  const std::string place = session_place(*visit.upstream->target, visit.upstream->path);
  const mcp::SessionBinding binding{place, owner, key};
  const bool once = exchange.request.headers.count("Mcp-Session-Id") == 1;
  auto opened =
      mcp::open_session(app_.directory.keyring().sealer(), *visit.headers.session_id, binding);
  if (once && opened) {
    visit.session = {std::string(*visit.headers.session_id), std::move(*opened)};
    return true;
  }
  deny(exchange.request, exchange.response, visit,
       {404, "session_not_found",
        "There is no such session for this key and server. Begin a new one with initialize."});
  return false;
}

bool Connect::check_tool(http::Exchange& exchange, Visit& visit) {
  if (visit.call.method != "tools/call" || visit.rules->allows(visit.call.tool)) return true;
  answer_rpc(exchange, visit, mcp::unknown_tool(visit.call.tool, visit.call.id),
             "insufficient_scope");
  return false;
}

std::optional<Task<void>> Connect::send_on(http::Exchange& exchange, Visit& visit) {
  const Request& request = exchange.request;
  // Takes what the visit knows: the last thing that is done with it.
  const auto take_hooks = [&] {
    const bool limited = visit.call.caller.limited;
    AnswerContext context{recorder_,
                          app_.directory,
                          app_.random,
                          std::move(visit.call),
                          std::move(*visit.rules),
                          std::string(visit.origin),
                          std::move(visit.session)};
    if (limited) {
      context.limits = app::rate_limit_headers(app_.directory, visit.key, visit.now);
    }
    if (visit.upstream != nullptr) {
      context.target = visit.upstream->target;
      context.path = visit.upstream->path;
    }
    return std::make_unique<AnswerHooks>(std::move(context));
  };
  if (visit.upstream == nullptr) {
    const auto hooks = take_hooks();
    hooks->answer_failure(exchange, 502, "upstream_not_allowed",
                          "The MCP server's address may not be used.");
    hooks->on_over(true);
    return std::nullopt;
  }
  const gateway::PreparedUpstream& upstream = *visit.upstream;
  std::vector<http::Field> added;
  for (const auto& [name, value] : upstream.headers) added.push_back({name, value.reveal()});
  if (!visit.session.upstream.empty()) {
    added.push_back({"Mcp-Session-Id", visit.session.upstream});
  }
  gateway::ProxyRequest sent;
  sent.target = upstream.target;
  sent.head.reserve(kHeadBytes + upstream.path.size() + request.query.size() + request.body.size());
  sent.head.append(request.method_text).append(" ").append(upstream.path);
  if (!request.query.empty()) sent.head.append("?").append(request.query);
  sent.head.append(" HTTP/1.1\r\nHost: ").append(upstream.target->authority).append("\r\n");
  const std::string peer = request.peer.to_string();
  const bool modern = visit.call.era == mcp::Era::modern;
  const gateway::ForwardContext forward{
      .forwarded_for = peer,
      .secure = request.secure,
      .withheld = std::span(kWithheld).first(modern ? kWithheldInModern : std::size(kWithheld)),
      .token = visit.token};
  if (auto good = gateway::append_request_fields(sent.head, request, added, forward); !good) {
    const Error& error = good.error();
    deny(request, exchange.response, visit, {400, error.reason(), error.detail()});
    return std::nullopt;
  }
  app_.directory.meter().used(*visit.key, visit.now, visit.address);
  // Only of messages: what came with a GET or a DELETE nobody here has read.
  sent.body = visit.message ? std::string(request.body) : std::string();
  sent.first_byte_timeout = kLongestCall;
  sent.late_is_unreachable = true;
  sent.standing.caller = visit.call.caller;
  sent.standing.resource_type = domain::ResourceType::mcp_server;
  sent.standing.resource_id = visit.call.server_id;
  if (!visit.call.tool.empty()) {
    sent.standing.permissions.push_back(mcp::permission_to_call(visit.call.tool));
  }
  sent.hooks = take_hooks();
  return proxy_.forward(exchange, std::move(sent));
}

}  // namespace keywright::mcp_connect
