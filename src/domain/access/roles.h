// domain/access/roles.h - what each role may do, as one table.
//
//   if (!allows(Role::member, Right::projects_write)) ...
//
// A right is named like the permission strings people see ("projects:write"). Rights are held in an
// organization through a membership; nothing here knows about keys: a key narrows its owner's
// rights, it never adds to them.
//
// Threading: constants. Cost: one table look-up.
#pragma once

#include <optional>
#include <string_view>

#include "json/describe.h"

namespace keywright::domain {

enum class Role : unsigned char { owner, admin, member, viewer, auditor };
KW_DESCRIBE_ENUM(Role, owner, admin, member, viewer, auditor)

enum class Right : unsigned char {
  none,                // any signed-in caller: what is one's own
  organization_read,   // and everything else that people of the organization may look at
  organization_write,  // rename it, delete it
  users_read,
  users_write,
  projects_read,  // with their platforms
  projects_write,
  targets_read,
  targets_write,
  mcp_servers_read,
  mcp_servers_write,
  registries_read,
  registries_write,
  services_read,
  services_write,
  keyspaces_read,
  keyspaces_write,
  keys_read_all,    // the keys of others
  keys_manage_all,  // disable and revoke them; create for owners that are not people
  keys_verify,
  audit_read,
};

// "projects:write". right_named() is the way back; nullopt for a text that names no right.
std::string_view name_of(Right right);
std::optional<Right> right_named(std::string_view name);

bool allows(Role role, Right right);

// True when `role` stands at least as high as `other`: an admin may not act on an owner. auditor
// and viewer stand level, below member.
bool at_least(Role role, Role other);

}  // namespace keywright::domain
