#include "graphql/prepare.h"

#include <fmt/format.h>

#include "graphql/parser.h"
#include "graphql/validate.h"

namespace keywright::graphql {
namespace {

std::optional<Fault> choose_operation(const DocumentNode& document, std::string_view name,
                                      const OperationNode*& chosen) {
  for (const OperationNode& operation : document.operations) {
    if (name.empty() && chosen != nullptr) {
      return Fault{.message = "Must provide operation name if query contains multiple operations."};
    }
    if (name.empty() || operation.name.text == name) chosen = &operation;
  }
  if (chosen != nullptr) return std::nullopt;
  return Fault{.message = name.empty() ? "Must provide an operation."
                                       : fmt::format("Unknown operation named \"{}\".", name)};
}

}  // namespace

Prepared prepare(const Schema& schema, const RequestText& request, const Limits& limits,
                 Arena& arena) {
  Prepared prepared;
  if (request.text.size() > limits.document_bytes) {
    prepared.faults.push_back(
        {.message = fmt::format("The document is longer than {} bytes.", limits.document_bytes)});
    return prepared;
  }
  Parsed parsed = parse(request.text, arena, limits.tokens);
  if (parsed.document == nullptr) {
    prepared.faults.push_back(std::move(*parsed.fault));
    return prepared;
  }
  prepared.document = parsed.document;
  if (auto fault = check_size(*parsed.document, limits)) {
    prepared.faults.push_back(std::move(*fault));
    return prepared;
  }
  prepared.faults = validate(schema, *parsed.document);
  if (!prepared.faults.empty()) return prepared;
  if (auto fault = choose_operation(*parsed.document, request.operation_name, prepared.operation)) {
    prepared.faults.push_back(std::move(*fault));
    return prepared;
  }
  prepared.variables =
      coerce_variables(*prepared.operation, request.variables, arena, prepared.faults);
  if (!prepared.faults.empty()) return prepared;
  if (auto fault = check_cost(*prepared.operation, prepared.variables, limits)) {
    prepared.faults.push_back(std::move(*fault));
  }
  return prepared;
}

}  // namespace keywright::graphql
