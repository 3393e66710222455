#include "app/keys.h"
#include "app/listing.h"
#include "app/operations.h"
#include "domain/keys/lifecycle.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::Right;

struct RevokeKey {
  std::string id;
  std::optional<std::string> reason;
};
KW_DESCRIBE(RevokeKey, field<&RevokeKey::id>("id", "Id of the key.", in_path),
            field<&RevokeKey::reason>("reason", "Kept with the key and in the audit log.",
                                      max_length(255)))

struct RevokedKey {
  std::string id;
  std::string status;
  std::optional<std::string> status_reason;
  std::optional<Time> revoked_at;
  EffectiveOn effective_on;
};
KW_DESCRIBE(RevokedKey, field<&RevokedKey::id>("id", "Id of the key."),
            field<&RevokedKey::status>("status", "revoked"),
            field<&RevokedKey::status_reason>("status_reason", "The first reason given."),
            field<&RevokedKey::revoked_at>("revoked_at", "When it was revoked first."),
            field<&RevokedKey::effective_on>("effective_on",
                                             "Where it is in force: no check is answered from "
                                             "older records any more."))

// The first time and reason are kept; revoking again waits for nothing, because the first call had.
RevokedKey revoke_and_record(Change& change, Call& call, Key key, std::string_view reason) {
  if (domain::revoke(key, reason, change.now)) {
    auto event = key_event(change, call, key);
    event.reason = reason;
    change.audit(std::move(event));
    change.removes_access();
    change.put_key(key);
  }
  RevokedKey view;
  view.id = key.id.to_string();
  view.status = "revoked";
  if (!key.state_reason.empty()) view.status_reason = key.state_reason;
  view.revoked_at = key.revoked_at;
  return view;
}

Result<RevokedKey> revoke_key(Change& change, Call& call, const RevokeKey& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::stop));
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  return revoke_and_record(change, call, std::move(key), input.reason.value_or(""));
}

Result<Nothing> delete_key(Change& change, Call& call, const ById& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::stop));
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  revoke_and_record(change, call, std::move(key), "deleted");
  return Nothing{};
}

struct GiveUp {
  std::optional<std::string> reason;
};
KW_DESCRIBE(GiveUp, field<&GiveUp::reason>("reason", "Kept with the key.", max_length(255)))

Result<RevokedKey> give_up(Change& change, Call& call, const GiveUp& input) {
  KW_CHECK_OK(stands(change, call));
  KW_TRY(Key key, change.whole_key(call.caller.key));
  return revoke_and_record(change, call, std::move(key), input.reason.value_or("given_up"));
}

bool acts_for_person(const Change& change, const Key& key) {
  const auto id = Uuid::parse(key.owner.id);
  if (key.owner.type != domain::OwnerType::user || !id) return false;
  const auto* owner = change.find<domain::User>(*id);
  return owner != nullptr && !owner->service_account;
}

bool acts_on_own(const Call& call, const Key& key) {
  return call.caller.is_session() && key.owner.type == domain::OwnerType::user &&
         key.owner.id == call.caller.user.to_string();
}

// Who was stopped by an administrator cannot undo it alone.
constexpr std::string_view kByAdministrator = "disabled_by_administrator";

Result<KeyView> disable_key(Change& change, Call& call, const ById& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::stop));
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  KW_CHECK_OK(domain::may_disable(status_now(change.directory(), key, change.now)));
  const bool fresh = key.state != domain::KeyState::disabled;
  if (fresh || (!acts_on_own(call, key) && key.state_reason.empty())) {
    key.state = domain::KeyState::disabled;
    key.state_reason = acts_on_own(call, key) ? "" : kByAdministrator;
    change.audit(key_event(change, call, key));
    change.removes_access();
    change.put_key(key);
  }
  call.reply.etag = etag_of(key);
  return view_of(change.directory(), key, change.now);
}

// What an administrator stopped, an administrator lets go on; what a person stopped, that person.
Result<void> may_undo(const Change& change, const Call& call, const Key& key) {
  const bool by_administrator = key.state_reason == kByAdministrator;
  if (acts_on_own(call, key) && by_administrator &&
      !authorise(change, call, key.organization_id, Right::keys_manage_all)) {
    return fail(forbidden("An administrator disabled this key; ask one to enable it."));
  }
  if (!acts_on_own(call, key) && !by_administrator && acts_for_person(change, key)) {
    return fail(forbidden("The person whose key it is disabled it; only they can enable it."));
  }
  return {};
}

Result<KeyView> enable_key(Change& change, Call& call, const ById& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::stop));
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  KW_CHECK_OK(domain::may_enable(status_now(change.directory(), key, change.now)));
  const bool management_by_key = call.caller.is_key() &&
                                 key.owner.type == domain::OwnerType::organization &&
                                 change.directory().kinds().at(key.kind).takes_permissions;
  if (management_by_key) {
    return fail(forbidden("A management key cannot enable another one. Sign in to do this."));
  }
  if (key.state == domain::KeyState::disabled) {
    KW_CHECK_OK(may_undo(change, call, key));
    key.state = domain::KeyState::active;
    key.state_reason.clear();
    change.audit(key_event(change, call, key));
    change.put_key(key);
  }
  call.reply.etag = etag_of(key);
  return view_of(change.directory(), key, change.now);
}

}  // namespace

void add_key_state_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&revoke_key>({.name = "keys.revoke",
                                               .method = "POST",
                                               .path = "/keys/{id}/revoke",
                                               .summary = "Revoke a key for ever",
                                               .tag = "Keys",
                                               .admits = Admits::key_managers,
                                               .permission = "keys:write",
                                               .destructive = true}));
  operations.push_back(operation<&delete_key>({.name = "keys.delete",
                                               .method = "DELETE",
                                               .path = "/keys/{id}",
                                               .summary = "Delete a key: the same as revoking it",
                                               .tag = "Keys",
                                               .admits = Admits::key_managers,
                                               .permission = "keys:write",
                                               .status = 204,
                                               .destructive = true}));
  operations.push_back(operation<&disable_key>({.name = "keys.disable",
                                                .method = "POST",
                                                .path = "/keys/{id}/disable",
                                                .summary = "Stop a key for a while",
                                                .tag = "Keys",
                                                .admits = Admits::key_managers,
                                                .permission = "keys:write"}));
  operations.push_back(operation<&enable_key>({.name = "keys.enable",
                                               .method = "POST",
                                               .path = "/keys/{id}/enable",
                                               .summary = "Let a disabled key work again",
                                               .tag = "Keys",
                                               .admits = Admits::key_managers,
                                               .permission = "keys:write"}));
  operations.push_back(operation<&give_up>({.name = "whoami.revoke",
                                            .method = "POST",
                                            .path = "/whoami/revoke",
                                            .summary = "A key gives itself up",
                                            .tag = "Me",
                                            .admits = Admits::giving_up,
                                            .destructive = true}));
}

}  // namespace keywright::app
