#include "app/operations.h"

namespace keywright::app {

std::span<const Operation> all_operations() {
  static const std::vector<Operation> operations = [] {
    std::vector<Operation> list;
    add_session_operations(list);
    add_me_operations(list);
    add_organization_operations(list);
    add_user_operations(list);
    add_project_operations(list);
    add_trace_operations(list);
    add_forwarding_operations(list);
    add_target_operations(list);
    add_mcp_server_operations(list);
    add_registry_operations(list);
    add_service_operations(list);
    add_keyspace_operations(list);
    add_key_operations(list);
    add_key_import_operations(list);
    add_verify_operations(list);
    add_audit_operations(list);
    return list;
  }();
  return operations;
}

const Operation* find_operation(std::string_view name) {
  for (const Operation& operation : all_operations()) {
    if (operation.name == name) return &operation;
  }
  return nullptr;
}

}  // namespace keywright::app
