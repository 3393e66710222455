// mcp/headers.h - what the header fields of an MCP request say, and whether the body says the same.
//
//   const RequestHeaders headers = request_headers(request.headers);     // http::Fields
//   auto era = agree(headers, *message);
//   if (!era) return answer(era.error());              // 400: -32020, -32022 or -32602
//   switch (answer_form(headers.accept)) ...
//
// In the modern era MCP-Protocol-Version, Mcp-Method and Mcp-Name mirror the body so that a proxy
// can decide without reading it. Whoever reads both must refuse a request where they differ; and
// nothing here decides on a header: policy looks at the body. A field that comes twice agrees with
// nothing. Mcp-Param-* are not looked at.
//
// Errors: RpcError, status 400.
// Threading: pure functions. Lifetime: views into the request.
// Source: MCP 2026-07-28, streamable HTTP, server validation; RFC 9110 section 12.5.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "mcp/message.h"
#include "mcp/protocol.h"

namespace keywright::mcp {

struct RequestHeaders {
  std::optional<std::string_view> protocol_version;
  std::optional<std::string_view> method;
  std::optional<std::string_view> name;
  std::optional<std::string_view> session_id;
  std::optional<std::string_view> last_event_id;
  std::optional<std::string_view> accept;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> content_encoding;
  std::string_view repeated;  // the first of them that came more than once; "" = none
};

// `Fields` is a range of name and value, as http::Fields.
template <class Fields>
RequestHeaders request_headers(const Fields& fields) {
  RequestHeaders headers;
  const auto take = [&](const auto& field, std::string_view name,
                        std::optional<std::string_view>& value) {
    if (!equals_ignoring_case(field.name, name)) return;
    if (!value) {
      value = field.value;
    } else if (headers.repeated.empty() && name != "Accept") {
      headers.repeated = name;
    }
  };
  for (const auto& field : fields) {
    switch (field.name.size()) {  // no two names have the same
      case 6: take(field, "Accept", headers.accept); break;
      case 8: take(field, "Mcp-Name", headers.name); break;
      case 10: take(field, "Mcp-Method", headers.method); break;
      case 12: take(field, "Content-Type", headers.content_type); break;
      case 13: take(field, "Last-Event-ID", headers.last_event_id); break;
      case 14: take(field, "Mcp-Session-Id", headers.session_id); break;
      case 16: take(field, "Content-Encoding", headers.content_encoding); break;
      case 20: take(field, "MCP-Protocol-Version", headers.protocol_version); break;
      default: break;
    }
  }
  return headers;
}

// The era of a POST, if its header fields are in order for it.
RpcResult<Era> agree(const RequestHeaders& headers, const Message& message);

// The value of a mirrored field: as it is, or decoded from "=?base64?...?=". Nothing: malformed.
std::optional<std::string> mirrored_value(std::string_view value);

// How a POST may be answered, by its Accept field. JSON where both are welcome alike; a client that
// lists only one gets that one; nothing: it accepts neither (406).
enum class AnswerForm : unsigned char { json, event_stream };
std::optional<AnswerForm> answer_form(std::optional<std::string_view> accept);

// What browsers may send and read across origins.
inline constexpr std::string_view kAllowedMethods = "POST, GET, DELETE, OPTIONS";
inline constexpr std::string_view kAllowedHeaders =
    "Authorization, X-API-Key, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
    "Mcp-Session-Id, Last-Event-ID";
inline constexpr std::string_view kExposedHeaders =
    "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, X-Request-Id, RateLimit, "
    "RateLimit-Policy";

// kAllowedHeaders and the Mcp-Param-* fields that a preflight asks for.
std::string allowed_headers(std::string_view requested);

}  // namespace keywright::mcp
