#include "api/targets/body.h"

#include <fmt/format.h>

#include "base/text.h"

namespace keywright::api_targets {
namespace {

std::string_view name_of(json::ValueKind kind) {
  switch (kind) {
    case json::ValueKind::null: return "null";
    case json::ValueKind::boolean: return "bool";
    case json::ValueKind::integer: return "int";
    case json::ValueKind::number: return "float";
    case json::ValueKind::string: return "str";
    case json::ValueKind::array: return "list";
    case json::ValueKind::object: break;
  }
  return "dict";
}

}  // namespace

Result<Body> Body::read(std::string_view text) {
  if (text.empty()) return Body(std::nullopt);
  auto document = json::Document::parse(text);
  if (!document) {
    return fail(
        invalid_field(kNoField, fmt::format("JSON parse error - {}", document.error().detail())));
  }
  const json::ValueKind kind = document->root().kind();
  if (kind != json::ValueKind::object) {
    return fail(invalid_field(
        kNoField, fmt::format("Invalid data. Expected a dictionary, but got {}.", name_of(kind))));
  }
  return Body(std::move(*document));
}

std::optional<std::string> Body::text(std::string_view field, const TextRules& rules) {
  const auto refuse = [&](std::string message) -> std::optional<std::string> {
    problems_.push_back({std::string(field), std::move(message)});
    return std::nullopt;
  };
  const auto value = document_ ? document_->root().find(field) : std::nullopt;
  if (!value) {
    return rules.required ? refuse("This field is required.") : std::nullopt;
  }
  if (value->is_null()) return refuse("This field may not be null.");
  const auto given = value->as_string();
  if (!given) return refuse("Not a valid string.");
  if (given->find('\0') != std::string_view::npos) {
    return refuse("Null characters are not allowed.");
  }
  const std::string_view kept = rules.trimmed ? trim(*given) : *given;
  if (kept.empty() && !rules.may_be_blank) return refuse("This field may not be blank.");
  if (rules.longest != 0 && count_utf8_characters(kept) > rules.longest) {
    return refuse(fmt::format("Ensure this field has no more than {} characters.", rules.longest));
  }
  return std::string(kept);
}

Result<void> Body::problems() const {
  if (problems_.empty()) return {};
  Error error(Code::invalid_argument, "invalid_request", "The request has problems.");
  for (const FieldProblem& problem : problems_) {
    error = std::move(error).with_problem(problem.field, problem.message);
  }
  return fail(std::move(error));
}

}  // namespace keywright::api_targets
