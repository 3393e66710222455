#include "api/graphql/connection.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"

namespace keywright::graphql_face {
namespace {

using graphql::Resolving;
using graphql::Value;

Result<std::optional<std::int64_t>> count_argument(const Resolving& field, std::string_view name) {
  const graphql::Input* given = field.argument(name);
  if (given == nullptr || given->is_null()) return std::nullopt;
  if (given->integer < 0) return fail(invalid_field(name, "must not be negative"));
  return std::min(given->integer, kPageMost);
}

Result<std::string> cursor_argument(const Resolving& field, std::string_view name,
                                    std::size_t cursor_bytes) {
  const std::string_view text = field.argument_text(name);
  if (text.empty()) return std::string();
  const auto bytes = decode_base64url(text);
  if (!bytes || bytes->size() != cursor_bytes) {
    return fail(invalid_field(name, "is not a cursor of this list"));
  }
  return std::string(text);
}

Value text_or_null(std::string_view text) {
  return text.empty() ? Value::null() : Value::text(text);
}

}  // namespace

std::string PageArguments::key() const {
  const auto number = [](const std::optional<std::int64_t>& given) {
    return given ? std::to_string(*given) : std::string("-");
  };
  return fmt::format("|{}|{}|{}|{}", number(first), number(last), after, before);
}

Result<PageArguments> page_arguments(const Resolving& field, std::size_t cursor_bytes) {
  PageArguments arguments;
  KW_TRY(arguments.first, count_argument(field, "first"));
  KW_TRY(arguments.last, count_argument(field, "last"));
  KW_TRY(arguments.after, cursor_argument(field, "after", cursor_bytes));
  KW_TRY(arguments.before, cursor_argument(field, "before", cursor_bytes));
  if (!arguments.first && !arguments.last) arguments.first = kPageUsual;
  return arguments;
}

bool stands_before(std::string_view a, std::string_view b) {
  const auto first = decode_base64url(a);
  const auto second = decode_base64url(b);
  return first && second && *first > *second;
}

void add_page_info(graphql::SchemaBuilder& builder) {
  builder.object("PageInfo", "Where a page stands in its list.")
      .field("hasNextPage", "Boolean!", "Are there items after this page?",
             [](Resolving& field) { return Value::boolean(field.parent<PageInfoView>().has_next); })
      .field("hasPreviousPage", "Boolean!", "Are there items before this page?",
             [](Resolving& field) {
               return Value::boolean(field.parent<PageInfoView>().has_previous);
             })
      .field("startCursor", "String", "Cursor of the first item; null on an empty page.",
             [](Resolving& field) { return text_or_null(field.parent<PageInfoView>().start); })
      .field("endCursor", "String", "Cursor of the last item; null on an empty page.",
             [](Resolving& field) { return text_or_null(field.parent<PageInfoView>().end); });
}

void add_page_arguments(graphql::SchemaBuilder::TypeBuilder& type) {
  type.argument("first", "Int", "The first so many, 50 if neither this nor `last` is given.")
      .argument("after", "String", "Only what comes after this cursor.")
      .argument("last", "Int", "The last so many.")
      .argument("before", "String", "Only what comes before this cursor.")
      .paged();
}

}  // namespace keywright::graphql_face
