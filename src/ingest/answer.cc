#include "ingest/answer.h"

#include "api/admission/challenge.h"
#include "traces/otlp.h"

namespace keywright::ingest {
namespace {

// The numbers of google.rpc.Code.
int rpc_code_of(int status) {
  switch (status) {
    case 401: return 16;  // UNAUTHENTICATED
    case 403: return 7;   // PERMISSION_DENIED
    case 404: return 5;   // NOT_FOUND
    case 405: return 12;  // UNIMPLEMENTED
    case 408: return 4;   // DEADLINE_EXCEEDED
    case 413:
    case 429: return 8;   // RESOURCE_EXHAUSTED
    case 422: return 9;   // FAILED_PRECONDITION
    case 503: return 14;  // UNAVAILABLE
    default: return 3;    // INVALID_ARGUMENT
  }
}

struct Named {
  std::string_view reason;
  int status;
  std::string_view code;
};

constexpr Named kNamed[] = {
    {"wrong_key_kind", 403, "WRONG_KEY_KIND"},
    {"ip_not_allowed", 403, "IP_NOT_ALLOWED"},
    {"insufficient_scope", 403, "PLATFORM_NOT_ALLOWED"},
    {"rate_limited", 429, "RATE_LIMITED"},
    {"usage_exceeded", 429, "USAGE_EXCEEDED"},
    {"overloaded", 503, "OVERLOADED"},
    {"client_gone", 408, "REQUEST_TIMEOUT"},
};

struct OfCode {
  Code of;
  int status;
  std::string_view code;
};

constexpr OfCode kOfCode[] = {
    {Code::unauthenticated, 401, "INVALID_API_KEY"},
    {Code::permission_denied, 403, "FORBIDDEN"},
    {Code::not_found, 404, "NOT_FOUND"},
    {Code::method_not_allowed, 405, "METHOD_NOT_ALLOWED"},
    {Code::too_large, 413, "PAYLOAD_TOO_LARGE"},
    {Code::unsupported_media_type, 415, "UNSUPPORTED_MEDIA_TYPE"},
    {Code::rate_limited, 429, "RATE_LIMITED"},
    {Code::storage_full, 503, "STORAGE_UNAVAILABLE"},
    {Code::unavailable, 503, "STORAGE_UNAVAILABLE"},
    {Code::internal, 503, "STORAGE_UNAVAILABLE"},
};

// By its reason where that has a name here, else by its code.
void name(Refusal& refusal, const Error& error) {
  const auto take = [&](int status, std::string_view code) {
    refusal.status = status;
    refusal.code = code;
  };
  for (const Named& named : kNamed) {
    if (error.reason() == named.reason) return take(named.status, named.code);
  }
  for (const OfCode& known : kOfCode) {
    if (error.code() == known.of) return take(known.status, known.code);
  }
  take(400, "VALIDATION_ERROR");
}

// {"@type":...}: what a google.rpc.Status says beside number and message.
void write_rpc_details(json::Writer& writer, const Refusal& refusal) {
  writer.key("details").begin_array();
  writer.begin_object().key("@type").string("type.googleapis.com/google.rpc.ErrorInfo");
  writer.key("reason").string(refusal.code).key("domain").string("keywright").end_object();
  if (!refusal.details.empty()) {
    writer.begin_object().key("@type").string("type.googleapis.com/google.rpc.BadRequest");
    writer.key("fieldViolations").begin_array();
    for (const FieldProblem& problem : refusal.details) {
      writer.begin_object().key("field").string(problem.field);
      writer.key("description").string(problem.message).end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
}

// Where in the request a field stands: its name tells, since only two are header fields.
std::string_view location_of(const http::Request& request, const FieldProblem& problem) {
  if (problem.field == "X-Request-Id" || problem.field == "Idempotency-Key") return "headers";
  return request.method == http::Method::post ? "body" : "query";
}

void write_native(json::Writer& writer, const http::Request& request, const Refusal& refusal,
                  Time now) {
  writer.key("success").boolean(false);
  writer.key("timestamp").string(format_rfc3339(now)).key("error");
  write_error(writer, request, refusal);
}

}  // namespace

Refusal refusal_of(const Error& error) {
  Refusal refusal;
  name(refusal, error);
  refusal.message = error.detail();
  refusal.details = error.problems();
  refusal.retry_after_seconds = error.retry_after_seconds();
  if (error.reason() == "wrong_key_kind") {
    refusal.message += " Traces are sent with a key of kind ingest.";
  }
  if (refusal.status == 401) {
    refusal.message = "The API key is not valid.";
    refusal.challenge = refusal.presented = true;
  }
  return refusal;
}

Refusal refusal_of(domain::RouteOutcome outcome) {
  using domain::RouteOutcome;
  Refusal refusal;
  refusal.code = name_of(outcome);
  refusal.message = message_of(outcome);
  switch (outcome) {
    case RouteOutcome::not_found: refusal.status = 404; break;
    case RouteOutcome::not_allowed:
    case RouteOutcome::scope_empty: refusal.status = 403; break;
    case RouteOutcome::ambiguous: refusal.status = 422; break;
    case RouteOutcome::required:
    case RouteOutcome::routed: refusal.status = 400; break;
  }
  return refusal;
}

void write_error(json::Writer& writer, const http::Request& request, const Refusal& refusal) {
  writer.begin_object().key("code").string(refusal.code);
  writer.key("message").string(refusal.message);
  if (!refusal.details.empty()) {
    writer.key("details").begin_array();
    for (const FieldProblem& problem : refusal.details) {
      writer.begin_object().key("type").string("field");
      writer.key("location").string(location_of(request, problem));
      writer.key("path").string(problem.field).key("msg").string(problem.message).end_object();
    }
    writer.end_array();
  }
  writer.end_object();
}

Refusal missing_key() {
  Refusal refusal;
  refusal.status = 401;
  refusal.code = "MISSING_API_KEY";
  refusal.message = "An API key is needed. Send it in the header x-api-key.";
  refusal.challenge = true;
  return refusal;
}

void write_refusal(http::Exchange& exchange, Shape shape, const Refusal& refusal, Time now) {
  write_refusal(exchange.request, exchange.response, shape, refusal, now);
}

void write_refusal(const http::Request& request, http::Response& response, Shape shape,
                   const Refusal& refusal, Time now) {
  response.clear();
  if (shape == Shape::otlp_protobuf) {
    write_protobuf(response, refusal.status,
                   traces::status_protobuf(rpc_code_of(refusal.status), refusal.message));
  } else {
    std::string body;
    json::Writer writer(body);
    writer.begin_object();
    if (shape == Shape::otlp_json) {
      writer.key("code").integer(rpc_code_of(refusal.status));
      writer.key("message").string(refusal.message);
      write_rpc_details(writer, refusal);
    } else {
      write_native(writer, request, refusal, now);
    }
    writer.end_object();
    write_json(response, refusal.status, std::move(body));
  }
  if (refusal.challenge) {
    response.header("WWW-Authenticate", admission::challenge(refusal.presented));
  }
  if (refusal.retry_after_seconds > 0) {
    response.header("Retry-After", std::to_string(refusal.retry_after_seconds));
  }
  for (const auto& [field, value] : refusal.headers) response.header(field, value);
}

void write_json(http::Response& response, int status, std::string body) {
  response.status = status;
  response.content_type("application/json");
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
}

void write_protobuf(http::Response& response, int status, std::string body) {
  response.status = status;
  response.content_type("application/x-protobuf");
  response.header("Cache-Control", "no-store");
  response.body = std::move(body);
}

}  // namespace keywright::ingest
