// store/sqlite/rows.h - domain values into bound parameters and out of columns.
//
//   query bound by:  bind_key(query, key, policy_text(key.policy));
//   a row read by:   KW_TRY(domain::Key key, read_key(query, policies));
//
// Each list of columns stands beside the functions that rely on its order. Reading is total: a row
// that holds anything unexpected is an error, never a crash or a wider key.
//
// Errors: internal/store_damaged, with which row in `internal`.
// Threading: as the Query. Cost: a key about a microsecond.
#pragma once

#include <optional>

#include "domain/audit/event.h"
#include "domain/keys/key.h"
#include "store/policy_text.h"
#include "store/sqlite/sqlite.h"
#include "store/store.h"

namespace keywright::store {

// 32 columns.
inline constexpr Sql kKeyColumns(
    "serial, id, kind, name, description, owner_type, owner_id, organization, keyspace, policy, "
    "metadata, credits_remaining, credits_set_at, state, state_reason, created_by, created_at, "
    "expires_at, idle_timeout_seconds, idle_expired_at, revoked_at, version, digest, prefix, "
    "last4, mask, sealed_slow_hash, version_created_at, version_retires_at, slow_prefix, "
    "usage_cell, older_versions");

// `policy` is policy_text(key.policy) and outlives the query, as the key does.
void bind_key(Query& query, const domain::Key& key, std::string_view policy);

// With its current version only.
Result<domain::Key> read_key(const Query& query, PolicyReader& policies);
std::int64_t older_versions(const Query& key_row);

// 10 columns; in `keys` they follow one another at 21, in key_versions they come after the place.
inline constexpr Sql kVersionColumns(
    "version, digest, prefix, last4, mask, sealed_slow_hash, version_created_at, "
    "version_retires_at, slow_prefix, usage_cell");

void bind_version(Query& query, const domain::KeyVersion& version);
Result<domain::KeyVersion> read_version(const Query& query, int first_column);

// 17 columns.
inline constexpr Sql kEventColumns(
    "number, id, organization, time, actor_type, actor_id, actor_key_id, action, object_type, "
    "object_id, object_name, outcome, reason, request_id, address, details, hash");

void bind_event(Query& query, std::int64_t number, const domain::AuditEvent& event,
                const crypto::Sha256& hash);

struct StoredEvent {
  std::int64_t number = 0;
  domain::AuditEvent event;
  crypto::Sha256 hash{};
};
Result<StoredEvent> read_event(const Query& query);

// 5 columns.
inline constexpr Sql kRecordColumns("type, id, organization, parent, body");

Result<Record> read_record(const Query& query);

Result<crypto::Sha256> read_hash(const Query& query, int column);

}  // namespace keywright::store
