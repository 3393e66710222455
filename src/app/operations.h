// app/operations.h - the chapters of the native API; each adds its operations in the order of the
// reference. Add a chapter here and in all_operations() (operations.cc).
//
// Threading: called once, when the first list of operations is made.
#pragma once

#include <vector>

#include "app/operation.h"

namespace keywright::app {

void add_session_operations(std::vector<Operation>& operations);
void add_me_operations(std::vector<Operation>& operations);
void add_organization_operations(std::vector<Operation>& operations);
void add_user_operations(std::vector<Operation>& operations);
void add_project_operations(std::vector<Operation>& operations);
void add_trace_operations(std::vector<Operation>& operations);
void add_forwarding_operations(std::vector<Operation>& operations);
void add_target_operations(std::vector<Operation>& operations);
void add_mcp_server_operations(std::vector<Operation>& operations);
void add_registry_operations(std::vector<Operation>& operations);
void add_service_operations(std::vector<Operation>& operations);
void add_keyspace_operations(std::vector<Operation>& operations);
void add_key_operations(std::vector<Operation>& operations);
void add_key_reading_operations(std::vector<Operation>& operations);
void add_key_usage_operations(std::vector<Operation>& operations);
void add_key_state_operations(std::vector<Operation>& operations);
void add_key_access_operations(std::vector<Operation>& operations);
void add_key_import_operations(std::vector<Operation>& operations);
void add_verify_operations(std::vector<Operation>& operations);
void add_audit_operations(std::vector<Operation>& operations);

}  // namespace keywright::app
