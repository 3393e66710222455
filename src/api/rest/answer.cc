#include "api/rest/answer.h"

#include <fmt/format.h>

#include "api/admission/challenge.h"
#include "api/admission/credentials.h"
#include "base/text.h"
#include "http/cookie.h"
#include "http/problem.h"
#include "json/document.h"

namespace keywright::rest {
namespace {

// Where a repeated creation finds what the first one made: its id is in the stored answer, and
// everything stands below the address where it was made.
void write_location_again(const http::Request& request, http::Response& response) {
  const auto document = json::Document::parse(response.body);
  const auto id = document ? document->root().find("id") : std::nullopt;
  const auto text = id ? id->as_string() : std::nullopt;
  if (text) response.header("Location", fmt::format("{}/{}", request.path, *text));
}

void write_reply(const http::Request& request, http::Response& response, const app::Call& call) {
  const app::Reply& reply = call.reply;
  if (!reply.etag.empty()) response.header("ETag", reply.etag);
  if (!reply.location.empty()) {
    response.header("Location", fmt::format("{}{}", kPathPrefix, reply.location));
  } else if (reply.replayed && response.status == 201) {
    write_location_again(request, response);
  }
  if (reply.replayed) response.header("Idempotent-Replayed", "true");
  for (const auto& [name, value] : reply.headers) response.header(name, value);
  if (!reply.session_token.reveal().empty()) {
    http::set_cookie(
        response, admission::session_cookie_name(call.secure), reply.session_token.reveal(),
        {.max_age = std::chrono::seconds(reply.session_seconds), .secure = call.secure});
  } else if (reply.end_session) {
    http::set_cookie(response, admission::session_cookie_name(call.secure), "",
                     {.max_age = std::chrono::seconds(0), .secure = call.secure});
  }
}

bool is_unchanged(const http::Request& request, const app::Reply& reply) {
  if (reply.etag.empty()) return false;
  if (request.method != http::Method::get && request.method != http::Method::head) return false;
  const auto known = request.headers.find("If-None-Match");
  return known && etag_matches(*known, reply.etag);
}

}  // namespace

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const auto comma = if_none_match.find(',');
    std::string_view candidate = trim(if_none_match.substr(0, comma));
    if (candidate == "*") return true;
    if (candidate.starts_with("W/")) candidate.remove_prefix(2);
    if (candidate == etag) return true;
    if (comma == std::string_view::npos) break;
    if_none_match.remove_prefix(comma + 1);
  }
  return false;
}

void add_api_headers(http::Response& response) {
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
}

void write_answer(const http::Request& request, http::Response& response, const app::Call& call) {
  response.status = call.reply.status != 0 ? call.reply.status : call.operation->status;
  add_api_headers(response);
  write_reply(request, response, call);
  if (is_unchanged(request, call.reply)) {
    response.status = 304;
    response.body.clear();
    return;
  }
  if (call.operation->output == &json::type_of<app::Nothing>()) {
    if (response.status == 200) response.status = 204;
    response.body.clear();
    return;
  }
  response.content_type("application/json");
}

void write_error(const http::Request& request, http::Response& response, const Error& error,
                 const app::Reply& reply, bool presented) {
  response.clear();
  http::write_problem(response, error, request.request_id);
  add_api_headers(response);
  for (const auto& [name, value] : reply.headers) response.header(name, value);
  if (error.code() != Code::unauthenticated) return;
  response.header("WWW-Authenticate", admission::challenge(error, presented));
}

}  // namespace keywright::rest
