// api/mcp/arguments.h - the arguments of a tool, as the input of its operation.
//
//   KW_CO_TRY(const ToolArguments arguments, read_arguments(*tool.operation,
//   params.find("arguments"))); co_await app::perform(app, call, arguments.for_operation());
//
// One JSON object holds what a request spreads over path, query and body. A field of the path or
// the query becomes its text; null is left out there. What the operation does not know stays in the
// body, where it is refused by name.
//
// Errors: invalid_argument naming the field.
// Threading: plain values. Lifetime: for_operation() hands out views of the object.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/operation.h"
#include "json/document.h"

namespace keywright::api_mcp {

struct ToolArguments {
  std::vector<std::pair<std::string, std::string>> values;  // of path and query
  std::vector<json::Parameter> parameters;                  // views of `values`
  std::string body;                                         // "" or a JSON object
  std::string canonical = "{}";  // all of it but `confirm`: what the person is asked about
  bool confirmed = false;

  app::Arguments for_operation() const { return {parameters, body, {}}; }
};

Result<ToolArguments> read_arguments(const app::Operation& operation,
                                     const std::optional<json::Value>& arguments);

}  // namespace keywright::api_mcp
