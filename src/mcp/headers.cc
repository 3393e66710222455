#include "mcp/headers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/encoding.h"
#include "base/text.h"
#include "json/writer.h"

namespace keywright::mcp {
namespace {

using json::ValueKind;

constexpr std::string_view kBase64Begin = "=?base64?";
constexpr std::string_view kBase64End = "?=";

RpcError mismatch(std::string message, const Message& of) {
  return {400, kHeaderMismatch, std::move(message), {}, of.id()};
}

RpcError unsupported(std::string_view requested, const Message& message) {
  std::string data;
  json::Writer writer(data);
  writer.begin_object().key("supported").begin_array().string(kModernVersion).end_array();
  writer.key("requested").string(requested).end_object();
  return {400, kUnsupportedVersion, "Unsupported protocol version", std::move(data), message.id()};
}

std::optional<std::string_view> version_in_body(const Message& message) {
  const auto meta = message.meta();
  const auto version = meta ? meta->find(kMetaProtocolVersion) : std::nullopt;
  if (!version) return std::nullopt;
  return version->as_string().value_or("");
}

RpcResult<void> check_meta(const Message& message) {
  const auto invalid = [&](std::string_view field) {
    return refuse({400,
                   kInvalidParams,
                   "params._meta[\"" + std::string(field) + "\"] is required in each request.",
                   {},
                   message.id()});
  };
  const auto meta = message.meta();
  if (!meta || !meta->find(kMetaProtocolVersion)) return invalid(kMetaProtocolVersion);
  const auto capabilities = meta->find(kMetaClientCapabilities);
  if (!capabilities || capabilities->kind() != ValueKind::object) {
    return invalid(kMetaClientCapabilities);
  }
  return {};
}

RpcResult<void> check_method(const RequestHeaders& headers, const Message& message) {
  if (!headers.method) {
    if (!message.is_request()) return {};
    return refuse(mismatch("The Mcp-Method field is missing.", message));
  }
  if (*headers.method == message.method()) return {};
  return refuse(mismatch("Mcp-Method does not say what the body says.", message));
}

RpcResult<void> check_name(const RequestHeaders& headers, const Message& message) {
  if (message.name_field().empty()) return {};
  const std::string_view in_body = message.name();
  if (!headers.name) {
    if (in_body.empty()) return {};  // the method will miss it
    return refuse(mismatch("The Mcp-Name field is missing.", message));
  }
  const auto in_header = mirrored_value(*headers.name);
  if (in_header && *in_header == in_body) return {};
  return refuse(mismatch("Mcp-Name does not say what the body says.", message));
}

RpcResult<Era> agree_as_modern(const RequestHeaders& headers, const Message& message) {
  if (message.type() == MessageType::response) {
    return refuse(
        {400, kInvalidRequest, "Clients send no responses in this version.", {}, message.id()});
  }
  if (auto method = check_method(headers, message); !method) return refuse(method.error());
  if (auto name = check_name(headers, message); !name) return refuse(name.error());
  if (message.is_request()) {
    if (auto meta = check_meta(message); !meta) return refuse(meta.error());
  }
  return Era::modern;
}

struct Weight {
  double quality = 0;
  int exactness = -1;  // 0 = */*, 1 = type/*, 2 = type/subtype; -1 = not mentioned
};

double quality_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = trim(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    if (parameter.size() < 3 || ascii_lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    double quality = 0;
    const std::string_view number = parameter.substr(2);
    std::from_chars(number.data(), number.data() + number.size(), quality);
    return std::isfinite(quality) ? std::clamp(quality, 0.0, 1.0) : 0.0;
  }
  return 1;
}

Weight weight_of(std::string_view accept, std::string_view type) {
  Weight best;
  while (!accept.empty()) {
    const std::size_t comma = std::min(accept.find(','), accept.size());
    const std::string_view range = accept.substr(0, comma);
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const std::size_t end = std::min(range.find(';'), range.size());
    const std::string_view name = trim(range.substr(0, end));
    int exactness = -1;
    if (equals_ignoring_case(name, type)) {
      exactness = 2;
    } else if (name == "*/*") {
      exactness = 0;
    } else if (name.ends_with("/*") && equals_ignoring_case(name.substr(0, name.size() - 1),
                                                            type.substr(0, type.find('/') + 1))) {
      exactness = 1;
    }
    if (exactness <= best.exactness) continue;
    best = {quality_of(range.substr(end)), exactness};
  }
  return best;
}

}  // namespace

bool is_legacy_version(std::string_view version) {
  return std::find(kLegacyVersions.begin(), kLegacyVersions.end(), version) !=
         kLegacyVersions.end();
}

RpcResult<Era> agree(const RequestHeaders& headers, const Message& message) {
  if (!headers.repeated.empty()) {
    return refuse(mismatch(std::string(headers.repeated) + " came more than once.", message));
  }
  const auto in_body = version_in_body(message);
  const auto& in_header = headers.protocol_version;
  if (in_header && in_body && *in_header != *in_body) {
    return refuse(mismatch("MCP-Protocol-Version does not say what the body says.", message));
  }
  if (!in_header) {
    if (!in_body || is_legacy_version(*in_body)) return Era::legacy;
    return refuse(mismatch("The MCP-Protocol-Version field is missing.", message));
  }
  if (*in_header == kModernVersion) return agree_as_modern(headers, message);
  if (is_legacy_version(*in_header)) return Era::legacy;
  return refuse(unsupported(*in_header, message));
}

std::optional<std::string> mirrored_value(std::string_view value) {
  const bool encoded = value.size() >= kBase64Begin.size() + kBase64End.size() &&
                       value.starts_with(kBase64Begin) && value.ends_with(kBase64End);
  if (!encoded) return std::string(value);
  value.remove_prefix(kBase64Begin.size());
  value.remove_suffix(kBase64End.size());
  const auto bytes = decode_base64(value);
  if (!bytes) return std::nullopt;
  std::string text(bytes->begin(), bytes->end());
  if (!is_valid_utf8(text)) return std::nullopt;
  return text;
}

std::optional<AnswerForm> answer_form(std::optional<std::string_view> accept) {
  if (!accept || trim(*accept).empty()) return AnswerForm::json;
  const double json = weight_of(*accept, "application/json").quality;
  const double events = weight_of(*accept, "text/event-stream").quality;
  if (json <= 0 && events <= 0) return std::nullopt;
  return json >= events ? AnswerForm::json : AnswerForm::event_stream;
}

std::string allowed_headers(std::string_view requested) {
  std::string list(kAllowedHeaders);
  while (!requested.empty()) {
    const std::size_t comma = std::min(requested.find(','), requested.size());
    const std::string name = to_ascii_lower(trim(requested.substr(0, comma)));
    requested.remove_prefix(std::min(comma + 1, requested.size()));
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
      return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-' || c == '_';
    });
    if (name.starts_with("mcp-param-") && plain) list.append(", ").append(name);
  }
  return list;
}

}  // namespace keywright::mcp
