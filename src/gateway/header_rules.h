// gateway/header_rules.h - which fields of a request go upstream, which of an answer come back, and
// which paths are forwarded at all.
//
//   KW_CHECK_OK(check_forwarded_path(rest));                           // 400 invalid_path
//   KW_CHECK_OK(append_request_fields(head, request, added, context)); // 400 forged_header
//   copy_response_fields(connection.head(), response);
//
// Upstream go the fields of the client, less
//   - those of the connection (RFC 9110 7.6.1) and those that its Connection field names,
//   - every credential: Authorization, Proxy-Authorization, X-API-Key, and our cookies,
//   - what only we may say: X-Keywright-*, X-Forwarded-*, Forwarded, X-Real-IP, X-Request-Id, and
//     X-Original-*, X-Rewrite-* which some frameworks take for the path,
//   - any field whose value holds the key that was presented, percent-encoded or not,
//   - fields whose name has an underscore: servers that turn "-" into "_" cannot tell them from
//     others. One that would so become a field of the lists above is refused with a 400.
// What the caller of append_request_fields() adds comes last and replaces fields of that name, so
// nothing a client sends can remove or double it.
//
// A path is forwarded as it came, byte for byte, so that the path that was looked at is the path
// that is served. Refused is what servers read differently: empty segments, "." and "..", also
// percent-encoded or followed by ";", percent-encoded "/", "\" and control characters, and what is
// not UTF-8.
//
// Threading: pure functions. Cost: a pass over the fields and their values.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "http/message.h"

namespace keywright::gateway {

// `rest` is what follows "/services/{slug}": "" or begins with a slash.
Result<void> check_forwarded_path(std::string_view rest);

// Does `text` hold this token, as it is or percent-encoded? "" is held by nothing.
bool holds_token(std::string_view text, std::string_view token);

// api_key or access_token among the names of a query string, however they are encoded.
bool has_credential(std::string_view query);

struct ForwardContext {
  std::string_view forwarded_for;  // the chain of addresses, the nearest last
  bool secure = false;             // what the client spoke, as far as we may believe it
  bool upgrades = false;           // to WebSocket
  std::span<const std::string_view> withheld = {};  // lower-case names that stay here, too
  std::string_view token = {};                      // the client's key
};

// "name: value\r\n" for each; `added` last. Errors: invalid_argument `forged_header`.
Result<void> append_request_fields(std::string& out, const http::Request& request,
                                   std::span<const http::Field> added,
                                   const ForwardContext& context);

// Does the client ask for a WebSocket?
bool asks_for_websocket(const http::Request& request);

// Status and fields; body and framing are not its business.
void copy_response_fields(const http::h1::ResponseHead& head, http::Response& response);

}  // namespace keywright::gateway
