// app/keys.h - issuing keys and changing them: the rules that every face shares.
//
//   KW_TRY(KeyOrder order, check_order(change, request, organization, owner));
//   IssuedKey issued = issue_key(change, order, "user:" + id);
//   issued.token;                        // shown once
//
// Nobody makes a key for another person: admins make keys for service accounts, organizations,
// projects, targets and customers, management keys likewise, and nobody for an owner who stands
// above himself.
//
// Errors: invalid_request with every field that is wrong; permission_denied; not_found.
// Threading: writer thread (`Change`), or any io thread where a function takes a Directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/authority.h"
#include "app/key_views.h"
#include "base/secret.h"
#include "domain/keys/key.h"

namespace keywright::app {

// The part of a request that creates or imports a key and is the same in both.
struct KeyRequest {
  std::string kind;
  std::string name;
  std::optional<std::string> description;
  std::optional<Time> expires_at;
  std::optional<std::int64_t> idle_timeout_seconds;
  std::optional<ScopeView> scope;
  std::optional<OwnerInput> owner;
  std::optional<domain::KeyspaceId> keyspace_id;
  std::optional<std::vector<std::string>> permissions;
  std::vector<domain::Limit> limits;
  std::optional<CreditsView> credits;
  std::vector<Cidr> allowed_cidrs;
  json::Raw metadata;
};

// A request that was found good: what the new key will be, but for id and secret.
using KeyOrder = domain::Key;

// Who the new key acts for, and whether this caller may make one for him.
Result<domain::KeyOwner> choose_owner(const Change& change, const Call& call,
                                      const domain::Kind& kind,
                                      const std::optional<OwnerInput>& named,
                                      domain::OrganizationId organization);

// All rules about the fields; collects every problem.
Result<KeyOrder> check_order(const Change& change, const KeyRequest& request,
                             const domain::KeyOwner& owner, domain::OrganizationId organization);

struct IssuedKey {
  domain::Key key;
  Secret<std::string> token;
};
// Gives the order an id, a serial and a secret, and puts it.
IssuedKey issue_key(Change& change, KeyOrder order, const std::string& created_by,
                    const std::string& username);
// A new secret for the key. Puts it.
IssuedKey rotate_key(Change& change, domain::Key key, std::int64_t overlap_seconds,
                     const std::string& username);

// What a caller wants to do with a key.
enum class KeyAct : unsigned char {
  read,
  stop,    // disable, revoke
  change,  // edit, rotate, enable
};
// The key, if the caller may do this. Someone else's key does not exist for those who may not read
// it.
Result<domain::Key> key_for(const Change& change, const Call& call, std::string_view id,
                            KeyAct act);
Result<void> may_act(const Directory& directory, const Call& call, const domain::Key& key,
                     KeyAct act);
// Only people in a session and management keys manage keys.
Result<void> check_key_manager(const Directory& directory, const Call& call);

// Checks of single fields, shared with PATCH. Problems are added to `problems`.
using Problems = std::vector<FieldProblem>;
void check_scope(const Change& change, const domain::Key& key,
                 const std::optional<ScopeView>& scope, std::optional<domain::Scope>& into,
                 Problems& problems);
void check_permissions(const domain::Kind& kind,
                       const std::optional<std::vector<std::string>>& permissions,
                       Problems& problems);
// A list that names something twice says no more than one that names it once.
void drop_repeated(std::optional<std::vector<std::string>>& permissions);
void check_limits(const std::vector<domain::Limit>& limits, Problems& problems);
void check_expiry(const domain::Kind& kind, const std::optional<Time>& expires_at, Time now,
                  Problems& problems);
// Names and descriptions are shown to everyone who may read the key: no token belongs there.
void check_shown_text(const domain::Kinds& kinds, std::string_view field, std::string_view text,
                      Problems& problems);
void check_metadata(const json::Raw& metadata, Problems& problems);
Result<void> none_or_error(Problems problems);

// The line of the audit log that tells what this call does to the key.
domain::AuditEvent key_event(const Change& change, const Call& call, const domain::Key& key);

// For JWT claims and audit lines: the caller's e-mail address, or the key's id.
std::string username_of(const Change& change, const Call& call);

}  // namespace keywright::app
