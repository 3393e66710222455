#include "cli/api_operation.h"

#include "app/operation.h"

namespace keywright::cli {

const std::vector<ApiOperation>& api_operations() {
  static const std::vector<ApiOperation> operations = [] {
    std::vector<ApiOperation> list;
    for (const app::Operation& operation : app::all_operations()) {
      list.push_back({operation.name, operation.method, operation.path, operation.summary,
                      operation.description, operation.destructive, operation.no_store,
                      operation.input, operation.output});
    }
    return list;
  }();
  return operations;
}

const json::Type& inner_type(const json::Type& type) {
  const bool wraps = type.shape == json::Shape::optional || type.shape == json::Shape::patch;
  return wraps ? inner_type(type.element()) : type;
}

const json::Type* item_type(const ApiOperation& operation) {
  const json::Field* items = operation.output->find("items");
  if (items == nullptr || operation.output->find("next_cursor") == nullptr) return nullptr;
  const json::Type& list = items->type();
  return list.shape == json::Shape::list ? &inner_type(list.element()) : nullptr;
}

bool is_paged(const ApiOperation& operation) { return operation.input->find("limit") != nullptr; }

const json::Field* shown_secret(const ApiOperation& operation) {
  if (!operation.gives_secret) return nullptr;
  for (const json::Field& field : operation.output->fields) {
    if (field.shown && inner_type(field.type()).shape == json::Shape::secret) return &field;
  }
  return nullptr;
}

}  // namespace keywright::cli
