// store/sqlite/rows.h - domain values into bound parameters and out of columns.
//
//   query bound by:  bind_key(query, key, policy_text(key.policy));
//   a row read by:   KW_TRY(domain::Key key, read_key(query, policies));
//
// The columns are those of store/columns.h.
//
// Errors: internal/store_damaged, with which row in `internal`.
// Threading: as the Query. Cost: a key about a microsecond.
#pragma once

#include <optional>

#include "domain/audit/event.h"
#include "domain/keys/key.h"
#include "store/columns.h"
#include "store/policy_text.h"
#include "store/sqlite/sqlite.h"
#include "store/store.h"

namespace keywright::store {

inline constexpr Sql kKeyColumns(columns::kOfKey);

// `policy` is policy_text(key.policy) and outlives the query, as the key does.
void bind_key(Query& query, const domain::Key& key, std::string_view policy);

// With its current version only.
Result<domain::Key> read_key(const Query& query, PolicyReader& policies);
std::int64_t older_versions(const Query& key_row);

// In key_versions they come after the place.
inline constexpr Sql kVersionColumns(columns::kOfVersion);

void bind_version(Query& query, const domain::KeyVersion& version);
Result<domain::KeyVersion> read_version(const Query& query, int first_column);

inline constexpr Sql kEventColumns(columns::kOfEvent);

void bind_event(Query& query, std::int64_t number, const domain::AuditEvent& event,
                const crypto::Sha256& hash);

Result<StoredEvent> read_event(const Query& query);

inline constexpr Sql kRecordColumns(columns::kOfRecord);

Result<Record> read_record(const Query& query);

Result<crypto::Sha256> read_hash(const Query& query, int column);

}  // namespace keywright::store
