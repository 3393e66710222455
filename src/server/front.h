// server/front.h - which face answers a request.
//
//   Front front(console, rest_face);
//   http::Server server(loops, front, {});
//
// The native API comes last: what no other face knows is a 404 of the API. A face keeps its own
// rules for bodies and for the moment before an answer begins.
//
// Threading: any loop at once. Lifetime: the faces outlive the front.
// Cost: a look at the first characters of the path.
#pragma once

#include <optional>

#include "console/console.h"
#include "http/server.h"

namespace keywright::server {

class Front final : public http::Handler {
 public:
  Front(http::Handler& console, http::Handler& rest) : console_(console), rest_(rest) {}

  std::optional<Task<void>> handle(http::Exchange& exchange) override {
    return face_of(exchange.request).handle(exchange);
  }
  void before_response(http::Exchange& exchange) override {
    face_of(exchange.request).before_response(exchange);
  }
  std::size_t body_limit(const http::Request& request) override {
    return face_of(request).body_limit(request);
  }
  bool streams_body(const http::Request& request) override {
    return face_of(request).streams_body(request);
  }

 private:
  http::Handler& face_of(const http::Request& request) const {
    return console::serves(request.path) ? console_ : rest_;
  }

  http::Handler& console_;
  http::Handler& rest_;
};

}  // namespace keywright::server
