// api/rest/answer.h - what an operation returned, as an HTTP response.
//
//   write_answer(exchange.request, exchange.response, call, options);   // body is already in place
//   write_error(exchange.request, exchange.response, error, call.reply, presented);
//
// Status, ETag and 304, Location, cookies, limits and caching of an answer; problem+json with its
// challenge for an error. Nothing that the API answers may be kept by a cache.
//
// A 401 says `error="invalid_token"` only if a credential was presented and refused: without one,
// the challenge just names the scheme (RFC 6750 section 3.1).
//
// Threading: the exchange's loop. Cost: a few short appends.
#pragma once

#include "app/operation.h"
#include "http/message.h"

namespace keywright::rest {

// Before the path of every operation.
inline constexpr std::string_view kPathPrefix = "/api/v1";

// `response.body` holds the output. Turns it into a 304 or 204 where that is the answer.
void write_answer(const http::Request& request, http::Response& response, const app::Call& call);

// Replaces the response. `presented`: the request carried a credential.
void write_error(const http::Request& request, http::Response& response, const Error& error,
                 const app::Reply& reply, bool presented);

// No caching; headers that every answer of the API carries.
void add_api_headers(http::Response& response);

// Does an If-None-Match value name this (quoted) ETag? Weak comparison, lists and "*".
bool etag_matches(std::string_view if_none_match, std::string_view etag);

}  // namespace keywright::rest
