// mcp/cross_origin.h - what web pages on other addresses are told: may they come, what may they
// send, what may they read of the answer.
//
//   const Visitor visitor = visitor_of(request, settings.public_url);    // then mcp/origin.h
//   if (request.method == Method::options) answer_preflight(request, response, "POST, OPTIONS");
//   add_cross_origin_fields(response, origin);         // on every other answer
//
// Of any request and response with the shape of http::Request and http::Response: this room knows
// no HTTP.
//
// Threading: pure functions. Lifetime: a Visitor views the request and the public address.
// Source: Fetch standard, CORS protocol.
#pragma once

#include <string_view>

#include "mcp/headers.h"
#include "mcp/origin.h"

namespace keywright::mcp {

template <class Request>
Visitor visitor_of(const Request& request, std::string_view public_url) {
  return {request.headers.find("Origin"), request.authority, request.peer.is_loopback(), public_url,
          request.headers.count("Origin") > 1};
}

// What lets a web page that was let in read the answer. `origin` "": no page asks.
template <class Response>
void add_cross_origin_fields(Response& response, std::string_view origin) {
  response.header("Vary", "Origin");
  if (origin.empty()) return;
  response.header("Access-Control-Allow-Origin", origin);
  response.header("Access-Control-Expose-Headers", kExposedHeaders);
}

// The whole answer to OPTIONS, of a visitor that is welcome.
template <class Request, class Response>
void answer_preflight(const Request& request, Response& response, std::string_view allow) {
  const std::string_view origin = request.headers.find("Origin").value_or("");
  response.status = 204;
  response.header("Allow", allow);
  response.header("Cache-Control", "no-store");
  add_cross_origin_fields(response, origin);
  if (origin.empty()) return;
  const auto wanted = request.headers.find("Access-Control-Request-Headers");
  response.header("Access-Control-Allow-Methods", kAllowedMethods);
  response.header("Access-Control-Allow-Headers", allowed_headers(wanted.value_or("")));
  response.header("Access-Control-Max-Age", "600");
}

}  // namespace keywright::mcp
