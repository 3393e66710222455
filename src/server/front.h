// server/front.h - which face answers a request.
//
//   Front front(rest_face);
//   front.add([](std::string_view path) { return path.starts_with("/auth/"); }, gateway);
//   http::Server server(loops, front, {});
//
// Faces are asked in the order they were added; what none of them knows goes to the last one, the
// native API, whose 404 it is. A face keeps its own rules for bodies and for the moment before an
// answer begins.
//
// Threading: add() before the server starts, the rest on any loop at once. Lifetime: the faces
// outlive the front. Cost: a look at the first characters of the path for each face.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace keywright::server {

class Front final : public http::Handler {
 public:
  using Serves = bool (*)(std::string_view path);

  explicit Front(http::Handler& otherwise) : otherwise_(otherwise) {}

  void add(Serves serves, http::Handler& face) { faces_.push_back({serves, &face}); }

  std::optional<Task<void>> handle(http::Exchange& exchange) override {
    return face_of(exchange.request).handle(exchange);
  }
  void before_response(http::Exchange& exchange) override {
    face_of(exchange.request).before_response(exchange);
  }
  std::size_t body_limit(const http::Request& request) override {
    return face_of(request).body_limit(request);
  }
  void body_too_large(const http::Request& request, http::Response& response) override {
    face_of(request).body_too_large(request, response);
  }
  bool streams_body(const http::Request& request) override {
    return face_of(request).streams_body(request);
  }

 private:
  struct Face {
    Serves serves;
    http::Handler* handler;
  };

  http::Handler& face_of(const http::Request& request) const {
    for (const Face& face : faces_) {
      if (face.serves(request.path)) return *face.handler;
    }
    return otherwise_;
  }

  std::vector<Face> faces_;
  http::Handler& otherwise_;
};

}  // namespace keywright::server
