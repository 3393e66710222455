// server/keyless_face.h - a face that reads no keys, and takes none in its address either.
//
//   KeylessFace pages(console);
//   front.add(console::serves, pages);
//
// Pages are served to everybody, so nobody there looks at the query. A key in it is in the
// browser's history and in the logs of proxies already: it is refused as everywhere else, which
// tells whoever sent it.
//
// Errors: 400 `credential_in_query`. Threading: as a Handler. Lifetime: what it is given outlives
// it. Cost: a look at the query, where there is one.
#pragma once

#include <optional>
#include <string_view>

#include "api/admission/credentials.h"
#include "http/problem.h"
#include "http/query.h"
#include "http/server.h"

namespace keywright::server {

class KeylessFace final : public http::Handler {
 public:
  explicit KeylessFace(http::Handler& inner) : inner_(inner) {}

  std::optional<Task<void>> handle(http::Exchange& exchange) override {
    if (refuses_key(exchange)) return std::nullopt;
    return inner_.handle(exchange);
  }
  void before_response(http::Exchange& exchange) override { inner_.before_response(exchange); }
  std::size_t body_limit(const http::Request& request) override {
    return inner_.body_limit(request);
  }
  void body_too_large(const http::Request& request, http::Response& response) override {
    inner_.body_too_large(request, response);
  }
  bool streams_body(const http::Request& request) override { return inner_.streams_body(request); }

 private:
  static bool refuses_key(http::Exchange& exchange) {
    const http::Request& request = exchange.request;
    if (request.query.empty()) return false;
    const auto query = http::Query::parse(request.query);
    if (!query) return false;
    const auto good = admission::refuse_credential_in_query(*query);
    if (good) return false;
    http::write_problem(exchange.response, good.error(), request.request_id);
    return true;
  }

  http::Handler& inner_;
};

}  // namespace keywright::server
