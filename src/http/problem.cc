#include "http/problem.h"

#include "json/writer.h"

namespace keywright::http {

namespace {

// Everything but the end of the object.
json::Writer begin_problem(Response& response, int status, std::string_view code,
                           std::string_view detail, std::string_view request_id) {
  response.clear();
  response.status = status;
  response.content_type("application/problem+json");
  json::Writer writer(response.body);
  writer.begin_object().key("type").string("about:blank");
  writer.key("title").string(reason_phrase(status));
  writer.key("status").integer(status);
  writer.key("code").string(code);
  if (!detail.empty()) writer.key("detail").string(detail);
  writer.key("request_id").string(request_id);
  return writer;
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
  json::Writer writer =
      begin_problem(response, status_of(error.code()), error.reason(), error.detail(), request_id);
  if (!error.problems().empty()) {
    writer.key("errors").begin_array();
    for (const FieldProblem& problem : error.problems()) {
      writer.begin_object().key("field").string(problem.field);
      writer.key("message").string(problem.message).end_object();
    }
    writer.end_array();
  }
  writer.end_object();
  if (error.retry_after_seconds() > 0) {
    response.header("Retry-After", std::to_string(error.retry_after_seconds()));
  }
}

void write_problem(Response& response, int status, std::string_view code, std::string_view detail,
                   std::string_view request_id) {
  begin_problem(response, status, code, detail, request_id).end_object();
}

}  // namespace keywright::http
