#include "app/key_views.h"

#include "app/authority.h"

namespace keywright::app {
namespace {

std::optional<std::string> none_if_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

std::optional<Time> none_if_never(Time time) {
  return time == Time{} ? std::nullopt : std::optional<Time>(time);
}

// False once owner, organization or keyspace is gone.
bool owner_alive(const Directory& directory, const domain::Key& key) {
  const domain::KeyRecord* record = directory.keys().find(key.id);
  return record == nullptr || directory.owner_exists(*record);
}

std::optional<CreditsView> credits_of(const Directory& directory, const domain::Key& key,
                                      Time now) {
  if (!key.policy.has_credits) return std::nullopt;
  const domain::KeyRecord* record = directory.keys().find(key.id);
  // Set by a change that is being made: the counter does not know of it yet.
  const bool fresh = !record || directory.usage().credits_as_of(key.serial) < key.credits_set_at;
  const std::int64_t remaining =
      fresh ? key.credits_remaining : directory.meter().peek_credits(*record, now);
  return CreditsView{remaining, key.policy.refill};
}

}  // namespace

std::optional<ScopeView> view_of(const std::optional<domain::Scope>& scope) {
  if (!scope) return std::nullopt;
  ScopeView view;
  if (scope->all) {
    view.all = json::Patch<bool>(true);
  } else {
    view.ids = json::Patch<std::vector<std::string>>(scope->ids);
  }
  if (!scope->resource_type.empty()) {
    view.resource_type = json::Patch<std::string>(scope->resource_type);
  }
  return view;
}

std::vector<std::string> audience_names(const domain::Kind& kind) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(domain::Audience::targets_api); ++i) {
    const auto audience = static_cast<domain::Audience>(i);
    if (kind.audiences.contains(audience)) names.emplace_back(json::enum_name(audience));
  }
  return names;
}

OwnerView owner_view(const Directory& directory, const domain::KeyOwner& owner) {
  return {owner.type, owner.id, directory.owner_name(owner)};
}

OwnerView owner_view(const Directory& directory, const domain::KeyRecord& key) {
  OwnerView view{key.owner_type, "", directory.owner_name(key)};
  const auto id = [](const auto* owner) { return owner ? owner->id.to_string() : std::string(); };
  switch (key.owner_type) {
    case domain::OwnerType::user: view.id = id(directory.user(key.owner)); break;
    case domain::OwnerType::organization: view.id = id(directory.organization(key.owner)); break;
    case domain::OwnerType::project: view.id = id(directory.project(key.owner)); break;
    case domain::OwnerType::target: view.id = id(directory.target(key.owner)); break;
    case domain::OwnerType::external: view.id = key.text->external_owner(); break;
  }
  return view;
}

domain::Status status_now(const Directory& directory, const domain::Key& key, Time now) {
  return domain::status_of(key, directory.kinds().at(key.kind), owner_alive(directory, key),
                           directory.usage().last_used_at(key.serial), now);
}

KeyView view_of(const Directory& directory, const domain::Key& key, Time now) {
  const domain::Kind& kind = directory.kinds().at(key.kind);
  const domain::Status status = status_now(directory, key, now);
  KeyView view;
  view.id = key.id.to_string();
  view.serial = key.serial;
  view.kind = kind.name;
  view.name = key.name;
  view.description = key.description;
  view.prefix = none_if_empty(key.current().shown.prefix);
  view.last4 = none_if_empty(key.current().shown.last4);
  view.mask = key.current().shown.mask;
  view.owner = owner_view(directory, key.owner);
  view.organization_id = key.organization_id;
  view.keyspace_id = key.keyspace_id;
  view.audiences = audience_names(kind);
  view.scope = view_of(key.policy.scope);
  view.permissions = key.policy.permissions;
  view.limits = key.policy.limits;
  view.credits = credits_of(directory, key, now);
  view.allowed_cidrs = key.policy.allowed_cidrs;
  view.metadata = key.metadata;
  view.status = status.status;
  view.status_reason = none_if_empty(status.status_reason);
  view.created_at = key.created_at;
  const std::size_t colon = key.created_by.find(':');
  view.created_by = colon == std::string::npos ? key.created_by : key.created_by.substr(colon + 1);
  view.expires_at = key.expires_at;
  view.idle_timeout_seconds = key.idle_timeout_seconds;
  view.last_used_at = none_if_never(directory.usage().last_used_at(key.serial));
  if (const auto address = directory.usage().last_used_address(key.serial)) {
    view.last_used_ip = address->to_string();
  }
  view.revoked_at = key.revoked_at;
  for (const domain::KeyVersion& version : key.versions) {
    view.versions.push_back({version.number, version.shown.mask, version.created_at,
                             version.retires_at,
                             none_if_never(directory.usage().last_used_at(version.cell))});
  }
  return view;
}

std::string etag_of(const domain::Key& key) {
  std::string text = key.name + '\n' + key.description + '\n' + key.state_reason + '\n';
  text += json::enum_name(key.state);
  text += std::to_string(key.current().number);
  text += key.expires_at ? format_rfc3339(*key.expires_at) : "";
  text += '/' + std::to_string(key.idle_timeout_seconds.value_or(0));
  text += '/' + std::to_string(to_unix_milliseconds(key.credits_set_at));
  text += key.metadata.view();
  if (const auto scope = view_of(key.policy.scope)) text += json::encode(*scope);
  for (const auto& permission : key.policy.permissions.value_or(std::vector<std::string>{})) {
    text += "\np" + permission;
  }
  for (const auto& limit : key.policy.limits) text += json::encode(limit);
  if (key.policy.refill) text += json::encode(*key.policy.refill);
  for (const auto& network : key.policy.allowed_cidrs) text += "\nn" + network.to_string();
  return etag_of(std::string_view(text));
}

}  // namespace keywright::app
