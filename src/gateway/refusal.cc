#include "gateway/refusal.h"

#include "http/problem.h"

namespace keywright::gateway {

namespace {

constexpr std::string_view kChallenge = "Bearer realm=\"keywright\"";
constexpr std::string_view kRefusedChallenge =
    "Bearer realm=\"keywright\", error=\"invalid_token\", "
    "error_description=\"The credential is not valid\"";

}  // namespace

void write_refusal(http::Exchange& exchange, const Error& error, Presence presence) {
  http::Response& response = exchange.response;
  response.clear();
  http::write_problem(response, error, exchange.request.request_id);
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
  if (error.code() != Code::unauthenticated) return;
  const bool refused = presence == Presence::presented && error.reason() == "unauthenticated";
  response.header("WWW-Authenticate", refused ? kRefusedChallenge : kChallenge);
}

}  // namespace keywright::gateway
