#include "store/store.h"

namespace keywright::store {

std::string_view name_of(RecordType type) {
  switch (type) {
    case RecordType::organization: return "organization";
    case RecordType::user: return "user";
    case RecordType::membership: return "membership";
    case RecordType::project: return "project";
    case RecordType::platform: return "platform";
    case RecordType::target: return "target";
    case RecordType::mcp_server: return "mcp_server";
    case RecordType::registry: return "registry";
    case RecordType::service: return "service";
    case RecordType::keyspace: return "keyspace";
    case RecordType::session: return "session";
    case RecordType::ticket: return "ticket";
  }
  return "";
}

Result<void> check_transaction(const Transaction& transaction) {
  for (const domain::Key& key : transaction.keys) {
    if (key.versions.empty() || key.serial <= 0) {
      return fail(Error(Code::internal, "store_constraint", "The change cannot be stored.")
                      .with_internal("key without version or serial: " + key.id.to_string()));
    }
  }
  return {};
}

}  // namespace keywright::store
