// http/router.h - from method and path to the number of a route.
//
//   http::Router router;
//   router.add("POST /api/v1/keys/{id}/rotate", kRotateKey);
//   router.add("GET /console/{rest...}", kConsole);           // the rest, slashes and all, not
//   decoded http::RouteMatch match; switch (router.match(request.method, request.path, match)) {
//     case http::RouteOutcome::found:  handlers[match.route](match.parameter("id")); ...
//     case http::RouteOutcome::wrong_method:  response.header("Allow", match.allow()); ...
//
// Segments compare byte for byte as sent; a literal segment goes before a parameter, and a
// path that is literal to its end is that path for every method. Parameters are
// percent-decoded once. One that would hold a slash, a backslash, a control character, "." or "..",
// or that is not UTF-8, or a malformed escape, makes the path bad. A trailing slash is a segment of
// its own (empty, matching nothing): if a face wants both spellings, it adds both.
// HEAD goes where GET goes unless it has a route of its own.
//
// Threading: add() before the first match(); then any number of threads.
// Lifetime: parameters view the path, or the match's own storage when they were encoded.
// Cost: O(segments), no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace keywright::http {

enum class RouteOutcome : unsigned char { found, unknown_path, wrong_method, bad_path };

class RouteMatch {
 public:
  RouteMatch() = default;
  RouteMatch(const RouteMatch&) = delete;
  RouteMatch& operator=(const RouteMatch&) = delete;

  std::size_t route = 0;
  // The value of {name}; empty if the route has none of that name.
  std::string_view parameter(std::string_view name) const;
  // After wrong_method: the value for the Allow header.
  std::string allow() const;

 private:
  friend class Router;
  struct Parameter {
    std::string_view name;
    std::string_view value;
  };
  static constexpr std::size_t kMaxParameters = 8;
  std::array<Parameter, kMaxParameters> parameters_;
  std::size_t parameter_count_ = 0;
  unsigned allowed_ = 0;  // one bit for each Method
  std::array<char, 512> decoded_;
  std::size_t decoded_size_ = 0;
};

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // "METHOD /path"; ends the process on a malformed or repeated route: those are mistakes in the
  // program, found by the first start.
  void add(std::string_view method_and_pattern, std::size_t route);

  RouteOutcome match(Method method, std::string_view path, RouteMatch& match) const;

 private:
  struct Node;
  struct Walk;
  std::unique_ptr<Node> root_;
};

// Decodes %XX once. False: a malformed escape, or `out` is too small. `size` is what was written.
bool percent_decode(std::string_view text, char* out, std::size_t capacity, std::size_t& size);

}  // namespace keywright::http
