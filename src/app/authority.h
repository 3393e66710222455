// app/authority.h - may this caller do this in that organization, now?
//
//   KW_TRY(OrganizationId organization, choose_organization(change, call, input.organization_id));
//   KW_TRY(const Project* project, visible<Project>(change, call, input.id));
//
// The same rules on both sides: `View` is a Directory (io thread) or a Change (writer, which sees
// the changes before it). The right comes from the operation's description. What a caller may not
// look at does not exist for him: 404. What he may look at but not change: 403, naming what is
// missing.
//
// Threading: as the view's. Cost: memory only.
#pragma once

#include <optional>
#include <string>

#include "app/operation.h"

namespace keywright::app {

const Directory& view_directory(const Directory& view);
const Directory& view_directory(const Change& view);

// The user behind the caller as of now: of the session, or the owner of the key. Null if none.
const domain::User* user_of(const Directory& view, const Caller& caller);
const domain::User* user_of(const Change& view, const Caller& caller);

// Does the operation's right hold in this organization? unauthenticated if the caller is gone,
// not_found if he has no place there, permission_denied naming the right.
Result<void> authorise(const Directory& view, const Call& call,
                       domain::OrganizationId organization);
Result<void> authorise(const Change& view, const Call& call, domain::OrganizationId organization);
// The same for another right than the operation's own.
Result<void> authorise(const Directory& view, const Call& call, domain::OrganizationId organization,
                       domain::Right right);
Result<void> authorise(const Change& view, const Call& call, domain::OrganizationId organization,
                       domain::Right right);

// Is the caller still who he was when the request came in? For changes that need no further right.
Result<void> stands(const Change& view, const Call& call);

// The caller's role there; nullopt without an active membership (and for keys without a user).
std::optional<domain::Role> role_in(const domain::User* user, domain::OrganizationId organization);

// Does `own` give everything that `other` gives? An auditor stands no higher than a viewer, but
// reads more than a member.
bool holds_all_of(domain::Role own, domain::Role other);

// The organization a request means: the one it names, else the key's own, else the caller's oldest
// active membership. Authorised.
Result<domain::OrganizationId> choose_organization(
    const Directory& view, const Call& call, const std::optional<domain::OrganizationId>& named);
Result<domain::OrganizationId> choose_organization(
    const Change& view, const Call& call, const std::optional<domain::OrganizationId>& named);

Error not_found(std::string_view what);  // "project": No project has this id.
Error forbidden(std::string_view detail);

// The object with this id if the caller may act on it with the operation's right.
template <class T, class View>
Result<const T*> visible(const View& view, const Call& call, const Uuid& id,
                         std::string_view what) {
  const T* object = view.template find<T>(id);
  if (object == nullptr) return fail(not_found(what));
  if (!reaches(view_directory(view), call.caller, id)) return fail(not_found(what));
  auto allowed = authorise(view, call, object->organization_id);
  if (!allowed && allowed.error().code() == Code::not_found) return fail(not_found(what));
  KW_CHECK_OK(std::move(allowed));
  return object;
}

// If-Match: precondition_failed when the caller saw another state than `etag`.
Result<void> check_if_match(const Call& call, std::string_view etag);
// The quoted ETag of an object: a hash of its store form.
std::string etag_of(std::string_view store_form);

// The target that the caller's key belongs to, and beyond which it sees nothing; nullopt for
// everybody else.
std::optional<domain::TargetId> own_target(const Directory& directory, const Caller& caller);

// Is this object no other than the one the caller's key is confined to, if it is?
bool reaches(const Directory& directory, const Caller& caller, const Uuid& object);

// May a caller of this sort manage keys of such owners at all? What he may do with one of them is
// asked with the key at hand (app/keys.h). permission_denied `wrong_key_kind`.
Result<void> may_manage_keys_of(domain::OwnerType owner, const Caller& caller,
                                const domain::Kinds& kinds);

// An audit event with the actor, request and address of this call filled in.
domain::AuditEvent audit_event(const Change& change, const Call& call,
                               domain::OrganizationId organization, std::string_view object_type,
                               std::string_view object_id, std::string_view object_name);

}  // namespace keywright::app
