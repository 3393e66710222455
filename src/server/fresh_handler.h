// server/fresh_handler.h - no answer from records that may be too old.
//
//   FreshHandler fresh(faces.front(), cluster.freshness(), clock);
//   http::Server server(loops, fresh, {});
//
// The one place where every face meets the rule: asked before a request is looked at, after it has
// arrived, and again right before the first byte of its answer, so that a process or a machine that
// was stopped in between answers 503 and not yes. What tells how the node is, and what is the same
// for everybody (pages, the description of the API), is answered all the same. Who calls an address
// with a shape of its own is refused in that shape.
//
// Threading: as a Handler. Lifetime: what it is given outlives it. Cost: two looks at two clocks.
#pragma once

#include <optional>
#include <string_view>

#include "api/graphql/answer.h"
#include "api/graphql/face.h"
#include "api/targets/answers.h"
#include "api/targets/places.h"
#include "base/clock.h"
#include "base/result.h"
#include "cluster/freshness.h"
#include "http/problem.h"
#include "http/server.h"
#include "ingest/face.h"

namespace keywright::server {

class FreshHandler final : public http::Handler {
 public:
  FreshHandler(http::Handler& inner, const cluster::Freshness& freshness, const Clock& clock)
      : inner_(inner), freshness_(freshness), clock_(clock) {}

  std::optional<Task<void>> handle(http::Exchange& exchange) override {
    if (!is_public(exchange.request.path) && !freshness_.is_fresh()) {
      refuse(exchange);
      return std::nullopt;
    }
    return inner_.handle(exchange);
  }

  void before_response(http::Exchange& exchange) override {
    inner_.before_response(exchange);
    if (exchange.response.status >= 400 || is_public(exchange.request.path)) return;
    if (freshness_.is_fresh()) return;
    exchange.response.clear();
    refuse(exchange);
  }

  std::size_t body_limit(const http::Request& request) override {
    return inner_.body_limit(request);
  }
  void body_too_large(const http::Request& request, http::Response& response) override {
    if (freshness_.is_fresh()) inner_.body_too_large(request, response);
  }
  bool streams_body(const http::Request& request) override { return inner_.streams_body(request); }

 private:
  static bool is_public(std::string_view path) {
    for (std::string_view whole :
         {"/", "/healthz", "/health", "/readyz", "/metrics", "/openapi.json", "/docs"}) {
      if (path == whole) return true;
    }
    return path.starts_with("/console/") || path.starts_with("/docs/");
  }

  void refuse(http::Exchange& exchange) const {
    const http::Request& request = exchange.request;
    http::Response& response = exchange.response;
    const Error error =
        Error(Code::unavailable, "store_unavailable",
              "This node has not reached the store for too long to answer. Try again in a moment.")
            .with_retry_after_seconds(1);
    if (ingest::serves(request.path)) {
      return ingest::write_refusal_of(request, response, error, clock_.now());
    }
    if (api_targets::serves(request.path)) {
      return api_targets::write_error(response, error, {request.method_text, {}});
    }
    if (graphql_face::serves(request.path)) {
      return graphql_face::write_refusal(response, graphql_face::media_wanted(request), error,
                                         true);
    }
    http::write_problem(response, error, request.request_id);
    response.header("Cache-Control", "no-store");
  }

  http::Handler& inner_;
  const cluster::Freshness& freshness_;
  const Clock& clock_;
};

}  // namespace keywright::server
