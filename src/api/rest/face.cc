#include "api/rest/face.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "api/admission/admitting.h"
#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "api/rest/admission.h"
#include "api/rest/answer.h"
#include "api/rest/openapi.h"
#include "app/give_back.h"
#include "app/slow_hashes.h"
#include "base/encoding.h"
#include "base/media_type.h"
#include "base/text.h"
#include "http/problem.h"
#include "http/query.h"

namespace keywright::rest {
namespace {

using app::Operation;
using http::Method;
using http::Request;
using json::Place;

constexpr std::size_t kIdempotencyKeyMax = 255;

bool is_read(Method method) { return method == Method::get || method == Method::head; }

Result<void> check_body_type(const Request& request) {
  if (request.body.empty() || is_read(request.method)) return {};
  if (const auto coding = request.headers.find("Content-Encoding");
      coding && !equals_ignoring_case(*coding, "identity")) {
    return fail(Code::unsupported_media_type, "unsupported_media_type",
                "The body must not be compressed: leave Content-Encoding out.");
  }
  const auto type = request.headers.find_only("Content-Type");
  if (type && is_json_type(*type)) return {};
  return fail(Code::unsupported_media_type, "unsupported_media_type",
              "The body must be JSON, and Content-Type must say so: application/json.");
}

Result<std::string> idempotency_key_of(const Request& request) {
  const std::size_t count = request.headers.count("Idempotency-Key");
  if (count == 0) return std::string();
  const std::string_view key = *request.headers.find("Idempotency-Key");
  const bool visible =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (count > 1 || key.empty() || key.size() > kIdempotencyKeyMax || !visible) {
    return fail(
        invalid_field("Idempotency-Key", "must be 1 to 255 visible ASCII characters, once"));
  }
  return std::string(key);
}

// An id in the path that is no id at all names nothing: the same 404 as for an unknown one.
Error as_not_found(Error error, const Operation& operation) {
  if (error.code() != Code::invalid_argument) return error;
  for (const FieldProblem& problem : error.problems()) {
    const json::Field* field = operation.input->find(problem.field);
    const bool sent_elsewhere =
        problem.message.starts_with("unknown") || problem.message == "is read-only";
    if (field != nullptr && field->place == Place::path && !sent_elsewhere) {
      return Error(Code::not_found, "not_found", "Nothing has this id.");
    }
  }
  return error;
}

bool takes_in_query(const Operation& operation, std::string_view name) {
  const json::Field* field = operation.input->find(name);
  return field != nullptr && field->place == Place::query;
}

// Every request may say in its query which organization it means.
Result<domain::OrganizationId> organization_from(std::string_view text) {
  auto id = domain::OrganizationId::parse(text);
  if (!id) return fail(invalid_field("organization_id", "must be a UUID"));
  return *id;
}

// A key in the address is refused wherever it is sent. Of operations prepare() sees to it.
bool refuses_query(http::Exchange& exchange) {
  const Request& request = exchange.request;
  if (request.query.empty()) return false;
  const auto query = http::Query::parse(request.query);
  const auto good = query ? admission::refuse_credential_in_query(*query) : Result<void>();
  if (good) return false;
  write_error(request, exchange.response, good.error(), {}, false);
  return true;
}

void write_plain(http::Response& response, std::string_view type, std::string body) {
  response.content_type(type);
  response.header("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
}

}  // namespace

// What is known of one request. Lives on the stack of handle(), or in the frame of run().
struct Face::Visit {
  http::RouteMatch match;
  http::Query query;
  std::vector<json::Parameter> parameters;
  std::optional<app::Presented> presented;
  bool carried_credential = false;
  std::string method_and_path;
  app::Call call;
  app::Arguments arguments;
  std::uint64_t epoch = 0;  // of the records when the caller was admitted
};

Face::Face(app::App& app, FaceOptions options)
    : app_(app),
      options_(std::move(options)),
      started_(app.clock.boot_time()),
      operations_(app::all_operations()) {
  add_operations();
  const auto add = [&](std::string_view route, System which) {
    router_.add(route, operations_.size() + static_cast<std::size_t>(which));
  };
  add("GET /openapi.json", System::openapi);
  add("GET /healthz", System::health);
  add("GET /health", System::health);
  add("GET /readyz", System::ready);
  add("GET /metrics", System::metrics);
  openapi_ = write_openapi(operations_, app_.directory.kinds(), app_.settings.version);
  openapi_etag_ = fmt::format("\"{:08x}{:x}\"", crc32(openapi_), openapi_.size());
}

Face::~Face() = default;

void Face::add_operations() {
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const Operation& operation = operations_[i];
    router_.add(fmt::format("{} {}{}", operation.method, kPathPrefix, operation.path), i);
    if (operation.name == "me.get") router_.add("GET /api/me", i);
    std::vector<std::string_view>& fields = path_fields_.emplace_back();
    for (const json::Field& field : operation.input->fields) {
      if (field.place == Place::path) fields.push_back(field.name);
    }
  }
}

std::optional<Task<void>> Face::handle(http::Exchange& exchange) {
  const Request& request = exchange.request;
  Visit visit;
  const http::RouteOutcome outcome = router_.match(request.method, request.path, visit.match);
  const bool asks_an_operation =
      outcome == http::RouteOutcome::found && visit.match.route < operations_.size();
  if (!asks_an_operation && refuses_query(exchange)) return std::nullopt;
  switch (outcome) {
    case http::RouteOutcome::found: break;
    case http::RouteOutcome::unknown_path:
      http::write_problem(exchange.response, 404, "unknown_path", "Nothing is at this address.",
                          request.request_id);
      return std::nullopt;
    case http::RouteOutcome::wrong_method:
      http::write_problem(exchange.response, 405, "method_not_allowed",
                          "This address does not know the method; Allow lists those it knows.",
                          request.request_id);
      exchange.response.header("Allow", visit.match.allow());
      return std::nullopt;
    case http::RouteOutcome::bad_path:
      http::write_problem(exchange.response, 400, "invalid_path", "The path is not well formed.",
                          request.request_id);
      return std::nullopt;
  }
  const std::size_t route = visit.match.route;
  if (route >= operations_.size()) {
    answer_system(exchange, static_cast<System>(route - operations_.size()));
    return std::nullopt;
  }
  if (operations_[route].look == nullptr) return run(exchange, route, std::nullopt);
  Result<void> done = prepare(request, operations_[route], path_fields_[route], visit);
  if (done) {
    done = admit(request, visit);
    if (admission::could_be_slow(app_, done, visit.presented))
      return run(exchange, route, std::nullopt);
  }
  if (done) {
    done = look(exchange, visit);
    if (!done && done.error().reason() == app::kTryRun) {
      exchange.response.clear();
      return run(exchange, route, Admitted{visit.call.caller, visit.epoch});
    }
  }
  finish(exchange, visit, std::move(done));
  return std::nullopt;
}

Result<void> Face::prepare(const Request& request, const Operation& operation,
                           const std::vector<std::string_view>& path_fields, Visit& visit) const {
  app::Call& call = visit.call;
  call.operation = &operation;
  call.now = app_.clock.now();
  call.request_id = request.request_id;
  call.secure = admission::is_secure(request, app_.settings);
  if (!request.query.empty()) {
    KW_TRY(visit.query, http::Query::parse(request.query));
    KW_CHECK_OK(admission::refuse_credential_in_query(visit.query));
  }
  auto credential =
      admission::find_credential(request, admission::session_cookie_name(call.secure));
  visit.carried_credential = !credential || credential->has_value();
  if (credential) {
    visit.presented = *credential;
  } else if (operation.admits != app::Admits::anyone ||
             credential.error().code() != Code::unauthenticated) {
    return fail(std::move(credential).error());
  }
  if (const auto if_match = request.headers.find("If-Match")) call.if_match = *if_match;
  call.user_agent = admission::user_agent(request);
  for (std::string_view name : path_fields) {
    visit.parameters.push_back({name, visit.match.parameter(name), Place::path});
  }
  for (const auto& [name, value] : visit.query) {
    if (name == "organization_id" && !takes_in_query(operation, name)) {
      KW_TRY(call.organization_id, organization_from(value));
      continue;
    }
    visit.parameters.push_back({name, value, Place::query});
  }
  visit.arguments.parameters = visit.parameters;
  if (!is_read(request.method)) visit.arguments.body = request.body;
  return {};
}

Result<void> Face::admit(const Request& request, Visit& visit) const {
  visit.epoch = app_.directory.epoch();
  const IpAddress address = admission::client_address(request, options_.trusted_proxies);
  auto caller =
      admit_to(*visit.call.operation, visit.presented, app_.directory, address, visit.call.now);
  if (visit.presented) {
    visit.call.reply.headers =
        admission::rate_limits(app_.directory, caller, *visit.presented, visit.call.now);
  }
  if (!caller) return fail(std::move(caller).error());
  visit.call.caller = *caller;
  if (visit.presented) {
    KW_CHECK_OK(
        admission::check_csrf(request, *visit.presented, app_.directory, visit.call.caller));
  }
  KW_CHECK_OK(check_body_type(request));
  if (request.method == Method::post && visit.call.operation->is_change) {
    KW_TRY(visit.call.idempotency_key, idempotency_key_of(request));
    if (!visit.call.idempotency_key.empty()) {  // all that tells requests with one key apart
      visit.method_and_path = fmt::format("{} {}", request.method_text, request.path);
      if (const auto& chosen = visit.call.organization_id) {
        visit.method_and_path += "\norganization_id=" + chosen->to_string();
      }
    }
    visit.arguments.method_and_path = visit.method_and_path;
  }
  return {};
}

Result<void> Face::look(http::Exchange& exchange, Visit& visit) const {
  return visit.call.operation->look(app_, visit.call, visit.arguments, exchange.response.body);
}

Task<Result<void>> Face::retry_slow_hash(const Request& request, Visit& visit) {
  const IpAddress address = admission::client_address(request, options_.trusted_proxies);
  auto upgraded =
      co_await app_.slow_hashes.try_token(app_, std::string(visit.presented->token), address);
  if (!upgraded) co_return fail(std::move(upgraded).error());
  co_return admit(request, visit);
}

Task<Result<void>> Face::work(http::Exchange& exchange, Visit& visit) {
  const Operation& operation = *visit.call.operation;
  if (operation.run == nullptr) co_return look(exchange, visit);
  auto body = co_await operation.run(app_, visit.call, visit.arguments);
  if (!body) co_return fail(std::move(body).error());
  exchange.response.body = std::move(*body);
  co_return Result<void>();
}

Task<void> Face::run(http::Exchange& exchange, std::size_t route,
                     std::optional<Admitted> admitted) {
  const Request& request = exchange.request;
  Visit visit;
  router_.match(request.method, request.path, visit.match);
  Result<void> done = prepare(request, operations_[route], path_fields_[route], visit);
  if (done && admitted) {
    visit.call.caller = admitted->caller;
    visit.epoch = admitted->epoch;
  } else if (done) {
    done = admit(request, visit);
    if (admission::could_be_slow(app_, done, visit.presented))
      done = co_await retry_slow_hash(request, visit);
  }
  if (done) {
    done = co_await work(exchange, visit);
    check_again(visit, done);
  }
  finish(exchange, visit, std::move(done));
}

// Nothing is suspended between this and the first byte of the answer.
void Face::check_again(Visit& visit, Result<void>& done) const {
  if (app_.directory.epoch() == visit.epoch) return;
  const bool happened = done && visit.call.operation->is_change;
  if (happened && !visit.call.operation->no_store) return;
  auto again = app::still_admitted(app_.directory, visit.call.caller, app_.clock.now());
  if (!again) done = fail(std::move(again).error());
}

void Face::finish(http::Exchange& exchange, Visit& visit, Result<void> done) const {
  if (!done && done.error().code() == Code::permission_denied) {
    app::give_back(app_.directory, visit.call.caller);
  }
  if (done) return write_answer(exchange.request, exchange.response, visit.call);
  const Error error = as_not_found(std::move(done).error(), *visit.call.operation);
  denied_.note(visit.call, error);
  write_error(exchange.request, exchange.response, error, visit.call.reply,
              visit.carried_credential);
}

void Face::answer_system(http::Exchange& exchange, System which) const {
  http::Response& response = exchange.response;
  switch (which) {
    case System::openapi: {
      response.header("ETag", openapi_etag_);
      response.header("Cache-Control", "no-cache");
      const auto known = exchange.request.headers.find("If-None-Match");
      if (known && etag_matches(*known, openapi_etag_)) {
        response.status = 304;
        return;
      }
      return write_plain(response, "application/json", openapi_);
    }
    case System::health:
      response.header("Cache-Control", "no-store");
      return write_plain(response, "application/json", "{\"status\":\"ok\"}");
    case System::ready: {
      const bool ready = !options_.is_ready || options_.is_ready();
      response.status = ready ? 200 : 503;
      response.header("Cache-Control", "no-store");
      return write_plain(response, "application/json",
                         ready ? "{\"status\":\"ready\"}" : "{\"status\":\"not_ready\"}");
    }
    case System::metrics:
      write_metrics(response.body);
      response.content_type(kMetricsContentType);
      response.header("Cache-Control", "no-store");
      return;
  }
}

void Face::write_metrics(std::string& out) const {
  MetricsText text(out);
  text.gauge("keywright_build_info", "The running version.")
      .sample({{"version", app_.settings.version}}, 1);
  const std::chrono::duration<double> uptime = app_.clock.boot_time() - started_;
  text.gauge("keywright_uptime_seconds", "Since the start of the process.", uptime.count());
  text.gauge("keywright_keys", "Keys in memory, revoked ones included.",
             app_.directory.keys().size());
  text.gauge("keywright_records_epoch", "Moves with every change applied to the records in memory.",
             app_.directory.epoch());
  text.gauge("keywright_store_position", "Position of the change log.", app_.store.position());
  for (const MetricsSource& source : options_.metrics) source(text);
}

}  // namespace keywright::rest
