// domain/keys/owner_rights.h - what a key may do that acts for an organization or for a target.
//
//   gives(account_kind, Right::targets_write);                    // true
//   manages_keys_of(account_kind, OwnerType::target);             // true
//   gives(target_kind, Right::targets_write);                     // true: of its own target
//
// A key of a person has that person's rights (domain/access/roles.h), and a key that lists
// permissions has those. What is left are keys whose owner is no person and that list nothing:
// their owner's kind gives them what the table here says, and everything else is closed to them.
//
// Threading: pure. Cost: a comparison.
#pragma once

#include "domain/access/roles.h"
#include "domain/keys/kinds.h"

namespace keywright::domain {

bool gives(const Kind& kind, Right right);

// Whose keys such a key may make, read and delete. Only those that stand below it: no key makes
// another one of its own kind.
bool manages_keys_of(const Kind& kind, OwnerType owner);

}  // namespace keywright::domain
