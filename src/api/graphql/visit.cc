#include "api/graphql/visit.h"

#include <cctype>

#include "app/authority.h"
#include "app/perform.h"

namespace keywright::graphql_face {
namespace {

app::Call fresh_call(const app::Call& of, const app::Operation& operation) {
  app::Call call;
  call.operation = &operation;
  call.caller = of.caller;
  call.now = of.now;
  call.request_id = of.request_id;
  call.user_agent = of.user_agent;
  call.secure = of.secure;
  return call;
}

}  // namespace

Visit::Visit(app::App& of_app, const app::Caller& caller, Time now, std::string_view request_id,
             std::string_view user_agent, bool secure)
    : app(of_app) {
  call_.caller = caller;
  call_.now = now;
  call_.request_id = request_id;
  call_.user_agent = user_agent;
  call_.secure = secure;
}

const domain::User* Visit::user() const { return app::user_of(app.directory, call_.caller); }

const app::Call& Visit::call_of(std::string_view operation) {
  call_.operation = app::find_operation(operation);
  return call_;
}

Result<void> Visit::may_call(std::string_view operation) {
  auto allowed =
      app::may_call(*app::find_operation(operation), call_.caller, app.directory.kinds());
  if (allowed || !call_.caller.is_key()) return allowed;
  return fail(Code::permission_denied, "wrong_key_kind",
              "This needs a session: no key may list, create or revoke keys. Sign in, and do it "
              "there.");
}

Result<void> Visit::may_look(std::string_view operation, domain::OrganizationId organization) {
  KW_CHECK_OK(may_call(operation));
  return app::authorise(app.directory, call_of(operation), organization);
}

Task<Result<std::string>> Visit::perform(std::string operation, Parameters parameters,
                                         std::string body) {
  KW_CO_CHECK_OK(may_call(operation));
  app::Call call = fresh_call(call_, *app::find_operation(operation));
  std::vector<json::Parameter> views;
  for (const auto& [name, value] : parameters) {
    const json::Field* field = call.operation->input->find(name);
    views.push_back({name, value, field == nullptr ? json::Place::query : field->place});
  }
  app::Arguments arguments;
  arguments.parameters = views;
  arguments.body = body;
  co_return co_await app::perform(app, call, arguments);
}

std::string field_name(std::string_view name) {
  if (name == "cursor") return "after";
  if (name == "limit") return "first";
  std::string camel;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool joint = name[i] == '_' && i + 1 < name.size();
    if (joint) ++i;
    camel += joint ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[i]))) : name[i];
  }
  return camel;
}

std::string_view code_of(const Error& error) {
  switch (error.code()) {
    case Code::unauthenticated: return "UNAUTHENTICATED";
    case Code::permission_denied: return "FORBIDDEN";
    case Code::not_found: return "NOT_FOUND";
    case Code::conflict:
    case Code::precondition_failed: return "CONFLICT";
    case Code::rate_limited: return "RATE_LIMITED";
    case Code::storage_full:
    case Code::unavailable:
    case Code::internal: return "UNAVAILABLE";
    case Code::invalid_argument:
    case Code::method_not_allowed:
    case Code::too_large:
    case Code::unsupported_media_type:
    case Code::unprocessable: return "INVALID";
  }
  return "INVALID";
}

graphql::Value refuse(graphql::Resolving& field, const Error& error) {
  const std::string_view code = code_of(error);
  if (code != "INVALID" || error.problems().empty()) return field.fail(code, error.detail());
  std::string message;
  for (const FieldProblem& problem : error.problems()) {
    message += (message.empty() ? "" : "; ") + field_name(problem.field) + " " + problem.message;
  }
  return field.fail(code, message, field_name(error.problems().front().field));
}

}  // namespace keywright::graphql_face
