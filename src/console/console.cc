#include "console/console.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
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
constexpr std::size_t kBelowConsole = kToConsole + 2;

constexpr std::string_view kImmutable = "/console/assets/";

// The first segments of the console's own addresses: web/src/app.tsx.
constexpr std::string_view kPages[] = {
    "setup",    "invitation",      "reset",       "account", "settings", "projects",  "targets",
    "services", "user-management", "mcp-servers", "traces",  "audit",    "registries"};

enum class Form : unsigned char { plain, gzip, brotli };
constexpr std::size_t kForms = 3;

std::string_view content_of(const Asset& asset, Form form) {
  switch (form) {
    case Form::plain: return asset.plain;
    case Form::gzip: return asset.gzip;
    case Form::brotli: return asset.brotli;
  }
  return {};
}

std::string tag_of(std::string_view bytes) {
  return fmt::format("\"{:08x}{:x}\"", crc32(bytes), bytes.size());
}

using Tags = std::array<std::string, kForms>;

const std::vector<Tags>& tags() {
  static const std::vector<Tags> made = [] {
    std::vector<Tags> list;
    for (const Asset& asset : all_assets()) {
      list.push_back({tag_of(asset.plain), tag_of(asset.gzip), tag_of(asset.brotli)});
    }
    return list;
  }();
  return made;
}

// The weight of one item of an Accept-Encoding list: "br", "gzip;q=0.8".
double weight_of(std::string_view item) {
  const auto semicolon = item.find(';');
  if (semicolon == std::string_view::npos) return 1;
  const auto equals = item.find("q=", semicolon);
  if (equals == std::string_view::npos) return 1;
  double weight = 1;
  const std::string_view number = item.substr(equals + 2);
  std::from_chars(number.data(), number.data() + number.size(), weight);
  return weight;
}

// The smallest form that the client takes: named, or covered by "*", and not with q=0.
Form best_form(const Request& request) {
  const auto accepted = request.headers.find("Accept-Encoding");
  if (!accepted) return Form::plain;
  std::optional<bool> gzip;
  std::optional<bool> brotli;
  bool star = false;
  std::string_view rest = *accepted;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    const std::string_view coding = trim(item.substr(0, item.find(';')));
    const bool taken = weight_of(item) > 0;
    if (equals_ignoring_case(coding, "gzip")) gzip = taken;
    if (equals_ignoring_case(coding, "br")) brotli = taken;
    if (coding == "*") star = taken;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (brotli.value_or(star)) return Form::brotli;
  return gzip.value_or(star) ? Form::gzip : Form::plain;
}

bool wants_page(const Request& request) {
  const auto accepted = request.headers.find("Accept");
  return accepted && accepted->find("text/html") != std::string_view::npos;
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
  const Form form = best_form(request);
  const std::string& tag = tags()[index][static_cast<std::size_t>(form)];
  response.header("ETag", tag);
  response.header("Cache-Control", asset.path.starts_with(kImmutable)
                                       ? "public, max-age=31536000, immutable"
                                       : "no-cache");  // kept, but asked for again
  response.header("Vary", "Accept-Encoding");
  add_security_headers(response, asset);
  if (is_known(request, tag)) {
    response.status = 304;
    return;
  }
  if (form == Form::gzip) response.header("Content-Encoding", "gzip");
  if (form == Form::brotli) response.header("Content-Encoding", "br");
  response.content_type(asset.content_type);
  response.body.assign(content_of(asset, form));
}

void redirect(Response& response, int status, std::string_view location) {
  response.status = status;
  response.header("Location", location);
  response.header("Cache-Control", "no-cache");
}

void write_nothing_there(const Request& request, Response& response) {
  http::write_problem(response, 404, "unknown_path", "Nothing is at this address.",
                      request.request_id);
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
    if (all_assets()[i].path == "/console/") page_ = i;
  }
  router_.add("GET /console/{below...}", kBelowConsole);
  router_.add("GET /", kToConsole);
  router_.add("GET /console", kToConsoleSlash);
  tags();
}

std::optional<std::size_t> Console::page_for(const Request& request, std::string_view below) const {
  const std::string_view first = below.substr(0, below.find('/'));
  if (first == "assets" || below.find('.') != std::string_view::npos) return std::nullopt;
  if (std::ranges::find(kPages, first) == std::end(kPages) && !wants_page(request)) {
    return std::nullopt;
  }
  return page_;
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
    case http::RouteOutcome::bad_path: write_nothing_there(request, response); return std::nullopt;
  }
  if (match.route == kToConsole) {
    redirect(response, 302, "/console/");
  } else if (match.route == kToConsoleSlash) {
    redirect(response, 308, "/console/");
  } else if (match.route != kBelowConsole) {
    write_asset(request, response, match.route);
  } else if (const auto page = page_for(request, match.parameter("below"))) {
    write_asset(request, response, *page);
  } else {
    write_nothing_there(request, response);
  }
  return std::nullopt;
}

}  // namespace keywright::console
