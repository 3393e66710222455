#include "http/problem.h"

#include <charconv>

#include "base/text.h"

namespace keywright::http {

namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out.push_back(',');
  append_json_string(out, name);
  out.push_back(':');
  append_json_string(out, value);
}

// Everything but the closing brace.
void begin_problem(Response& response, int status, std::string_view code, std::string_view detail,
                   std::string_view request_id) {
  response.clear();
  response.status = status;
  response.content_type("application/problem+json");
  std::string& body = response.body;
  body = "{\"type\":\"about:blank\"";
  append_member(body, "title", reason_phrase(status));
  body.append(",\"status\":").append(std::to_string(status));
  append_member(body, "code", code);
  if (!detail.empty()) append_member(body, "detail", detail);
  append_member(body, "request_id", request_id);
}

}  // namespace

int status_of(Code code) {
  switch (code) {
    case Code::invalid_argument: return 400;
    case Code::unauthenticated: return 401;
    case Code::permission_denied: return 403;
    case Code::not_found: return 404;
    case Code::method_not_allowed: return 405;
    case Code::conflict: return 409;
    case Code::precondition_failed: return 412;
    case Code::too_large: return 413;
    case Code::unsupported_media_type: return 415;
    case Code::unprocessable: return 422;
    case Code::rate_limited: return 429;
    case Code::storage_full: return 507;
    case Code::unavailable: return 503;
    case Code::internal: return 500;
  }
  return 500;
}

void write_problem(Response& response, const Error& error, std::string_view request_id) {
  begin_problem(response, status_of(error.code()), error.reason(), error.detail(), request_id);
  std::string& body = response.body;
  if (!error.problems().empty()) {
    body.append(",\"errors\":[");
    for (const FieldProblem& problem : error.problems()) {
      if (body.back() != '[') body.push_back(',');
      body.push_back('{');
      append_member(body, "field", problem.field);
      append_member(body, "message", problem.message);
      body.push_back('}');
    }
    body.push_back(']');
  }
  body.push_back('}');
  if (error.retry_after_seconds() > 0) {
    response.header("Retry-After", std::to_string(error.retry_after_seconds()));
  }
}

void write_problem(Response& response, int status, std::string_view code, std::string_view detail,
                   std::string_view request_id) {
  begin_problem(response, status, code, detail, request_id);
  response.body.push_back('}');
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    const std::size_t length = byte < 0x80 ? 1 : utf8_sequence_length(text);
    if (length == 0) {
      out.append("\xef\xbf\xbd");
      text.remove_prefix(1);
      continue;
    }
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(text.front());
    } else if (byte == '\n') {
      out.append("\\n");
    } else if (byte < 0x20) {
      out.append("\\u00").append({kHex[byte >> 4], kHex[byte & 0xf]});
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

}  // namespace keywright::http
