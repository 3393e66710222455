#include "app/keys.h"

#include <fmt/format.h>

#include "domain/keys/lifecycle.h"
#include "domain/keys/owner_rights.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::KeyOwner;
using domain::Kind;
using domain::OrganizationId;
using domain::OwnerType;
using domain::Right;
using domain::Role;

// A management key is to be told from the kinds that act as their owner by what it holds.
bool is_management(const Kind& kind) {
  return kind.takes_permissions && kind.owners.contains(OwnerType::organization);
}

bool is_human(const Change& change, const KeyOwner& owner) {
  const auto id =
      owner.type == OwnerType::user ? Uuid::parse(owner.id) : fail(Error(Code::not_found, "", ""));
  const domain::User* user = id ? change.find<domain::User>(*id) : nullptr;
  return user != nullptr && !user->service_account;
}

Error names_nothing(std::string_view what) {
  return invalid_field("owner.id", fmt::format("names no {} of the organization", what));
}

// Keys of a service account have its rights: whoever makes one must hold at least as many.
Result<KeyOwner> service_account_owner(const Change& change, const Call& call,
                                       const KeyOwner& owner, OrganizationId organization) {
  const auto id = Uuid::parse(owner.id);
  const domain::User* user = id ? change.find<domain::User>(*id) : nullptr;
  const auto role = role_in(user, organization);
  if (!role) return fail(names_nothing("user"));
  if (!user->service_account) {
    return fail(
        forbidden("Nobody makes a key for another person. They can make one themselves; "
                  "for automation, make a service account."));
  }
  for (const domain::Membership& held : user->memberships) {
    const auto own = call.caller.is_session()
                         ? role_in(user_of(change, call.caller), held.organization_id)
                         : std::optional<Role>(Role::member);
    if (!own || !holds_all_of(*own, held.role)) {
      return fail(
          forbidden("This service account stands above you; a key for it would give you "
                    "its rights."));
    }
  }
  return owner;
}

// Ids may be written in upper case; keys keep them as they are compared.
KeyOwner canonical(KeyOwner owner) {
  if (owner.type == OwnerType::external) return owner;
  if (const auto id = Uuid::parse(owner.id)) owner.id = id->to_string();
  return owner;
}

Result<KeyOwner> existing_owner(const Change& change, const KeyOwner& owner,
                                OrganizationId organization) {
  const auto id = Uuid::parse(owner.id);
  const auto belongs = [&](const auto* object) {
    return object != nullptr && object->organization_id == organization;
  };
  switch (owner.type) {
    case OwnerType::organization:
      if (!id || *id != organization.value) return fail(names_nothing("organization"));
      break;
    case OwnerType::project:
      if (!id || !belongs(change.find<domain::Project>(*id))) return fail(names_nothing("project"));
      break;
    case OwnerType::target:
      if (!id || !belongs(change.find<domain::Target>(*id))) return fail(names_nothing("target"));
      break;
    case OwnerType::user:
    case OwnerType::external: break;
  }
  return owner;
}

std::string_view name_of_owner(const Kind& kind) {
  if (kind.owners.contains(OwnerType::project)) return "{\"type\":\"project\",\"id\":...}";
  if (kind.owners.contains(OwnerType::target)) return "{\"type\":\"target\",\"id\":...}";
  if (kind.owners.contains(OwnerType::external)) return "{\"type\":\"external\",\"id\":...}";
  return "{\"type\":\"user\",\"id\":...}, a service account";
}

domain::NewToken token_for(Change& change, const Key& key, const std::string& jti,
                           const std::string& username) {
  domain::TokenParts parts;
  parts.key_serial = key.serial;
  const auto owner = Uuid::parse(key.owner.id);
  if (key.owner.type == OwnerType::user && owner) {
    if (const auto* user = change.find<domain::User>(*owner)) parts.user_serial = user->serial;
  }
  if (key.keyspace_id) {
    parts.keyspace_prefix = change.find<domain::Keyspace>(key.keyspace_id->value)->prefix;
  }
  parts.jti = jti;
  parts.username = username;
  if (const auto* organization = change.find<domain::Organization>(key.organization_id.value)) {
    parts.tenant = organization->name;
  }
  if (key.expires_at) parts.expires_at_seconds = to_unix_milliseconds(*key.expires_at) / 1000;
  const Kind& kind = change.directory().kinds().at(key.kind);
  return domain::make_token(kind, parts, change.keyring().newest().jwt, change.random());
}

}  // namespace

domain::AuditEvent key_event(const Change& change, const Call& call, const Key& key) {
  return audit_event(change, call, key.organization_id, "key", key.id.to_string(), key.name);
}

std::string username_of(const Change& change, const Call& call) {
  const domain::User* user = user_of(change, call.caller);
  return user != nullptr ? user->email : call.caller.key.to_string();
}

Result<void> check_key_manager(const Directory& directory, const Call& call) {
  if (!call.caller.is_key()) return {};
  const Kind& kind = directory.kinds().at(call.caller.kind);
  if (domain::gives(kind, Right::keys_read_all)) return {};  // account: of which owners, see below
  return may_manage_keys_of(OwnerType::organization, call.caller, directory.kinds());
}

Result<KeyOwner> choose_owner(const Change& change, const Call& call, const Kind& kind,
                              const std::optional<OwnerInput>& named, OrganizationId organization) {
  const bool by_user = kind.owners.contains(OwnerType::user);
  if (!named) {
    if (by_user && call.caller.is_session()) {
      return KeyOwner{OwnerType::user, call.caller.user.to_string()};
    }
    if (!kind.owners.contains(OwnerType::organization)) {
      return fail(invalid_field("owner", fmt::format("is required: {}", name_of_owner(kind))));
    }
  }
  KeyOwner owner = named ? canonical({named->type, named->id})
                         : KeyOwner{OwnerType::organization, organization.to_string()};
  if (!kind.owners.contains(owner.type)) {
    return fail(invalid_field("owner.type", fmt::format("cannot own keys of kind {}: use {}",
                                                        kind.name, name_of_owner(kind))));
  }
  const bool own = owner.type == OwnerType::user && call.caller.is_session() &&
                   owner.id == call.caller.user.to_string();
  if (own) return owner;
  KW_CHECK_OK(authorise(change, call, organization, Right::keys_manage_all));
  if (call.caller.is_key()) {
    KW_CHECK_OK(may_manage_keys_of(owner.type, call.caller, change.directory().kinds()));
    if (is_management(kind)) {
      return fail(forbidden("A management key cannot make another one. Sign in to do this."));
    }
  }
  if (owner.type == OwnerType::user) {
    return service_account_owner(change, call, owner, organization);
  }
  return existing_owner(change, owner, organization);
}

IssuedKey issue_key(Change& change, KeyOrder order, const std::string& created_by,
                    const std::string& username) {
  order.id = change.new_key_id();
  order.serial = change.new_key_serial();
  order.created_by = created_by;
  domain::NewToken made = token_for(change, order, order.id.to_string(), username);
  domain::KeyVersion version;
  version.cell = order.serial;
  version.digest = change.directory().digest_of(made.token.reveal());
  version.shown = std::move(made.shown);
  version.created_at = change.now;
  order.versions = {std::move(version)};
  change.put_key(order);
  return {std::move(order), std::move(made.token)};
}

namespace {

// The cell of the first version is the key's own, which goes on counting the uses of every version:
// once there is another one, the first counts in a cell that nobody else writes to.
void part_from_first_version(Change& change, Key& key) {
  if (key.versions.size() != 1) return;
  UsageMeter& usage = change.directory().usage();
  const std::int64_t cell = change.new_key_serial();
  if (!usage.file().grow(cell)) return;
  const std::chrono::milliseconds used_at = usage.last_used_at(key.serial).time_since_epoch();
  usage.file().cell(cell).last_used_at.store(used_at.count());
  key.versions.front().cell = cell;
}

}  // namespace

IssuedKey rotate_key(Change& change, Key key, std::int64_t overlap_seconds,
                     const std::string& username) {
  const std::string jti = domain::KeyId::arbitrary(change.random()).to_string();
  domain::NewToken made = token_for(change, key, jti, username);
  domain::KeyVersion version;
  version.cell = change.new_key_serial();
  version.digest = change.directory().digest_of(made.token.reveal());
  version.shown = std::move(made.shown);
  version.created_at = change.now;
  part_from_first_version(change, key);
  domain::rotate(key, std::move(version), overlap_seconds, change.now);
  change.put_key(key);
  return {std::move(key), std::move(made.token)};
}

namespace {

template <class View>
Result<void> act_on(const View& view, const Call& call, const Key& key, KeyAct act, bool human) {
  const bool own = call.caller.is_session() && key.owner.type == OwnerType::user &&
                   key.owner.id == call.caller.user.to_string();
  if (own) return {};
  const domain::Kinds& kinds = view_directory(view).kinds();
  if (call.caller.is_key() && !may_manage_keys_of(key.owner.type, call.caller, kinds)) {
    return fail(not_found("key"));  // an account key: it knows of the keys of targets only
  }
  auto reads = authorise(view, call, key.organization_id, Right::keys_read_all);
  if (!reads && reads.error().code() == Code::unauthenticated) return reads;
  if (!reads && call.caller.is_key()) return reads;
  if (!reads) return fail(not_found("key"));
  if (act == KeyAct::read) return {};
  KW_CHECK_OK(authorise(view, call, key.organization_id, Right::keys_manage_all));
  if (act == KeyAct::stop) return {};
  if (human) {
    return fail(
        forbidden("This key acts for another person: it can be disabled and revoked, and "
                  "only they can change or rotate it."));
  }
  if (call.caller.is_key() && is_management(kinds.at(key.kind))) {
    return fail(forbidden("A management key cannot change another one. Sign in to do this."));
  }
  if (call.caller.is_key() && !is_management(kinds.at(call.caller.kind))) {
    return fail(
        forbidden("An account key makes, reads and deletes the keys of targets. To change "
                  "one, sign in or use a management key."));
  }
  return {};
}

}  // namespace

Result<void> may_act(const Directory& directory, const Call& call, const Key& key, KeyAct act) {
  KW_CHECK_OK(check_key_manager(directory, call));
  KW_CHECK_OK(still_admitted(directory, call.caller, call.now));
  return act_on(directory, call, key, act, false);
}

Result<Key> key_for(const Change& change, const Call& call, std::string_view id, KeyAct act) {
  KW_CHECK_OK(check_key_manager(change.directory(), call));
  KW_CHECK_OK(stands(change, call));
  const auto parsed = domain::KeyId::parse(id);
  if (!parsed) return fail(not_found("key"));
  KW_TRY(Key key, change.whole_key(*parsed));
  KW_CHECK_OK(act_on(change, call, key, act, is_human(change, key.owner)));
  if (act == KeyAct::change && call.caller.is_key() && key.owner.type == OwnerType::user) {
    KW_CHECK_OK(service_account_owner(change, call, key.owner, key.organization_id));
  }
  return key;
}

}  // namespace keywright::app
