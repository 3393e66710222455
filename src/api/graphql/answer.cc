#include "api/graphql/answer.h"

#include <charconv>

#include "api/admission/challenge.h"
#include "api/graphql/visit.h"
#include "base/text.h"
#include "http/problem.h"
#include "json/writer.h"

namespace keywright::graphql_face {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kGraphqlResponse = "application/graphql-response+json";

std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const std::string_view part = trim(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

// "q=0.5" of what follows the type.
double weight_of(std::string_view parameters) {
  double weight = 1;
  while (!parameters.empty()) {
    const std::string_view part = next_part(parameters, ';');
    if (part.size() > 2 && ascii_lower(part[0]) == 'q' && part[1] == '=') {
      std::from_chars(part.data() + 2, part.data() + part.size(), weight);
    }
  }
  return weight;
}

}  // namespace

Media media_wanted(const http::Request& request) {
  double json = -1;
  double graphql_response = -1;
  for (const http::Field& field : request.headers) {
    if (!equals_ignoring_case(field.name, "Accept")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      std::string_view range = next_part(rest, ',');
      const std::string_view type = next_part(range, ';');
      const double weight = weight_of(range);
      if (equals_ignoring_case(type, kGraphqlResponse)) graphql_response = weight;
      if (equals_ignoring_case(type, kJson)) json = weight;
    }
  }
  return graphql_response > 0 && graphql_response >= json ? Media::graphql_response : Media::json;
}

void finish(http::Response& response, Media media) {
  response.content_type(media == Media::json ? kJson : kGraphqlResponse);
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
}

void write_refusal(http::Response& response, Media media, int status, std::string_view code,
                   std::string_view message) {
  response.clear();
  response.status = status;
  json::Writer writer(response.body);
  writer.begin_object().key("errors").begin_array().begin_object();
  writer.key("message").string(message);
  writer.key("extensions").begin_object().key("code").string(code).end_object();
  writer.end_object().end_array();
  if (status == 401) writer.key("data").null();
  writer.end_object();
  finish(response, media);
}

void write_refusal(http::Response& response, Media media, const Error& error, bool presented) {
  write_refusal(response, media, http::status_of(error.code()), code_of(error), error.detail());
  if (error.retry_after_seconds() > 0) {
    response.header("Retry-After", std::to_string(error.retry_after_seconds()));
  }
  if (error.code() != Code::unauthenticated) return;
  response.header("WWW-Authenticate", admission::challenge(error, presented));
}

}  // namespace keywright::graphql_face
