#include <algorithm>

#include <fmt/format.h>

#include "app/keys.h"
#include "domain/keys/lifecycle.h"
#include "domain/keys/token.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::Kind;
using domain::McpServer;
using domain::Platform;
using domain::Scope;
using domain::ScopePolicy;

constexpr std::size_t kPermissionsMax = 100;
constexpr std::size_t kScopeIdsMax = 1000;
constexpr std::size_t kMetadataBytesMax = 16 * 1024;
constexpr std::size_t kProblemsSaidMax = 20;
constexpr std::string_view kManagementPermissions[] = {"keys:verify", "keys:read", "keys:write",
                                                       "audit:read"};

// May the owner of this key reach that resource now?
bool owner_reaches(const Change& change, const Key& key, const Kind& kind, const std::string& id) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) return false;
  if (kind.scoped_to == domain::ResourceType::platform) {
    const Platform* platform = change.find<Platform>(*uuid);
    return platform != nullptr && platform->project_id.to_string() == key.owner.id;
  }
  const McpServer* server = change.find<McpServer>(*uuid);
  const auto owner_id = Uuid::parse(key.owner.id);
  const domain::User* owner = owner_id ? change.find<domain::User>(*owner_id) : nullptr;
  if (server == nullptr || owner == nullptr) return false;
  if (!role_in(owner, server->organization_id)) return false;
  std::vector<const domain::Registry*> registries;
  change.for_each<domain::Registry>([&](const domain::Registry& registry) {
    if (registry.organization_id == server->organization_id) registries.push_back(&registry);
  });
  return domain::may_connect(*owner, *server, registries);
}

// Of the ids as the request lists them; they are kept in the form they are compared in.
void check_listed(const Change& change, const Key& key, const Kind& kind, Scope& scope,
                  Problems& problems) {
  if (scope.ids.empty()) {
    problems.push_back({"scope.ids", "must list at least one id"});
    return;
  }
  if (scope.ids.size() > kScopeIdsMax) {
    problems.push_back({"scope.ids", "must list at most 1000 ids"});
    return;
  }
  if (kind.scope == ScopePolicy::optional_list) {
    for (std::size_t i = 0; i < scope.ids.size(); ++i) {
      if (!scope.ids[i].empty()) continue;
      problems.push_back({fmt::format("scope.ids[{}]", i), "must not be blank"});
    }
    return;
  }
  for (std::size_t i = 0; i < scope.ids.size(); ++i) {
    if (owner_reaches(change, key, kind, scope.ids[i])) {
      scope.ids[i] = Uuid::parse(scope.ids[i])->to_string();
      continue;
    }
    problems.push_back(
        {fmt::format("scope.ids[{}]", i),
         fmt::format("\"{}\" is unknown, or the key's owner does not reach it", scope.ids[i])});
  }
}

void sort_unique(std::vector<std::string>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

// Any other star would be taken for itself and match nothing.
bool star_fits(std::string_view text) {
  const std::size_t star = text.find('*');
  return star == std::string_view::npos ||
         (star == text.size() - 1 && (star == 0 || text[star - 1] == '.' || text[star - 1] == ':'));
}

bool is_permission(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  return star_fits(text) && std::all_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
                  c != '"' && c != '\\' && c != ',';
         });
}

bool is_tool_rule(std::string_view text) {
  constexpr std::string_view kCall = "tools/call:";
  return text.starts_with(kCall) && text.size() > kCall.size() && star_fits(text);
}

bool fits_kind(const Kind& kind, std::string_view permission) {
  if (kind.owners.contains(domain::OwnerType::organization)) {
    return std::find(std::begin(kManagementPermissions), std::end(kManagementPermissions),
                     permission) != std::end(kManagementPermissions);
  }
  if (kind.owners.contains(domain::OwnerType::user)) return is_tool_rule(permission);
  return is_permission(permission);
}

std::string_view permission_rule(const Kind& kind) {
  if (kind.owners.contains(domain::OwnerType::organization)) {
    return "must be keys:verify, keys:read, keys:write or audit:read";
  }
  if (kind.owners.contains(domain::OwnerType::user)) {
    return "must be \"tools/call:\" and the name of a tool, with \"*\" only at the end after \".\" "
           "or \":\"";
  }
  return "must be printable text without spaces, with \"*\" only at the end after \".\" or \":\"";
}

}  // namespace

Result<void> none_or_error(Problems problems) {
  if (problems.empty()) return {};
  std::string detail;  // says them all: an item of an import has no other place for them
  const std::size_t said = std::min(problems.size(), kProblemsSaidMax);
  for (std::size_t i = 0; i < said; ++i) {
    detail += fmt::format("{}{}: {}", i == 0 ? "" : "; ", problems[i].field, problems[i].message);
  }
  if (const std::size_t more = problems.size() - said; more > 0) {
    detail += fmt::format(" (and {} more problem{})", more, more == 1 ? "" : "s");
  }
  Error error(Code::invalid_argument, "invalid_request", detail);
  for (const FieldProblem& problem : problems) {
    error = std::move(error).with_problem(problem.field, problem.message);
  }
  return fail(std::move(error));
}

void check_scope(const Change& change, const Key& key, const std::optional<ScopeView>& scope,
                 std::optional<Scope>& into, Problems& problems) {
  const Kind& kind = change.directory().kinds().at(key.kind);
  const bool takes = kind.scope == ScopePolicy::required ||
                     kind.scope == ScopePolicy::all_by_default ||
                     kind.scope == ScopePolicy::optional_list;
  into.reset();
  if (!scope) {
    if (kind.scope == ScopePolicy::required) {
      problems.push_back({"scope", "is required: {\"all\": true} or {\"ids\": [...]}"});
    }
    if (kind.scope == ScopePolicy::all_by_default) into = Scope{true, {}, {}};
    return;
  }
  if (!takes) {
    problems.push_back({"scope", fmt::format("cannot be set for keys of kind {}", kind.name)});
    return;
  }
  const bool all = scope->all.has_value() && scope->all.value();
  if (all == scope->ids.has_value() || (scope->all.has_value() && !all)) {
    problems.push_back({"scope", "must be either {\"all\": true} or {\"ids\": [...]}"});
    return;
  }
  Scope checked;
  checked.all = all;
  if (scope->ids.has_value()) checked.ids = scope->ids.value();
  if (kind.scope == ScopePolicy::optional_list) {
    if (!scope->resource_type.has_value()) {
      problems.push_back({"scope.resource_type", "is required: what the ids name"});
    } else {
      checked.resource_type = scope->resource_type.value();
    }
  } else if (scope->resource_type.has_value()) {
    problems.push_back({"scope.resource_type", "is only for customer keys"});
  }
  if (!checked.all) check_listed(change, key, kind, checked, problems);
  sort_unique(checked.ids);
  into = std::move(checked);
}

void check_permissions(const Kind& kind, const std::optional<std::vector<std::string>>& permissions,
                       Problems& problems) {
  const bool capabilities =
      kind.takes_permissions && kind.owners.contains(domain::OwnerType::organization);
  if (!permissions) {
    if (capabilities) {
      problems.push_back({"permissions", "is required: what the key may do"});
    }
    return;
  }
  if (!kind.takes_permissions) {
    problems.push_back(
        {"permissions", fmt::format("cannot be set for keys of kind {}", kind.name)});
    return;
  }
  if (capabilities && permissions->empty()) {
    problems.push_back({"permissions", "must list at least one permission"});
  }
  if (permissions->size() > kPermissionsMax) {
    problems.push_back({"permissions", "must list at most 100 permissions"});
    return;
  }
  for (std::size_t i = 0; i < permissions->size(); ++i) {
    if (fits_kind(kind, (*permissions)[i])) continue;
    problems.push_back({fmt::format("permissions[{}]", i), std::string(permission_rule(kind))});
  }
}

void drop_repeated(std::optional<std::vector<std::string>>& permissions) {
  if (!permissions) return;
  std::vector<std::string> once;
  for (std::string& permission : *permissions) {
    if (std::find(once.begin(), once.end(), permission) == once.end()) {
      once.push_back(std::move(permission));
    }
  }
  *permissions = std::move(once);
}

void check_limits(const std::vector<domain::Limit>& limits, Problems& problems) {
  if (limits.size() > domain::kLimitsMax) {
    problems.push_back({"limits", fmt::format("must be at most {}", domain::kLimitsMax)});
    return;
  }
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const auto same = [&](const domain::Limit& other) { return other.name == limits[i].name; };
    if (std::count_if(limits.begin(), limits.end(), same) > 1) {
      problems.push_back({fmt::format("limits[{}].name", i), "is there twice"});
    }
  }
}

void check_expiry(const Kind& kind, const std::optional<Time>& expires_at, Time now,
                  Problems& problems) {
  if (!expires_at) {
    if (kind.expiry == domain::ExpiryPolicy::required) {
      problems.push_back({"expires_at", fmt::format("is required for keys of kind {}", kind.name)});
    }
    return;
  }
  if (domain::is_past(*expires_at, now)) {
    problems.push_back({"expires_at", "must be in the future"});
  }
}

void check_metadata(const json::Raw& metadata, Problems& problems) {
  if (metadata.view().size() > kMetadataBytesMax) {
    problems.push_back({"metadata", "must have at most 16384 bytes"});
  }
}

void check_shown_text(const domain::Kinds& kinds, std::string_view field, std::string_view text,
                      Problems& problems) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (!word.empty() && read_token(kinds, word).form == domain::TokenForm::recognised) {
      problems.push_back({std::string(field), "must not hold a key: it would be shown to others"});
      return;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Result<KeyOrder> check_order(const Change& change, const KeyRequest& request,
                             const domain::KeyOwner& owner, domain::OrganizationId organization) {
  Problems problems;
  const Kind& kind = *change.directory().kinds().named(request.kind);
  KeyOrder order;
  order.kind = kind.number;
  order.name = request.name;
  order.description = request.description.value_or("");
  order.owner = owner;
  order.organization_id = organization;
  order.expires_at = request.expires_at;
  order.idle_timeout_seconds = request.idle_timeout_seconds;
  order.metadata = request.metadata;
  order.created_at = change.now;
  order.policy.permissions = request.permissions;
  drop_repeated(order.policy.permissions);
  order.policy.limits = request.limits;
  order.policy.allowed_cidrs = request.allowed_cidrs;
  if (request.credits) {
    order.policy.has_credits = true;
    order.policy.refill = request.credits->refill;
    order.credits_remaining = request.credits->remaining;
    order.credits_set_at = change.now;
  }
  check_expiry(kind, request.expires_at, change.now, problems);
  check_permissions(kind, request.permissions, problems);
  check_limits(request.limits, problems);
  check_metadata(request.metadata, problems);
  check_shown_text(change.directory().kinds(), "name", order.name, problems);
  check_shown_text(change.directory().kinds(), "description", order.description, problems);
  check_scope(change, order, request.scope, order.policy.scope, problems);
  if (kind.shape == domain::TokenShape::keyspace) {
    const auto* keyspace =
        request.keyspace_id ? change.find<domain::Keyspace>(request.keyspace_id->value) : nullptr;
    if (keyspace == nullptr || keyspace->organization_id != organization) {
      problems.push_back({"keyspace_id", request.keyspace_id ? "names no keyspace of yours"
                                                             : "is required for customer keys"});
    } else {
      order.keyspace_id = keyspace->id;
    }
  } else if (request.keyspace_id) {
    problems.push_back({"keyspace_id", "is only for customer keys"});
  }
  KW_CHECK_OK(none_or_error(std::move(problems)));
  return order;
}

}  // namespace keywright::app
