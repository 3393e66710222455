#include "domain/keys/owner_rights.h"

namespace keywright::domain {

bool gives(const Kind& kind, Right right) {
  if (kind.takes_permissions) return false;
  if (kind.owners.contains(OwnerType::organization)) {
    return right == Right::targets_read || right == Right::targets_write ||
           right == Right::keys_read_all || right == Right::keys_manage_all;
  }
  return kind.owners.contains(OwnerType::target) &&
         (right == Right::targets_read || right == Right::targets_write);
}

bool manages_keys_of(const Kind& kind, OwnerType owner) {
  return owner == OwnerType::target && gives(kind, Right::keys_manage_all);
}

}  // namespace keywright::domain
