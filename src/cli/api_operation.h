// cli/api_operation.h - what the CLI needs to know of an operation of the API (app/operation.h).
//
//   for (const ApiOperation& operation : api_operations()) ...
//
// One file, api_operation.cc, sees the operations themselves; everything else is built from these
// few words and from the described input and output, and is tested with operations of its own.
//
// Threading: constants. Lifetime: of the program.
#pragma once

#include <string_view>
#include <vector>

#include "json/type.h"

namespace keywright::cli {

struct ApiOperation {
  std::string_view name;    // "projects.create"
  std::string_view method;  // "POST"
  std::string_view path;    // below /api/v1: "/projects/{id}"
  std::string_view summary;
  std::string_view description;
  bool destructive = false;
  bool gives_secret = false;  // its answer shows a secret once
  const json::Type* input = nullptr;
  const json::Type* output = nullptr;
};

const std::vector<ApiOperation>& api_operations();

// Of the output: the items of a list, or nullptr if the operation gives no list.
const json::Type* item_type(const ApiOperation& operation);

// Whether it takes `limit` and `cursor`.
bool is_paged(const ApiOperation& operation);

// The field of the output that shows a secret once ("key"), or nullptr.
const json::Field* shown_secret(const ApiOperation& operation);

// What a field holds when it is there: without optional and Patch around it.
const json::Type& inner_type(const json::Type& type);

}  // namespace keywright::cli
