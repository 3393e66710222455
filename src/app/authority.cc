#include "app/authority.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "domain/keys/lifecycle.h"
#include "domain/keys/owner_rights.h"

namespace keywright::app {
namespace {

using domain::OrganizationId;
using domain::Right;

// Does this secret of the key still open anything, as a change of this group leaves the key?
bool works(const domain::Key& key, const crypto::Sha256& digest, Time now) {
  if (key.state != domain::KeyState::active) return false;
  if (key.expires_at && domain::is_past(*key.expires_at, now)) return false;
  for (const domain::KeyVersion& version : key.versions) {
    if (version.digest == digest) return domain::still_works(version, now);
  }
  return false;
}

// The caller as the writer sees it: also after changes that are not yet in the directory.
Result<void> caller_stands(const Change& change, const Call& call) {
  KW_CHECK_OK(still_admitted(change.directory(), call.caller, change.now));
  if (!call.caller.is_key()) {
    const bool ended = call.caller.is_session() &&
                       change.find<domain::Session>(call.caller.session.value) == nullptr;
    return ended ? fail(unauthenticated()) : Result<void>();
  }
  const domain::Key* pending = change.pending_key(call.caller.key);
  const bool stands = pending == nullptr || works(*pending, call.caller.digest, change.now);
  return stands ? Result<void>() : fail(unauthenticated());
}

Result<void> caller_stands(const Directory& directory, const Call& call) {
  if (call.caller.epoch == directory.epoch()) return {};  // nothing changed since he was admitted
  return still_admitted(directory, call.caller, call.now);
}

Error lacks(std::string_view permission) {
  return forbidden(
      fmt::format("This needs the permission \"{}\" of a management key.", permission));
}

using Permissions = std::optional<std::vector<std::string>>;

Permissions permissions_of(const Directory& view, const Caller& caller) {
  const domain::KeyRecord* key = view.keys().find(caller.digest);
  return key == nullptr ? std::nullopt : key->policy->permissions;
}

Permissions permissions_of(const Change& view, const Caller& caller) {
  if (const domain::Key* pending = view.pending_key(caller.key)) return pending->policy.permissions;
  return permissions_of(view.directory(), caller);
}

// The kind gives this right, or none is asked of a key that has some.
bool stands_by_kind(const domain::Kind& kind, Right right) {
  return domain::gives(kind, right == Right::none ? Right::targets_read : right);
}

// A key without a person behind it acts in its own organization: a management key with its
// permissions, keys of accounts and targets with what their kind gives, and nothing else.
template <class View>
Result<void> authorise_key(const View& view, const Call& call, OrganizationId organization,
                           Right right) {
  if (organization != call.caller.organization ||
      view.template find<domain::Organization>(organization.value) == nullptr) {
    return fail(not_found("organization"));
  }
  const domain::Kind& kind = view_directory(view).kinds().at(call.caller.kind);
  if (stands_by_kind(kind, right)) return {};
  const auto& operation = *call.operation;
  if (operation.permission.empty() || !kind.takes_permissions) {
    return fail(Error(Code::permission_denied, "wrong_key_kind",
                      "This is for people and for keys that act as their owner. Sign in, or use "
                      "an access key."));
  }
  const Permissions permissions = permissions_of(view, call.caller);
  if (!permissions) return fail(lacks(operation.permission));
  for (const std::string& held : *permissions) {
    if (domain::covers(held, operation.permission)) return {};
  }
  return fail(lacks(operation.permission));
}

template <class View>
Result<void> authorise_in(const View& view, const Call& call, OrganizationId organization,
                          Right right) {
  KW_CHECK_OK(caller_stands(view, call));
  const domain::User* user = user_of(view, call.caller);
  if (user == nullptr) {
    if (!call.caller.is_key()) return fail(unauthenticated());
    return authorise_key(view, call, organization, right);
  }
  const auto role = role_in(user, organization);
  if (!role || view.template find<domain::Organization>(organization.value) == nullptr) {
    return fail(not_found("organization"));
  }
  if (domain::allows(*role, right)) return {};
  return fail(
      forbidden(fmt::format("This needs the right \"{}\", which the role \"{}\" does not have.",
                            domain::name_of(right), json::enum_name(*role))));
}

template <class View>
Result<OrganizationId> choose(const View& view, const Call& call,
                              const std::optional<OrganizationId>& named_in_input) {
  const auto& named = named_in_input ? named_in_input : call.organization_id;
  if (named_in_input && call.organization_id && *named_in_input != *call.organization_id) {
    return fail(invalid_field("organization_id", "is another one in the query than in the body"));
  }
  if (named) {
    auto allowed = authorise(view, call, *named);
    if (!allowed && allowed.error().code() == Code::not_found) {
      return fail(Error(Code::not_found, "not_found", "No organization has this id.")
                      .with_problem("organization_id", "names none that you belong to"));
    }
    KW_CHECK_OK(std::move(allowed));
    return *named;
  }
  if (const domain::User* user = user_of(view, call.caller)) {
    for (const domain::Membership& membership : user->memberships) {
      const auto* organization =
          view.template find<domain::Organization>(membership.organization_id.value);
      if (!membership.active || organization == nullptr) continue;
      KW_CHECK_OK(authorise(view, call, organization->id));
      return organization->id;
    }
    return fail(forbidden("You belong to no organization."));
  }
  KW_CHECK_OK(authorise(view, call, call.caller.organization));
  return call.caller.organization;
}

}  // namespace

// Nobody makes a Directory for the length of a call.
// NOLINTNEXTLINE(bugprone-return-const-ref-from-parameter)
const Directory& view_directory(const Directory& view) { return view; }
const Directory& view_directory(const Change& view) { return view.directory(); }

const domain::User* user_of(const Directory& view, const Caller& caller) {
  return caller.user.is_nil() ? nullptr : view.find<domain::User>(caller.user.value);
}

const domain::User* user_of(const Change& view, const Caller& caller) {
  return caller.user.is_nil() ? nullptr : view.find<domain::User>(caller.user.value);
}

Result<void> authorise(const Directory& view, const Call& call, OrganizationId organization) {
  return authorise_in(view, call, organization, call.operation->right);
}
Result<void> authorise(const Change& view, const Call& call, OrganizationId organization) {
  return authorise_in(view, call, organization, call.operation->right);
}
Result<void> authorise(const Directory& view, const Call& call, OrganizationId organization,
                       Right right) {
  return authorise_in(view, call, organization, right);
}
Result<void> authorise(const Change& view, const Call& call, OrganizationId organization,
                       Right right) {
  return authorise_in(view, call, organization, right);
}

std::optional<domain::Role> role_in(const domain::User* user, OrganizationId organization) {
  if (user == nullptr) return std::nullopt;
  const domain::Membership* membership = user->membership_in(organization);
  if (membership == nullptr || !membership->active) return std::nullopt;
  return membership->role;
}

bool holds_all_of(domain::Role own, domain::Role other) {
  const bool reads_as_much = other != domain::Role::auditor || own == domain::Role::auditor ||
                             domain::at_least(own, domain::Role::admin);
  return reads_as_much && domain::at_least(own, other);
}

Result<OrganizationId> choose_organization(const Directory& view, const Call& call,
                                           const std::optional<OrganizationId>& named) {
  return choose(view, call, named);
}
Result<OrganizationId> choose_organization(const Change& view, const Call& call,
                                           const std::optional<OrganizationId>& named) {
  return choose(view, call, named);
}

Result<void> stands(const Change& view, const Call& call) { return caller_stands(view, call); }

Error not_found(std::string_view what) {
  return Error(Code::not_found, "not_found", fmt::format("No {} has this id.", what));
}

Error forbidden(std::string_view detail) {
  return Error(Code::permission_denied, "forbidden", detail);
}

std::optional<domain::TargetId> own_target(const Directory& directory, const Caller& caller) {
  if (!caller.is_key()) return std::nullopt;
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key == nullptr || key->owner_type != domain::OwnerType::target) return std::nullopt;
  const domain::Target* target = directory.target(key->owner);
  return target == nullptr ? domain::TargetId{} : target->id;
}

bool reaches(const Directory& directory, const Caller& caller, const Uuid& object) {
  const auto only = own_target(directory, caller);
  return !only || only->value == object;
}

Result<void> may_manage_keys_of(domain::OwnerType owner, const Caller& caller,
                                const domain::Kinds& kinds) {
  if (caller.is_session()) return {};
  if (caller.is_key()) {
    const domain::Kind& kind = kinds.at(caller.kind);
    const bool by_permission =
        kind.takes_permissions && kind.owners.contains(domain::OwnerType::organization);
    if (by_permission || domain::manages_keys_of(kind, owner)) return {};
  }
  return fail(
      Error(Code::permission_denied, "wrong_key_kind",
            "Keys are managed by people who are signed in and by management keys, and keys "
            "of targets also by account keys. No other key can make, change or list keys."));
}

Result<void> check_if_match(const Call& call, std::string_view etag) {
  if (call.if_match.empty() || call.if_match == "*") return {};
  for (std::string_view rest = call.if_match; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (trim(rest.substr(0, comma)) == etag) return {};
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return fail(Error(Code::precondition_failed, "stale_etag",
                    "It was changed since you read it. Read it again and repeat the change."));
}

std::string etag_of(std::string_view store_form) {
  const crypto::Sha256 digest = crypto::sha256(store_form);
  return "\"" + encode_hex(ByteView(digest).first(8)) + "\"";
}

domain::AuditEvent audit_event(const Change& change, const Call& call, OrganizationId organization,
                               std::string_view object_type, std::string_view object_id,
                               std::string_view object_name) {
  domain::AuditEvent event;
  event.organization_id = organization;
  event.time = change.now;
  event.action = call.operation->name;
  event.object = {std::string(object_type), std::string(object_id), std::string(object_name)};
  event.outcome = "success";
  event.request_id = call.request_id;
  event.address = call.caller.address.to_string();
  event.actor.type = call.caller.is_key() ? "key" : call.caller.is_session() ? "user" : "anonymous";
  if (!call.caller.user.is_nil()) event.actor.id = call.caller.user.to_string();
  if (call.caller.is_key()) event.actor.key_id = call.caller.key.to_string();
  return event;
}

}  // namespace keywright::app
