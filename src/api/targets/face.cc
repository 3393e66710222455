#include "api/targets/face.h"

#include "api/admission/admitting.h"
#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "api/targets/body.h"
#include "api/targets/visit.h"
#include "app/give_back.h"
#include "app/perform.h"
#include "app/slow_hashes.h"
#include "app/targets_api.h"
#include "base/text.h"
#include "http/router.h"

namespace keywright::api_targets {
namespace {

using app::Operation;
using http::Method;
using http::Request;

bool is_read(Method method) { return method == Method::get || method == Method::head; }

Result<void> check_body_type(const Request& request) {
  if (request.body.empty() || is_read(request.method)) return {};
  const auto type = request.headers.find_only("Content-Type");
  const std::string_view essence = type ? trim(type->substr(0, type->find(';'))) : "";
  if (equals_ignoring_case(essence, "application/json")) return {};
  return fail(Code::unsupported_media_type, "unsupported_media_type", "The body must be JSON.");
}

Error redirect() { return Error(Code::not_found, "slash_missing", ""); }

// An id as the client meant it. What cannot be decoded names nothing, as it stands.
std::string decoded(std::string_view segment) {
  std::string text(segment.size(), '\0');
  std::size_t size = 0;
  if (!http::percent_decode(segment, text.data(), text.size(), size)) return std::string(segment);
  text.resize(size);
  return text;
}

Result<std::optional<domain::OrganizationId>> organization_in(const http::Query& query) {
  const std::string* named = query.find("organization_id");
  if (named == nullptr) return std::nullopt;
  const auto id = domain::OrganizationId::parse(*named);
  if (!id) return fail(invalid_field("organization_id", "Must be a valid UUID."));
  return *id;
}

}  // namespace

Task<void> Face::run(http::Exchange& exchange) {
  Visit visit(exchange.request);
  Result<void> done = begin(visit);
  if (done && !is_for_anyone(visit.place.resource)) {
    done = admit(visit);
    if (admission::could_be_slow(app_, done, visit.presented)) {
      std::string token(visit.presented->token);
      const IpAddress from = visit.call.caller.address;
      auto upgraded = co_await app_.slow_hashes.try_token(app_, std::move(token), from);
      done = upgraded ? admit(visit) : Result<void>(fail(std::move(upgraded).error()));
    }
  }
  if (done) {
    done = co_await serve(visit);
    check_again(visit, done);
  }
  finish(exchange.response, visit, std::move(done));
}

// Whoever would not be admitted learns that, and not how much fits.
void Face::body_too_large(const http::Request& request, http::Response& response) {
  Visit visit(request);
  Result<void> done = begin(visit);
  if (done && !is_for_anyone(visit.place.resource)) done = admit(visit);
  if (done) {
    app::give_back(app_.directory, visit.call.caller);
    done = fail(Code::too_large, "body_too_large", "The request body is larger than 1 MiB.");
  }
  finish(response, visit, std::move(done));
}

// All that can be said without knowing who asks.
Result<void> Face::begin(Visit& visit) const {
  const Request& request = visit.request;
  visit.place = place_of(request.path);
  if (visit.place.finding == Finding::unknown) {
    return fail(Code::not_found, "not_found", "Not found.");
  }
  if (!request.query.empty()) {
    KW_TRY(visit.query, http::Query::parse(request.query));
    KW_CHECK_OK(admission::refuse_credential_in_query(visit.query));
  }
  if (visit.place.finding == Finding::slash_missing) return fail(redirect());
  const bool known = visit.place.finding == Finding::known;
  if (known && !allows(visit.place.resource, request.method)) {
    return fail(Code::method_not_allowed, "method_not_allowed", "");
  }
  app::Call& call = visit.call;
  call.now = app_.clock.now();
  call.request_id = request.request_id;
  call.secure = admission::is_secure(request, app_.settings);
  call.caller.address = admission::client_address(request, options_.trusted_proxies);
  call.user_agent = admission::user_agent(request);
  KW_TRY(call.organization_id, organization_in(visit.query));
  auto found = admission::find_credential(request, admission::session_cookie_name(call.secure));
  const bool anyone = is_for_anyone(visit.place.resource);
  if (!found && (!anyone || found.error().code() != Code::unauthenticated)) {
    return fail(std::move(found).error());
  }
  if (found) visit.presented = *found;
  return anyone ? check_body_type(request) : Result<void>();
}

Result<void> Face::admit(Visit& visit) const {
  if (!visit.presented) return fail(Code::unauthenticated, "credential_missing", "");
  const app::Directory& directory = app_.directory;
  visit.epoch = directory.epoch();
  auto caller = app::admit(directory, *visit.presented, domain::Audience::targets_api,
                           visit.call.caller.address, visit.call.now);
  visit.headers = admission::rate_limits(directory, caller, *visit.presented, visit.call.now);
  if (!caller && caller.error().reason() == "wrong_key_kind") {
    return fail(
        Code::permission_denied, "wrong_key_kind",
        caller.error().detail() + " Admitted here: people who are signed in, and keys of kind " +
            domain::kinds_admitting(directory.kinds(), domain::Audience::targets_api) + ".");
  }
  if (!caller) return fail(std::move(caller).error());
  visit.call.caller = *caller;
  KW_CHECK_OK(admission::check_csrf(visit.request, *visit.presented, directory, visit.call.caller));
  if (visit.place.finding == Finding::empty_segment) {
    return fail(Code::not_found, "not_found", "Not found.");
  }
  return check_body_type(visit.request);
}

// Nothing is suspended between this and the first byte of the answer.
void Face::check_again(Visit& visit, Result<void>& done) const {
  if (visit.call.caller.type == app::CallerType::anonymous) return;
  if (app_.directory.epoch() == visit.epoch) return;
  const Operation* operation = visit.call.operation;
  const bool happened = done && operation != nullptr && operation->is_change;
  if (happened && !operation->no_store) return;
  auto again = app::still_admitted(app_.directory, visit.call.caller, app_.clock.now());
  if (!again) done = fail(std::move(again).error());
}

void Face::finish(http::Response& response, Visit& visit, Result<void> done) const {
  const Request& request = visit.request;
  if (done) {
    response.status = visit.status;
    response.body = std::move(visit.body);
    if (visit.status != 204) response.content_type("application/json");
    add_headers(response);
  } else if (done.error().reason() == redirect().reason()) {
    std::string location(request.path);
    location += '/';
    if (!request.query.empty()) location.append("?").append(request.query);
    response.status = 308;
    response.header("Location", location);
    add_headers(response);
  } else {
    denied_.note(visit.call, done.error());
    if (done.error().code() == Code::permission_denied) {
      app::give_back(app_.directory, visit.call.caller);
    }
    const auto type = request.headers.find("Content-Type");
    write_error(response, done.error(),
                {request.method_text, type.value_or(""), allowed_methods(visit.place.resource)});
  }
  for (const auto& [name, value] : visit.headers) response.header(name, value);
}

Task<Result<std::string>> Face::ask(Visit& visit, const Operation& operation, Input input) {
  app::Call& call = visit.call;
  KW_CO_CHECK_OK(app::may_call(operation, call.caller, app_.directory.kinds()));
  call.operation = &operation;
  call.reply = app::Reply();
  std::vector<json::Parameter> parameters;
  if (!input.id.empty()) parameters.push_back({"id", input.id, json::Place::path});
  for (const auto& [name, value] : input.query) {
    parameters.push_back({name, value, json::Place::query});
  }
  const app::Arguments arguments{parameters, input.body, {}};
  co_return co_await app::perform(app_, call, arguments);
}

Task<Result<std::string>> Face::ask(Visit& visit, std::string_view operation, Input input) {
  const Operation& described = *app::find_operation(operation);
  co_return co_await ask(visit, described, std::move(input));
}

Task<Result<void>> Face::serve(Visit& visit) {
  visit.target = decoded(visit.place.target);
  visit.key = decoded(visit.place.key);
  switch (visit.place.resource) {
    case Resource::account_keys: co_return co_await serve_account_keys(visit);
    case Resource::account_key: co_return co_await serve_account_key(visit);
    case Resource::targets: co_return co_await serve_targets(visit);
    case Resource::target: co_return co_await serve_target(visit);
    case Resource::target_keys: co_return co_await serve_target_keys(visit);
    case Resource::target_key: co_return co_await serve_target_key(visit);
    case Resource::obtain: co_return co_await obtain(visit);
    case Resource::verify:
    case Resource::refresh:
    case Resource::revoke: co_return co_await with_token(visit);
  }
  co_return Result<void>();
}

// The e-mail address is the user name. A refusal says nothing of which of the two was wrong.
Task<Result<void>> Face::obtain(Visit& visit) {
  KW_CO_TRY(Body body, Body::read(visit.request.body));
  const auto username = body.text("username", {.required = true, .may_be_blank = false});
  auto password =
      body.text("password", {.required = true, .may_be_blank = false, .trimmed = false});
  KW_CO_CHECK_OK(body.problems());
  Input input;
  json::Writer(input.body)
      .begin_object()
      .key("email")
      .string(*username)
      .key("password")
      .string(*password)
      .end_object();
  auto answer = co_await ask(visit, app::login_token_operations().sign_in, std::move(input));
  if (!answer && answer.error().code() == Code::unauthenticated) {
    co_return fail(invalid_field(kNoField, "Unable to log in with provided credentials."));
  }
  if (!answer) co_return fail(std::move(answer).error());
  KW_CO_TRY(const TokenRow row, json::decode<TokenRow>(*answer, {.form = json::Form::response}));
  write_token(visit.body, row.token.reveal());
  co_return Result<void>();
}

Task<Result<void>> Face::with_token(Visit& visit) {
  KW_CO_TRY(Body body, Body::read(visit.request.body));
  const auto token = body.text("token", {.required = true, .may_be_blank = false});
  KW_CO_CHECK_OK(body.problems());
  const app::LoginTokenOperations& operations = app::login_token_operations();
  const Resource resource = visit.place.resource;
  const Operation& operation = resource == Resource::verify    ? operations.verify
                               : resource == Resource::refresh ? operations.refresh
                                                               : operations.revoke;
  Input input;
  write_token(input.body, *token);
  KW_CO_TRY(const std::string answer, co_await ask(visit, operation, std::move(input)));
  if (resource != Resource::refresh) {
    write_token(visit.body, *token);
    co_return Result<void>();
  }
  KW_CO_TRY(const TokenRow fresh, json::decode<TokenRow>(answer, {.form = json::Form::response}));
  write_token(visit.body, fresh.token.reveal());
  co_return Result<void>();
}

}  // namespace keywright::api_targets
