#include "mcp/message.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "json/writer.h"

namespace keywright::mcp {
namespace {

using json::Value;
using json::ValueKind;

constexpr std::array<std::string_view, 6> kEnvelope = {"jsonrpc", "id",     "method",
                                                       "params",  "result", "error"};
constexpr std::array<std::string_view, 7> kParams = {
    "name", "uri", "arguments", "_meta", "cursor", "requeststate", "inputresponses"};

// What simple case folding makes of a key, as far as it can become one of ours: all ASCII, and the
// two characters beyond it that fold into ASCII.
std::string folded(std::string_view key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key.substr(i).starts_with("\xC5\xBF")) {  // U+017F, long s
      out += 's';
      i += 1;
    } else if (key.substr(i).starts_with("\xE2\x84\xAA")) {  // U+212A, Kelvin sign
      out += 'k';
      i += 2;
    } else {
      out += ascii_lower(key[i]);
    }
  }
  return out;
}

bool is_spelt_as_meant(std::string_view key) {
  return key == "requestState" || key == "inputResponses";
}

// A key that only a reader which ignores case would take for one of `names`.
template <std::size_t Size>
std::optional<std::string> case_variant(const Value& object,
                                        const std::array<std::string_view, Size>& names) {
  for (const json::Member& member : object.members()) {
    const std::string plain = folded(member.key);
    if (plain == member.key || is_spelt_as_meant(member.key)) continue;
    if (std::find(names.begin(), names.end(), plain) != names.end()) {
      return std::string(member.key);
    }
  }
  return std::nullopt;
}

RpcError invalid(std::string message, const std::string& id = "null") {
  return RpcError{400, kInvalidRequest, std::move(message), {}, id};
}

std::string text_of(const Value& value) {
  std::string out;
  json::Writer writer(out);
  value.write(writer);
  return out;
}

bool is_id(const Value& value) {
  return value.kind() == ValueKind::string || value.kind() == ValueKind::integer;
}

RpcResult<void> check_keys(const Value& root, const std::string& id) {
  if (const auto variant = case_variant(root, kEnvelope)) {
    return refuse(invalid("The key \"" + *variant + "\" differs from a JSON-RPC key in case.", id));
  }
  const auto params = root.find("params");
  if (!params) return {};
  if (params->kind() != ValueKind::object) return refuse(invalid("params must be an object.", id));
  if (const auto variant = case_variant(*params, kParams)) {
    return refuse(
        invalid("The key \"" + *variant + "\" of params differs from a known one in case.", id));
  }
  const auto meta = params->find("_meta");
  if (meta && meta->kind() != ValueKind::object) {
    return refuse(invalid("params._meta must be an object.", id));
  }
  return {};
}

}  // namespace

RpcResult<Message> Message::read(std::string_view body) {
  auto document = json::Document::parse(body);
  if (!document) return refuse({400, kParseError, document.error().detail()});
  Message message(std::move(*document));
  const Value root = message.document_.root();
  if (root.kind() == ValueKind::array) {
    return refuse(invalid("Batches are not served: send each message in a request of its own."));
  }
  if (root.kind() != ValueKind::object) return refuse(invalid("A JSON-RPC message is an object."));
  const auto id = root.find("id");
  if (id && is_id(*id)) message.id_ = text_of(*id);
  if (auto keys = check_keys(root, message.id_); !keys) return refuse(std::move(keys).error());
  const auto version = root.find("jsonrpc");
  if (!version || version->as_string() != "2.0") {
    return refuse(invalid("jsonrpc must be \"2.0\".", message.id_));
  }
  const auto method = root.find("method");
  const bool answers = root.find("result").has_value() != root.find("error").has_value();
  if (method) {
    if (root.find("result") || root.find("error")) {
      return refuse(invalid("A request has no result and no error.", message.id_));
    }
    const auto name = method->as_string();
    if (!name || name->empty()) return refuse(invalid("method must be a text.", message.id_));
    message.method_ = *name;
    message.type_ = id ? MessageType::request : MessageType::notification;
  } else if (answers) {
    message.type_ = MessageType::response;
  } else {
    return refuse(invalid("A message has a method, a result or an error.", message.id_));
  }
  const bool id_may_be_null = message.type_ == MessageType::response && root.find("error");
  if (id && !is_id(*id) && !(id->is_null() && id_may_be_null)) {
    return refuse(invalid("id must be a text or an integer."));
  }
  if (!id && message.type_ == MessageType::response)
    return refuse(invalid("A response has an id."));
  return message;
}

std::optional<Value> Message::member(std::string_view name) const {
  return document_.root().find(name);
}

std::optional<Value> Message::param(std::string_view name) const {
  const auto params = member("params");
  return params ? params->find(name) : std::nullopt;
}

std::string_view Message::name_field() const {
  if (method_ == "tools/call" || method_ == "prompts/get") return "name";
  return method_ == "resources/read" ? "uri" : "";
}

std::string_view Message::name() const {
  const std::string_view field = name_field();
  if (field.empty()) return "";
  const auto value = param(field);
  return value ? value->as_string().value_or("") : "";
}

}  // namespace keywright::mcp
