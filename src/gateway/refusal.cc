#include "gateway/refusal.h"

#include "api/admission/challenge.h"
#include "http/problem.h"

namespace keywright::gateway {

void write_refusal(http::Exchange& exchange, const Error& error, Presence presence) {
  write_refusal(exchange.request, exchange.response, error, presence);
}

void write_refusal(const http::Request& request, http::Response& response, const Error& error,
                   Presence presence) {
  response.clear();
  http::write_problem(response, error, request.request_id);
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
  if (error.code() != Code::unauthenticated) return;
  response.header("WWW-Authenticate", admission::challenge(error, presence == Presence::presented));
}

}  // namespace keywright::gateway
