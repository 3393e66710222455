#include "console/console.h"

#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "console/assets.h"
#include "http/problem.h"

namespace keywright::console {
namespace {

using http::Request;
using http::Response;

constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";
// Swagger UI writes HTML of its own making, so trusted types are not for it.
constexpr std::string_view kDocsPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

constexpr std::size_t kToConsole = 1'000'000;  // routes that are no asset
constexpr std::size_t kToConsoleSlash = kToConsole + 1;

struct Tags {
  std::string content;
  std::string compressed;
};

std::string tag_of(std::string_view bytes) {
  return fmt::format("\"{:08x}{:x}\"", crc32(bytes), bytes.size());
}

const std::vector<Tags>& tags() {
  static const std::vector<Tags> made = [] {
    std::vector<Tags> list;
    for (const Asset& asset : all_assets()) {
      list.push_back({tag_of(asset.content), tag_of(asset.compressed)});
    }
    return list;
  }();
  return made;
}

// "gzip" or "*" in the list, and not with q=0.
bool accepts_gzip(const Request& request) {
  const auto accepted = request.headers.find("Accept-Encoding");
  if (!accepted) return false;
  std::string_view rest = *accepted;
  std::optional<bool> star;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    const auto semicolon = item.find(';');
    const std::string_view coding = trim(item.substr(0, semicolon));
    double weight = 1;
    if (semicolon != std::string_view::npos) {
      const auto equals = item.find("q=", semicolon);
      if (equals != std::string_view::npos) {
        const std::string_view number = item.substr(equals + 2);
        std::from_chars(number.data(), number.data() + number.size(), weight);
      }
    }
    if (equals_ignoring_case(coding, "gzip")) return weight > 0;
    if (coding == "*") star = weight > 0;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return star.value_or(false);
}

bool is_known(const Request& request, std::string_view tag) {
  const auto known = request.headers.find("If-None-Match");
  return known && known->find(tag) != std::string_view::npos;
}

void add_security_headers(Response& response, const Asset& asset) {
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
  response.header("Cross-Origin-Resource-Policy", "same-origin");
  if (!asset.content_type.starts_with("text/html")) return;
  response.header("Content-Security-Policy",
                  asset.path.starts_with("/docs") ? kDocsPolicy : kPagePolicy);
  response.header("Cross-Origin-Opener-Policy", "same-origin");
  response.header("X-Frame-Options", "DENY");
}

void write_asset(const Request& request, Response& response, std::size_t index) {
  const Asset& asset = all_assets()[index];
  const bool compressed = accepts_gzip(request);
  const std::string& tag = compressed ? tags()[index].compressed : tags()[index].content;
  response.header("ETag", tag);
  response.header("Cache-Control", "no-cache");  // kept, but asked for again: one short 304
  response.header("Vary", "Accept-Encoding");
  add_security_headers(response, asset);
  if (is_known(request, tag)) {
    response.status = 304;
    return;
  }
  if (compressed) response.header("Content-Encoding", "gzip");
  response.content_type(asset.content_type);
  response.body.assign(compressed ? asset.compressed : asset.content);
}

void redirect(Response& response, int status, std::string_view location) {
  response.status = status;
  response.header("Location", location);
  response.header("Cache-Control", "no-cache");
}

}  // namespace

bool serves(std::string_view path) {
  return path == "/" || path == "/console" || path.starts_with("/console/") || path == "/docs" ||
         path.starts_with("/docs/");
}

Console::Console() {
  for (std::size_t i = 0; i < all_assets().size(); ++i) {
    router_.add(fmt::format("GET {}", all_assets()[i].path), i);
    if (all_assets()[i].path == "/docs") router_.add("GET /docs/", i);
  }
  router_.add("GET /", kToConsole);
  router_.add("GET /console", kToConsoleSlash);
  tags();
}

std::optional<Task<void>> Console::handle(http::Exchange& exchange) {
  const Request& request = exchange.request;
  Response& response = exchange.response;
  http::RouteMatch match;
  switch (router_.match(request.method, request.path, match)) {
    case http::RouteOutcome::found: break;
    case http::RouteOutcome::wrong_method:
      http::write_problem(response, 405, "method_not_allowed",
                          "This address does not know the method; Allow lists those it knows.",
                          request.request_id);
      response.header("Allow", match.allow());
      return std::nullopt;
    case http::RouteOutcome::unknown_path:
    case http::RouteOutcome::bad_path:
      http::write_problem(response, 404, "unknown_path", "Nothing is at this address.",
                          request.request_id);
      return std::nullopt;
  }
  if (match.route == kToConsole) {
    redirect(response, 302, "/console/");
  } else if (match.route == kToConsoleSlash) {
    redirect(response, 308, "/console/");
  } else {
    write_asset(request, response, match.route);
  }
  return std::nullopt;
}

}  // namespace keywright::console
