#include "api/graphql/face.h"

#include <utility>

#include "api/admission/admitting.h"
#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "api/graphql/answer.h"
#include "api/graphql/objects.h"
#include "api/graphql/visit.h"
#include "app/give_back.h"
#include "app/slow_hashes.h"
#include "base/media_type.h"
#include "graphql/execute.h"
#include "http/query.h"

namespace keywright::graphql_face {
namespace {

tl::unexpected<Error> bad_request(std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_request", detail);
}

// The text of a request's member; "" if it is absent or null.
Result<std::string_view> text_member(const json::Value& root, std::string_view name) {
  const auto member = root.find(name);
  if (!member || member->is_null()) return std::string_view();
  const auto text = member->as_string();
  if (text) return *text;
  return fail(invalid_field(name, "must be a string"));
}

Result<std::optional<json::Value>> object_member(const json::Value& root, std::string_view name) {
  const auto member = root.find(name);
  if (!member || member->is_null()) return std::nullopt;
  if (member->kind() == json::ValueKind::object) return *member;
  return fail(invalid_field(name, "must be an object"));
}

Result<graphql::RequestText> read_request(const json::Value& root) {
  if (root.kind() == json::ValueKind::array) {
    return bad_request("Send one operation in each request: batches are not taken.");
  }
  if (root.kind() != json::ValueKind::object) {
    return bad_request("The body must be a JSON object with \"query\".");
  }
  graphql::RequestText request;
  const auto query = root.find("query");
  if (!query || query->is_null()) {
    return bad_request("The body has no \"query\": send {\"query\": \"{ viewer { id } }\"}.");
  }
  KW_TRY(request.text, text_member(root, "query"));
  KW_TRY(request.operation_name, text_member(root, "operationName"));
  KW_TRY(request.variables, object_member(root, "variables"));
  KW_CHECK_OK(object_member(root, "extensions"));
  return request;
}

// Names the kinds that may come.
Error naming_the_right_kind(const Error& error, const domain::Kinds& kinds) {
  if (error.reason() != "wrong_key_kind") return error;
  return Error(error.code(), error.reason(),
               error.detail() + " The GraphQL API takes keys of kind " +
                   domain::kinds_admitting(kinds, domain::Audience::graphql) + ".");
}

void refuse_method(const http::Request& request, http::Response& response) {
  write_refusal(response, media_wanted(request), 405, "INVALID",
                "GraphQL is asked by POST here, so that nothing of it ends up in an address.");
  response.header("Allow", "POST");
}

}  // namespace

// All that is known of one request.
struct Face::Work {
  Media media = Media::json;
  std::optional<app::Presented> presented;
  bool carried_credential = false;
  std::optional<Visit> visit;
  std::vector<std::pair<std::string, std::string>> headers;  // of rate limits
  std::optional<json::Document> document;
  graphql::RequestText request;
  graphql::Arena arena;
  graphql::Prepared prepared;
  std::optional<graphql::Execution> execution;
};

Face::Face(app::App& app, FaceOptions options)
    : app_(app), options_(std::move(options)), schema_(make_schema()) {}

Face::~Face() = default;

Result<void> Face::admit(const http::Request& request, Work& work) const {
  if (!request.query.empty()) {
    KW_TRY(const http::Query query, http::Query::parse(request.query));
    KW_CHECK_OK(admission::refuse_credential_in_query(query));
  }
  const bool secure = admission::is_secure(request, app_.settings);
  auto credential = admission::find_credential(request, admission::session_cookie_name(secure));
  work.carried_credential = !credential || credential->has_value();
  if (!credential) return fail(std::move(credential).error());
  work.presented = *credential;
  if (!work.presented) {
    return fail(Code::unauthenticated, "credential_missing",
                "This needs a credential. Send Authorization: Bearer <key>, or sign in.");
  }
  const Time now = app_.clock.now();
  const IpAddress address = admission::client_address(request, options_.trusted_proxies);
  auto caller =
      app::admit(app_.directory, *work.presented, domain::Audience::graphql, address, now);
  work.headers = admission::rate_limits(app_.directory, caller, *work.presented, now);
  if (!caller) return fail(naming_the_right_kind(caller.error(), app_.directory.kinds()));
  KW_CHECK_OK(admission::check_csrf(request, *work.presented, app_.directory, *caller));
  work.visit.emplace(app_, *caller, now, request.request_id, admission::user_agent(request),
                     secure);
  const auto type = request.headers.find_only("Content-Type");
  if (type && is_json_type(*type)) return {};
  return fail(Code::unsupported_media_type, "unsupported_media_type",
              "The body must be JSON, and Content-Type must say so: application/json.");
}

void Face::refuse(http::Response& response, const Work& work, const Error& error) const {
  write_refusal(response, work.media, error, work.carried_credential);
  for (const auto& [name, value] : work.headers) response.header(name, value);
}

// False: it is answered already.
bool Face::begin(http::Exchange& exchange, Work& work) const {
  auto document = json::Document::parse(exchange.request.body);
  if (!document) {
    refuse(exchange.response, work, document.error());
    return false;
  }
  work.document.emplace(std::move(*document));
  auto request = read_request(work.document->root());
  if (!request) {
    refuse(exchange.response, work, request.error());
    return false;
  }
  work.request = *request;
  work.prepared = prepare(*schema_, work.request, options_.limits, work.arena);
  if (!work.prepared.faults.empty()) {
    http::Response& response = exchange.response;
    response.status = work.media == Media::graphql_response ? 400 : 200;
    graphql::write_refusal(response.body, work.prepared.faults, work.request.text);
    graphql_face::finish(response, work.media);
    for (const auto& [name, value] : work.headers) response.header(name, value);
    return false;
  }
  work.execution.emplace(*schema_, work.prepared, work.request.text, work.arena, &*work.visit);
  return true;
}

void Face::finish(http::Exchange& exchange, Work& work) const {
  work.execution->write(exchange.response.body);
  graphql_face::finish(exchange.response, work.media);
  for (const auto& [name, value] : work.headers) exchange.response.header(name, value);
}

std::optional<Task<void>> Face::handle(http::Exchange& exchange) {
  const http::Request& request = exchange.request;
  if (request.method != http::Method::post) {
    refuse_method(request, exchange.response);
    return std::nullopt;
  }
  auto work = std::make_unique<Work>();
  work->media = media_wanted(request);
  if (auto admitted = admit(request, *work); !admitted) {
    if (admission::could_be_slow(app_, admitted, work->presented)) {
      return run(exchange, std::move(work), false);
    }
    refuse(exchange.response, *work, admitted.error());
    return std::nullopt;
  }
  if (!begin(exchange, *work)) return std::nullopt;
  if (!work->execution->advance()) return run(exchange, std::move(work), true);
  finish(exchange, *work);
  return std::nullopt;
}

// Whoever would not be admitted learns that, and not how much fits.
void Face::body_too_large(const http::Request& request, http::Response& response) {
  if (request.method != http::Method::post) return refuse_method(request, response);
  Work work;
  work.media = media_wanted(request);
  if (auto admitted = admit(request, work); !admitted) {
    return refuse(response, work, admitted.error());
  }
  app::give_back(app_.directory, work.visit->caller());
  write_refusal(response, work.media, 413, "INVALID", "The request body is larger than 1 MiB.");
}

// What could not be answered at once: an imported key that is used for the first time, or an
// operation that waits for the store.
Task<void> Face::run(http::Exchange& exchange, std::unique_ptr<Work> work, bool admitted) const {
  if (!admitted) {
    std::string token(work->presented->token);
    const IpAddress from = admission::client_address(exchange.request, options_.trusted_proxies);
    auto known = co_await app_.slow_hashes.try_token(app_, std::move(token), from);
    Result<void> done = known ? admit(exchange.request, *work) : fail(known.error());
    if (!done) co_return refuse(exchange.response, *work, done.error());
    if (!begin(exchange, *work)) co_return;
    if (work->execution->advance()) co_return finish(exchange, *work);
  }
  do {
    co_await work->execution->wait();
  } while (!work->execution->advance());
  // Nothing is suspended between this and the first byte of the answer.
  const app::Caller& caller = work->visit->caller();
  if (app_.directory.epoch() != caller.epoch) {
    auto still = app::still_admitted(app_.directory, caller, app_.clock.now());
    if (!still) co_return refuse(exchange.response, *work, still.error());
  }
  finish(exchange, *work);
}

}  // namespace keywright::graphql_face
