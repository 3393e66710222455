// http/problem.h - errors as application/problem+json.
//
//   if (!result) return http::write_problem(response, result.error(), request.request_id);
//
//   {"type":"about:blank","title":"Bad Request","status":400,"code":"invalid_request",
//    "detail":"expires_at: must be in the future","request_id":"...",
//    "errors":[{"field":"expires_at","message":"must be in the future"}]}
//
// `code` is the Error's reason. status_of() is the only table from Code to status. What is in
// Error::internal() never gets here. retry_after_seconds becomes Retry-After.
//
// Threading: pure functions. Source: RFC 9457.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace keywright::http {

int status_of(Code code);

// Replaces the response.
void write_problem(Response& response, const Error& error, std::string_view request_id);
// For statuses that no Code stands for, and for refusals of the protocol.
void write_problem(Response& response, int status, std::string_view code, std::string_view detail,
                   std::string_view request_id);

}  // namespace keywright::http
