// graphql/prepare.h - from the text of a request to an operation that may run.
//
//   Arena arena;
//   const Prepared prepared = prepare(schema, {text, operation_name, variables}, limits, arena);
//   if (!prepared.faults.empty()) return refuse(prepared.faults);
//
// Parses, measures, validates, chooses the operation and reads its variables: everything that can
// refuse a request before anything of it is executed.
//
// Errors: faults, all of the first step that finds some.
// Threading: pure. Lifetime: what is found points into the text and the arena.
// Cost: a few microseconds for a small document.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "graphql/arena.h"
#include "graphql/fault.h"
#include "graphql/limits.h"
#include "graphql/schema.h"
#include "graphql/values.h"

namespace keywright::graphql {

struct RequestText {
  std::string_view text;
  std::string_view operation_name;       // "": the only one there is
  std::optional<json::Value> variables;  // an object
};

struct Prepared {
  const DocumentNode* document = nullptr;
  const OperationNode* operation = nullptr;
  Variables variables;
  std::vector<Fault> faults;
};

Prepared prepare(const Schema& schema, const RequestText& request, const Limits& limits,
                 Arena& arena);

}  // namespace keywright::graphql
