#include "domain/access/objects.h"

#include <algorithm>

namespace keywright::domain {

const Membership* User::membership_in(OrganizationId organization) const {
  for (const Membership& membership : memberships) {
    if (membership.organization_id == organization) return &membership;
  }
  return nullptr;
}

bool User::is_active() const {
  return std::any_of(memberships.begin(), memberships.end(),
                     [](const Membership& membership) { return membership.active; });
}

bool may_connect(const User& user, const McpServer& server,
                 const std::vector<const Registry*>& registries) {
  if (!server.enabled) return false;
  const Membership* membership = user.membership_in(server.organization_id);
  if (!membership || !membership->active) return false;
  if (at_least(membership->role, Role::admin) || server.created_by == user.id) return true;
  auto holds = [](const auto& ids, const auto& id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  return std::any_of(registries.begin(), registries.end(), [&](const Registry* registry) {
    return registry->organization_id == server.organization_id &&
           holds(registry->mcp_server_ids, server.id) &&
           (registry->everyone || holds(registry->user_ids, user.id));
  });
}

}  // namespace keywright::domain
