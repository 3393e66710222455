#include "api/mcp/server.h"

#include <algorithm>
#include <charconv>

#include "app/authority.h"
#include "app/perform.h"
#include "base/encoding.h"
#include "json/writer.h"
#include "mcp/answer.h"
#include "mcp/sealed_text.h"

namespace keywright::api_mcp {
namespace {

using json::Value;
using json::ValueKind;
using mcp::Era;
using mcp::Message;
using mcp::RpcError;

constexpr std::chrono::minutes kQuestionLife{5};
constexpr std::string_view kQuestion = "confirm";  // its key among inputRequests
constexpr std::string_view kCursorHead = "after:";
constexpr std::string_view kInstructions =
    "Keywright keeps and checks API keys. These tools act with the rights of the person who owns "
    "the key you use; whoami tells which key that is. Lists are newest first: send next_cursor as "
    "cursor for what follows. Keys are never shown, made or changed here; revoke_this_key ends the "
    "one in use. Ask the person before you use a tool that deletes or revokes.";

Reply refused(RpcError error, CallOutcome outcome = CallOutcome::failed,
              std::string reason = "invalid_params") {
  Reply reply;
  reply.status = error.status;
  reply.body = mcp::error_answer(error);
  reply.outcome = outcome;
  reply.reason = std::move(reason);
  return reply;
}

Reply invalid_params(const Message& message, std::string text, int status = 200) {
  return refused({status, mcp::kInvalidParams, std::move(text), {}, message.id()});
}

Reply answered(const Message& message, std::string_view result) {
  Reply reply;
  reply.body = mcp::result_answer(message.id(), result);
  return reply;
}

// Can the client ask its person with a form?
bool can_elicit(const Message& message, Era era) {
  if (era != Era::modern) return false;
  const auto meta = message.meta();
  const auto capabilities = meta ? meta->find(mcp::kMetaClientCapabilities) : std::nullopt;
  const auto elicitation = capabilities ? capabilities->find("elicitation") : std::nullopt;
  if (!elicitation || elicitation->kind() != ValueKind::object) return false;
  return elicitation->size() == 0 || elicitation->find("form").has_value();
}

std::string place_of_question(const app::Caller& caller, const Tool& tool,
                              const ToolArguments& arguments) {
  return "mcp/confirm/" + caller.key.to_string() + "/" + tool.name + "/" + arguments.canonical;
}

// The epoch, which is long past, for what is no time.
Time read_expiry(const std::string& text) {
  std::int64_t milliseconds = 0;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, milliseconds).ptr != end) milliseconds = 0;
  return from_unix_milliseconds(milliseconds);
}

// {"code":"forbidden","detail":"...","errors":[{"field":"name","message":"..."}]}
std::string error_text(const Error& error) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object().key("code").string(error.reason()).key("detail").string(error.detail());
  if (!error.problems().empty()) {
    writer.key("errors").begin_array();
    for (const FieldProblem& problem : error.problems()) {
      writer.begin_object().key("field").string(problem.field);
      writer.key("message").string(problem.message).end_object();
    }
    writer.end_array();
  }
  if (error.retry_after_seconds() > 0) {
    writer.key("retry_after_seconds").integer(error.retry_after_seconds());
  }
  writer.end_object();
  return text;
}

void write_text(json::Writer& writer, std::string_view text) {
  writer.key("content").begin_array().begin_object();
  writer.key("type").string("text").key("text").string(text).end_object().end_array();
}

Error needs_confirmation(const Tool& tool) {
  return Error(Code::conflict, "confirmation_required",
               "Nothing was done. \"" + tool.name +
                   "\" cannot be undone: ask the person, and call it again with \"confirm\": true "
                   "if that is meant.");
}

Error declined() {
  return Error(Code::permission_denied, "declined", "Nothing was done: the person said no.");
}

enum class Said : unsigned char { yes, no, nothing };

Said said(const std::optional<Value>& responses) {
  const auto response = responses ? responses->find(kQuestion) : std::nullopt;
  const auto action = response ? response->find("action") : std::nullopt;
  const auto text = action ? action->as_string() : std::nullopt;
  if (!text) return Said::nothing;
  if (*text != "accept") return Said::no;
  const auto content = response->find("content");
  const auto value = content ? content->find(kQuestion) : std::nullopt;
  return value && value->as_bool() == true ? Said::yes : Said::no;
}

}  // namespace

void Server::write_server_info(json::Writer& writer) const {
  writer.begin_object().key("name").string("keywright").key("title").string("Keywright");
  writer.key("version").string(app_.settings.version).end_object();
}

// What every result of the modern era begins with.
void Server::write_head(json::Writer& writer, Era era) const {
  writer.begin_object();
  if (era != Era::modern) return;
  writer.key("resultType").string("complete");
  writer.key("_meta").begin_object().key(mcp::kMetaServerInfo);
  write_server_info(writer);
  writer.end_object();
}

bool Server::may_use(const app::Caller& caller, const Tool& tool) const {
  const app::Operation& operation = *tool.operation;
  if (!app::may_call(operation, caller, app_.directory.kinds())) return false;
  if (operation.right == domain::Right::none) return true;
  const domain::User* user = app::user_of(app_.directory, caller);
  if (user == nullptr) return false;
  return std::any_of(user->memberships.begin(), user->memberships.end(),
                     [&](const domain::Membership& membership) {
                       return membership.active && domain::allows(membership.role, operation.right);
                     });
}

Reply Server::initialize(const Asked& asked, const Message& message) const {
  const auto version = message.param("protocolVersion");
  const auto asked_for = version ? version->as_string() : std::nullopt;
  if (!asked_for) return invalid_params(message, "params.protocolVersion is required.");
  const bool known = mcp::is_legacy_version(*asked_for);
  std::string result;
  json::Writer writer(result);
  write_head(writer, asked.era);
  writer.key("protocolVersion").string(known ? *asked_for : mcp::kLegacyVersions.front());
  writer.key("capabilities").begin_object().key("tools").begin_object().end_object().end_object();
  writer.key("serverInfo");
  write_server_info(writer);
  writer.key("instructions").string(kInstructions).end_object();
  Reply reply = answered(message, result);
  reply.begins_session = true;
  return reply;
}

Reply Server::discover(const Message& message) const {
  std::string result;
  json::Writer writer(result);
  write_head(writer, Era::modern);
  writer.key("supportedVersions").begin_array().string(mcp::kModernVersion).end_array();
  writer.key("capabilities").begin_object().key("tools").begin_object().end_object().end_object();
  writer.key("instructions").string(kInstructions);
  writer.key("ttlMs").integer(0).key("cacheScope").string("private").end_object();
  return answered(message, result);
}

// A cursor names the last tool of its page; tools keep their order, so it is good for ever.
Reply Server::list_tools(const Asked& asked, const Message& message) const {
  std::size_t at = 0;
  if (const auto cursor = message.param("cursor")) {
    const auto bytes = decode_base64url(cursor->as_string().value_or("?"));
    const std::string text = bytes ? std::string(bytes->begin(), bytes->end()) : "";
    const Tool* last = text.starts_with(kCursorHead)
                           ? tools_.find(std::string_view(text).substr(kCursorHead.size()))
                           : nullptr;
    if (last == nullptr) return invalid_params(message, "The cursor is not one of this list.");
    at = tools_.index_of(*last) + 1;
  }
  std::string result;
  json::Writer writer(result);
  write_head(writer, asked.era);
  writer.key("tools").begin_array();
  const auto all = tools_.all();
  std::size_t shown = 0;
  const Tool* last = nullptr;
  bool more = false;
  for (; at < all.size() && !more; ++at) {
    if (!may_use(asked.caller, all[at])) continue;
    more = shown == options_.page_size;
    if (more) break;
    writer.raw(all[at].definition);
    last = &all[at];
    ++shown;
  }
  writer.end_array();
  if (more && last != nullptr) {
    const std::string cursor = std::string(kCursorHead) + last->name;
    writer.key("nextCursor").string(encode_base64url(view_bytes(cursor)));
  }
  if (asked.era == Era::modern) {
    writer.key("ttlMs").integer(0).key("cacheScope").string("private");
  }
  writer.end_object();
  return answered(message, result);
}

Reply Server::answer(const Asked& asked, const Message& message) const {
  const std::string_view method = message.method();
  const bool modern = asked.era == Era::modern;
  if (method == "tools/list") return list_tools(asked, message);
  if (modern && method == "server/discover") return discover(message);
  if (!modern && method == "initialize") return initialize(asked, message);
  if (!modern && method == "ping") return answered(message, "{}");
  return refused(mcp::unknown_method(asked.era, method, message.id()), CallOutcome::failed,
                 "unknown_method");
}

Reply Server::question(const Asked& asked, const Message& message, const Tool& tool,
                       const std::string& place) const {
  const std::int64_t expiry = to_unix_milliseconds(asked.now + kQuestionLife);
  const std::string state =
      mcp::seal_text(app_.directory.keyring().sealer(), std::to_string(expiry), place, app_.random);
  std::string result;
  json::Writer writer(result);
  writer.begin_object().key("resultType").string("input_required");
  writer.key("_meta").begin_object().key(mcp::kMetaServerInfo);
  write_server_info(writer);
  writer.end_object();
  writer.key("inputRequests").begin_object().key(kQuestion).begin_object();
  writer.key("method").string("elicitation/create").key("params").begin_object();
  writer.key("mode").string("form");
  const auto arguments = message.param("arguments");
  std::string what;
  json::Writer arguments_writer(what);
  if (arguments) arguments->write(arguments_writer);
  writer.key("message").string(std::string(tool.operation->summary) + ": " +
                               (what.empty() ? "" : what + ". ") + "This cannot be undone.");
  writer.key("requestedSchema").begin_object().key("type").string("object");
  writer.key("properties").begin_object().key(kQuestion).begin_object();
  writer.key("type").string("boolean").key("title").string("Do it");
  writer.key("description").string(tool.operation->summary).key("default").boolean(false);
  writer.end_object().end_object();
  writer.key("required").begin_array().string(kQuestion).end_array().end_object();
  writer.end_object().end_object().end_object();
  writer.key("requestState").string(state).end_object();
  return answered(message, result);
}

std::optional<Reply> Server::ask_person(const Asked& asked, const Message& message,
                                        const Tool& tool, const ToolArguments& arguments) {
  if (!tool.operation->destructive) return std::nullopt;
  if (!can_elicit(message, asked.era)) {
    // Who gives his own key up may be in a hurry, and takes nothing from anybody else.
    const bool gives_itself_up = tool.operation->admits == app::Admits::giving_up;
    if (arguments.confirmed || gives_itself_up) return std::nullopt;
    return finished(asked, message, tool, fail(needs_confirmation(tool)));
  }
  const std::string place = place_of_question(asked.caller, tool, arguments);
  const auto state = message.param("requestState");
  if (!state) return question(asked, message, tool, place);
  const std::string sealed(state->as_string().value_or(""));
  const auto opened = mcp::open_text(app_.directory.keyring().sealer(), sealed, place);
  const Time expiry = opened ? read_expiry(*opened) : Time();
  if (expiry <= asked.now) {
    return invalid_params(message, "params.requestState is not one of this call, or too old.", 400);
  }
  switch (said(message.param("inputResponses"))) {
    case Said::yes:
      if (used_answers_.take(sealed, expiry, asked.now)) return std::nullopt;
      return invalid_params(
          message, "params.requestState was used. Call without it to be asked again.", 400);
    case Said::no: return finished(asked, message, tool, fail(declined()));
    case Said::nothing: break;
  }
  return question(asked, message, tool, place);
}

Reply Server::finished(const Asked& asked, const Message& message, const Tool& tool,
                       Result<std::string> result) const {
  Reply reply;
  if (!result) {
    const Error& error = result.error();
    reply.unauthenticated = error.code() == Code::unauthenticated;
    reply.outcome = error.code() == Code::permission_denied || reply.unauthenticated
                        ? CallOutcome::denied
                        : CallOutcome::failed;
    reply.reason = error.reason();
  }
  reply.changed = result && tool.operation->is_change;
  if (result && result->empty()) *result = "{}";
  std::string text;
  json::Writer writer(text);
  write_head(writer, asked.era);
  write_text(writer, result ? *result : error_text(result.error()));
  if (result) writer.key("structuredContent").raw(*result);
  writer.key("isError").boolean(!result).end_object();
  reply.body = mcp::result_answer(message.id(), text);
  return reply;
}

Task<Reply> Server::call_tool(const Asked& asked, const Message& message) {
  const std::string_view name = message.name();
  if (name.empty()) co_return invalid_params(message, "params.name is required.");
  const Tool* tool = tools_.find(name);
  if (tool == nullptr) {
    co_return refused(mcp::unknown_tool(name, message.id()), CallOutcome::failed, "unknown_tool");
  }
  const app::Operation& operation = *tool->operation;
  auto allowed = app::may_call(operation, asked.caller, app_.directory.kinds());
  if (!allowed) co_return finished(asked, message, *tool, fail(std::move(allowed).error()));
  if (!may_use(asked.caller, *tool)) {
    const std::string missing = "This needs the right \"" +
                                std::string(domain::name_of(operation.right)) +
                                "\", which the owner of this key has in no organization.";
    co_return finished(asked, message, *tool, fail(app::forbidden(missing)));
  }
  auto arguments = read_arguments(operation, message.param("arguments"));
  if (!arguments) co_return finished(asked, message, *tool, fail(arguments.error()));
  if (auto reply = ask_person(asked, message, *tool, *arguments)) co_return std::move(*reply);
  app::Call call;
  call.operation = &operation;
  call.caller = asked.caller;
  call.now = asked.now;
  call.request_id = asked.request_id;
  call.user_agent = asked.user_agent;
  const app::Arguments input = arguments->for_operation();
  auto result = co_await app::perform(app_, call, input);
  co_return finished(asked, message, *tool, std::move(result));
}

}  // namespace keywright::api_mcp
