#include "mcp/message.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

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

// Small letters fold into themselves, and so does everything between them in ASCII but capitals.
bool folds_into_itself(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80 && !(c >= 'A' && c <= 'Z');
  });
}

bool is_spelt_as_meant(std::string_view key) {
  return key == "requestState" || key == "inputResponses";
}

// Would only a reader that ignores case take `key` for one of `names`?
bool is_case_variant(std::string_view key, std::span<const std::string_view> names) {
  if (folds_into_itself(key) || is_spelt_as_meant(key)) return false;
  return std::find(names.begin(), names.end(), folded(key)) != names.end();
}

// The members that mean something, read in one pass; and the first key that only looks like one.
struct Envelope {
  std::optional<Value> version, id, method, params, result, error;
  std::optional<std::string> variant;
};

Envelope envelope_of(const Value& root) {
  Envelope envelope;
  const std::pair<std::string_view, std::optional<Value>*> places[] = {
      {"jsonrpc", &envelope.version}, {"id", &envelope.id},         {"method", &envelope.method},
      {"params", &envelope.params},   {"result", &envelope.result}, {"error", &envelope.error}};
  for (const json::Member& member : root.members()) {
    const auto place = std::find_if(std::begin(places), std::end(places),
                                    [&](const auto& each) { return each.first == member.key; });
    if (place != std::end(places)) {
      *place->second = member.value;
    } else if (!envelope.variant && is_case_variant(member.key, kEnvelope)) {
      envelope.variant = std::string(member.key);
    }
  }
  return envelope;
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

RpcResult<void> check_keys(const Envelope& envelope, const std::string& id) {
  if (envelope.variant) {
    return refuse(
        invalid("The key \"" + *envelope.variant + "\" differs from a JSON-RPC key in case.", id));
  }
  if (!envelope.params) return {};
  if (envelope.params->kind() != ValueKind::object) {
    return refuse(invalid("params must be an object.", id));
  }
  for (const json::Member& member : envelope.params->members()) {
    if (member.key == "_meta" && member.value.kind() != ValueKind::object) {
      return refuse(invalid("params._meta must be an object.", id));
    }
    if (is_case_variant(member.key, kParams)) {
      return refuse(invalid(
          "The key \"" + std::string(member.key) + "\" of params differs from a known one in case.",
          id));
    }
  }
  return {};
}

}  // namespace

RpcResult<Message> Message::read(std::string_view body) {
  auto document = json::Document::parse(body);
  if (!document) {
    const Error& error = document.error();
    // That is JSON, only not one message: readers differ in which of the two counts.
    const bool is_json = error.internal() == "duplicate_key";
    return refuse({400, is_json ? kInvalidRequest : kParseError, error.detail()});
  }
  Message message(std::move(*document));
  const Value root = message.document_.root();
  if (root.kind() == ValueKind::array) {
    return refuse(invalid("Batches are not served: send each message in a request of its own."));
  }
  if (root.kind() != ValueKind::object) return refuse(invalid("A JSON-RPC message is an object."));
  const Envelope envelope = envelope_of(root);
  const auto& id = envelope.id;
  if (id && is_id(*id)) message.id_ = text_of(*id);
  if (auto keys = check_keys(envelope, message.id_); !keys) return refuse(std::move(keys).error());
  if (!envelope.version || envelope.version->as_string() != "2.0") {
    return refuse(invalid("jsonrpc must be \"2.0\".", message.id_));
  }
  const bool answers = envelope.result.has_value() != envelope.error.has_value();
  if (envelope.method) {
    if (envelope.result || envelope.error) {
      return refuse(invalid("A request has no result and no error.", message.id_));
    }
    const auto name = envelope.method->as_string();
    if (!name || name->empty()) return refuse(invalid("method must be a text.", message.id_));
    message.method_ = *name;
    message.type_ = id ? MessageType::request : MessageType::notification;
  } else if (answers) {
    message.type_ = MessageType::response;
  } else {
    return refuse(invalid("A message has a method, a result or an error.", message.id_));
  }
  const bool id_may_be_null = message.type_ == MessageType::response && envelope.error;
  if (id && !is_id(*id) && !(id->is_null() && id_may_be_null)) {
    return refuse(invalid("id must be a text or an integer."));
  }
  if (!id && message.type_ == MessageType::response)
    return refuse(invalid("A response has an id."));
  message.params_ = envelope.params;
  return message;
}

std::optional<Value> Message::member(std::string_view name) const {
  return document_.root().find(name);
}

std::optional<Value> Message::param(std::string_view name) const {
  return params_ ? params_->find(name) : std::nullopt;
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
