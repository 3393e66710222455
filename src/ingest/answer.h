// ingest/answer.h - what senders are told, in the shape that they read.
//
//   write_refusal(exchange, Shape::native, refusal_of(error));
//   write_json(exchange.response, 201, std::move(body));
//
// Native: {"success":...} (contract of the product this API comes from). OTLP: a google.rpc.Status,
// in JSON with the code as an ErrorInfo. What is refused before the body was read has the shape of
// the address: native at /public/traces, unless protobuf was announced.
//
// Threading: the exchange's loop.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "domain/traces/routing.h"
#include "http/server.h"
#include "json/writer.h"

namespace keywright::ingest {

enum class Shape : unsigned char { native, otlp_json, otlp_protobuf };

struct Refusal {
  int status = 400;
  std::string code;  // "VALIDATION_ERROR"
  std::string message;
  std::vector<FieldProblem> details;
  int retry_after_seconds = 0;
  bool challenge = false;  // 401; with `error=` once something was presented
  bool presented = false;
  std::vector<std::pair<std::string, std::string>> headers;
};

Refusal refusal_of(const Error& error);
Refusal refusal_of(domain::RouteOutcome outcome);
Refusal missing_key();

// The object that says it in the native shape: {"code":...,"message":...}.
void write_error(json::Writer& writer, const http::Request& request, const Refusal& refusal);

// Replaces the response.
void write_refusal(http::Exchange& exchange, Shape shape, const Refusal& refusal, Time now);
void write_refusal(const http::Request& request, http::Response& response, Shape shape,
                   const Refusal& refusal, Time now);
void write_json(http::Response& response, int status, std::string body);
void write_protobuf(http::Response& response, int status, std::string body);

}  // namespace keywright::ingest
