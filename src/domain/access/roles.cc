#include "domain/access/roles.h"

#include <cstdint>
#include <initializer_list>
#include <iterator>

namespace keywright::domain {
namespace {

struct RightName {
  Right right;
  std::string_view name;
};

constexpr RightName kRightNames[] = {
    {Right::none, "none"},
    {Right::organization_read, "organization:read"},
    {Right::organization_write, "organization:write"},
    {Right::users_read, "users:read"},
    {Right::users_write, "users:write"},
    {Right::projects_read, "projects:read"},
    {Right::projects_write, "projects:write"},
    {Right::targets_read, "targets:read"},
    {Right::targets_write, "targets:write"},
    {Right::mcp_servers_read, "mcp_servers:read"},
    {Right::mcp_servers_write, "mcp_servers:write"},
    {Right::registries_read, "registries:read"},
    {Right::registries_write, "registries:write"},
    {Right::services_read, "services:read"},
    {Right::services_write, "services:write"},
    {Right::keyspaces_read, "keyspaces:read"},
    {Right::keyspaces_write, "keyspaces:write"},
    {Right::keys_read_all, "keys:read"},
    {Right::keys_manage_all, "keys:write"},
    {Right::keys_verify, "keys:verify"},
    {Right::audit_read, "audit:read"},
};

constexpr std::uint32_t bits(std::initializer_list<Right> rights) {
  std::uint32_t set = 0;
  for (Right right : rights) set |= 1u << static_cast<unsigned>(right);
  return set;
}

constexpr std::uint32_t kViewer =
    bits({Right::none, Right::organization_read, Right::users_read, Right::projects_read,
          Right::targets_read, Right::mcp_servers_read, Right::registries_read,
          Right::services_read, Right::keyspaces_read});
constexpr std::uint32_t kMember =
    kViewer | bits({Right::projects_write, Right::targets_write, Right::services_write});
constexpr std::uint32_t kAdmin =
    kMember | bits({Right::users_write, Right::mcp_servers_write, Right::registries_write,
                    Right::keyspaces_write, Right::keys_read_all, Right::keys_manage_all,
                    Right::keys_verify, Right::audit_read});
constexpr std::uint32_t kOwner = kAdmin | bits({Right::organization_write});
constexpr std::uint32_t kAuditor =
    kViewer | bits({Right::keys_read_all, Right::keys_verify, Right::audit_read});

constexpr std::uint32_t rights_of(Role role) {
  switch (role) {
    case Role::owner: return kOwner;
    case Role::admin: return kAdmin;
    case Role::member: return kMember;
    case Role::viewer: return kViewer;
    case Role::auditor: return kAuditor;
  }
  return 0;
}

constexpr int height(Role role) {
  switch (role) {
    case Role::owner: return 3;
    case Role::admin: return 2;
    case Role::member: return 1;
    case Role::viewer:
    case Role::auditor: return 0;
  }
  return -1;
}

}  // namespace

std::string_view name_of(Right right) {
  auto index = static_cast<std::size_t>(right);
  return index < std::size(kRightNames) ? kRightNames[index].name : std::string_view();
}

std::optional<Right> right_named(std::string_view name) {
  for (const RightName& entry : kRightNames) {
    if (entry.right != Right::none && entry.name == name) return entry.right;
  }
  return std::nullopt;
}

bool allows(Role role, Right right) { return rights_of(role) >> static_cast<unsigned>(right) & 1u; }

bool at_least(Role role, Role other) { return height(role) >= height(other); }

}  // namespace keywright::domain
