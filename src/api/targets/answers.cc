#include "api/targets/answers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "api/targets/body.h"
#include "base/text.h"
#include "http/problem.h"
#include "json/writer.h"

namespace keywright::api_targets {
namespace {

// Fields that a request of this API can have; problems of others are problems of the whole.
constexpr std::string_view kFields[] = {"name",     "url",   "username",
                                        "password", "token", "organization_id"};

bool is_field(std::string_view name) {
  return std::find(std::begin(kFields), std::end(kFields), name) != std::end(kFields);
}

// "must be a URL" as a sentence.
std::string sentence(std::string_view message) {
  std::string text(message);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  if (!text.ends_with('.')) text += '.';
  return text;
}

// Texts under their fields, each field once, in the order they came.
void write_problems(json::Writer& writer, const Error& error) {
  std::vector<std::pair<std::string, std::vector<std::string>>> fields;
  const auto add = [&](std::string_view field, std::string text) {
    const std::string name(is_field(field) ? field : kNoField);
    const auto same = [&](const auto& entry) { return entry.first == name; };
    auto found = std::find_if(fields.begin(), fields.end(), same);
    if (found == fields.end()) found = fields.insert(fields.end(), {name, {}});
    found->second.push_back(std::move(text));
  };
  for (const FieldProblem& problem : error.problems()) {
    const bool known = is_field(problem.field) || problem.field == kNoField;
    add(problem.field, sentence(known ? problem.message : problem.field + ": " + problem.message));
  }
  if (fields.empty()) add(kNoField, sentence(error.detail()));
  writer.begin_object();
  for (const auto& [name, texts] : fields) {
    writer.key(name).begin_array();
    for (const std::string& text : texts) writer.string(text);
    writer.end_array();
  }
  writer.end_object();
}

std::string detail_of(const Error& error, const Refused& refused) {
  switch (error.code()) {
    case Code::unauthenticated:
      return error.reason() == "credential_missing"
                 ? "Authentication credentials were not provided."
                 : "Incorrect authentication credentials.";
    case Code::not_found: return error.reason() == "invalid_page" ? "Invalid page." : "Not found.";
    case Code::method_not_allowed: return fmt::format("Method \"{}\" not allowed.", refused.method);
    case Code::unsupported_media_type:
      return fmt::format("Unsupported media type \"{}\" in request.", refused.content_type);
    default: return error.detail();
  }
}

}  // namespace

void write_item(std::string& out, const Item& item, Shape shape) {
  json::Writer writer(out);
  writer.begin_object().key("id").string(item.id).key("name").string(item.name);
  if (shape == Shape::target) writer.key("url").string(item.url);
  writer.end_object();
}

void write_made_key(std::string& out, const KeyRow& made) {
  json::Writer writer(out);
  writer.begin_object().key("id").string(made.id);
  if (made.key.has_value()) writer.key("key").string(made.key.value().reveal());
  writer.key("name").string(made.name).end_object();
}

void write_page(std::string& out, const Page& page, Shape shape) {
  json::Writer writer(out);
  writer.begin_object().key("count").integer(page.count);
  writer.key("page_total").integer(page.page_total).key("page").integer(page.page);
  writer.key("length").integer(page.length).key("results").begin_array();
  for (const Item& item : page.results) {
    std::string text;
    write_item(text, item, shape);
    writer.raw(text);
  }
  writer.end_array().end_object();
}

void write_token(std::string& out, std::string_view token) {
  json::Writer(out).begin_object().key("token").string(token).end_object();
}

void write_error(http::Response& response, const Error& error, const Refused& refused) {
  response.clear();
  response.status = http::status_of(error.code());
  response.content_type("application/json");
  json::Writer writer(response.body);
  if (error.code() == Code::invalid_argument) {
    write_problems(writer, error);
  } else {
    writer.begin_object().key("detail").string(detail_of(error, refused)).end_object();
  }
  add_headers(response);
  if (error.code() == Code::unauthenticated) {
    response.header("WWW-Authenticate", "JWT realm=\"api\"");
  }
  if (error.code() == Code::method_not_allowed) response.header("Allow", refused.allow);
  if (error.retry_after_seconds() > 0) {
    response.header("Retry-After", std::to_string(error.retry_after_seconds()));
  }
}

void add_headers(http::Response& response) {
  response.header("Cache-Control", "no-store");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
}

}  // namespace keywright::api_targets
