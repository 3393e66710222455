// store/postgres/rows.h - domain values into statements and out of rows.
//
//   connection.run(put_key(key));
//   KW_TRY(domain::Key key, read_key(row, policies));        // columns as kKeyColumns names them
//
// The columns are those of store/columns.h. Older versions of a key are one column, in a form of
// our own: nobody searches them. Reading is total: a row that holds anything unexpected is an
// error, never a crash or a wider key.
//
// Errors: internal/store_damaged, with which row in `internal`.
// Threading: plain functions; a PolicyReader belongs to one thread. Cost: a key about two
// microseconds.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crypto/digest.h"
#include "domain/audit/event.h"
#include "domain/keys/key.h"
#include "store/columns.h"
#include "store/policy_text.h"
#include "store/postgres/connection.h"
#include "store/store.h"

namespace keywright::store::postgres {

inline constexpr Sql kKeyColumns(columns::kOfKey);

// Fails if the serial belongs to another key.
Statement put_key(const domain::Key& key);
Result<domain::Key> read_key(const Row& row, PolicyReader& policies);

// All versions but the first.
Bytes pack_versions(std::span<const domain::KeyVersion> versions);
bool unpack_versions(ByteView bytes, std::vector<domain::KeyVersion>& versions);

inline constexpr Sql kEventColumns(columns::kOfEvent);

Statement put_event(std::int64_t number, const domain::AuditEvent& event,
                    const crypto::Sha256& hash);

Result<StoredEvent> read_event(const Row& row);

inline constexpr Sql kRecordColumns(columns::kOfRecord);

Statement put_record(const RecordWrite& write);
Result<Record> read_record(const Row& row);

// One record or key that a change was made to: 18 bytes in change_log.subjects.
struct Subject {
  static constexpr std::size_t kBytes = 18;
  static constexpr std::uint8_t kKey = 0;

  std::uint8_t type = kKey;  // kKey, or 1 + RecordType
  bool removes_access = false;
  std::array<std::uint8_t, 16> id{};  // of a key 12 characters and zeros

  bool is_key() const { return type == kKey; }
  std::string key_id() const { return {id.begin(), id.begin() + 12}; }
};
Bytes pack_subjects(const Transaction& transaction);
std::vector<Subject> unpack_subjects(ByteView bytes);

}  // namespace keywright::store::postgres
