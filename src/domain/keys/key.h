// domain/keys/key.h - a key as people and the store know it, with all its fields.
//
// KeyRecord (key_record.h) is the compact form that a check reads. The two are made from one
// another by app/directory.h; this one is what create, list, edit and audit work with.
//
// Threading: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "domain/access/ids.h"
#include "domain/keys/key_id.h"
#include "domain/keys/kinds.h"
#include "domain/keys/token.h"
#include "domain/limits/limits.h"
#include "json/describe.h"
#include "json/raw.h"

namespace keywright::domain {

// {"all": true} or {"ids": [...]}; a key kind without scope has none. An empty list is never "all".
struct Scope {
  bool all = false;
  std::vector<std::string> ids;
  std::string resource_type;  // customer keys only: what the ids name
  bool operator==(const Scope&) const = default;
};

// Everything that narrows a key and that many keys share. Interned in memory.
struct Policy {
  std::optional<Scope> scope;
  std::optional<std::vector<std::string>> permissions;  // absent differs from empty
  std::vector<Limit> limits;
  std::optional<Refill> refill;
  bool has_credits = false;
  std::vector<Cidr> allowed_cidrs;
  bool operator==(const Policy&) const = default;
};

enum class KeyState : unsigned char { active, disabled, revoked };
KW_DESCRIBE_ENUM(KeyState, active, disabled, revoked)

// One secret of a key. A key has one that does not retire, and after a rotation with overlap one or
// more older ones that still work until `retires_at`.
struct KeyVersion {
  std::int64_t number = 1;
  std::int64_t cell = 0;    // its usage cell: the key's serial for the first version, then fresh
  crypto::Sha256 digest{};  // keyed digest; all zero while `slow_hash` waits for its first use
  Shown shown;
  std::string sealed_slow_hash;  // imported bcrypt or argon2id, sealed; "" otherwise
  std::string slow_prefix;       // first characters of the token that it waits for; "" otherwise
  Time created_at;
  std::optional<Time> retires_at;
};

struct KeyOwner {
  OwnerType type = OwnerType::user;
  std::string id;  // UUID text, or any text for `external`
  bool operator==(const KeyOwner&) const = default;
};

struct Key {
  KeyId id;
  std::int64_t serial = 0;
  unsigned char kind = 0;  // number in Kinds
  std::string name;
  std::string description;
  KeyOwner owner;
  OrganizationId organization_id;
  std::optional<KeyspaceId> keyspace_id;
  Policy policy;
  json::Raw metadata;                  // any JSON object; null if none
  std::int64_t credits_remaining = 0;  // as a person last set them, when policy.has_credits
  Time credits_set_at;                 // what was spent since lives in app/usage.h
  KeyState state = KeyState::active;
  std::string state_reason;  // of a revocation: first reason, kept; "idle_timeout" once found idle
  std::string created_by;    // "user:<id>", "key:<id>", "setup"
  Time created_at;
  std::optional<Time> expires_at;
  std::optional<std::int64_t> idle_timeout_seconds;
  std::optional<Time> idle_expired_at;  // once found idle, for ever
  std::optional<Time> revoked_at;
  std::vector<KeyVersion> versions;  // newest first; [0] is the current one

  const KeyVersion& current() const { return versions.front(); }
};

// "active", "disabled", "expired" or "revoked", and why. Computed at each look, never stored:
// expiry and the owner's end need no timer. `owner_alive` is false once owner or keyspace is gone.
struct Status {
  std::string_view status;
  std::string status_reason;  // "" = null
};
Status status_of(const Key& key, const Kind& kind, bool owner_alive, Time last_used_at, Time now);

}  // namespace keywright::domain
