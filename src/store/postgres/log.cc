#include "store/postgres/log.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "store/postgres/rows.h"

namespace keywright::store::postgres {
namespace {

struct Touched {
  std::set<std::pair<std::int64_t, Uuid>> records;
  std::set<std::string> keys;
  // The last entry that took access away from them.
  std::map<std::pair<std::int64_t, Uuid>, LogPoint> removed_records;
  std::map<std::string, LogPoint> removed_keys;
};

// Null if the log does not lead on from `applied`.
std::optional<Touched> read_entries(const Rows& entries, const LogPoint& applied) {
  Touched touched;
  Position expected = applied.position == 0 ? 1 : applied.position;
  for (int i = 0; i < entries.size(); ++i, ++expected) {
    const Row row = entries[i];
    if (static_cast<Position>(row.integer(0)) != expected) return std::nullopt;
    if (expected == applied.position) {
      if (row.uuid(1) != applied.entry) return std::nullopt;
      continue;
    }
    const bool removes = row.integer(3) != 0;
    const LogPoint at{expected, row.uuid(1)};
    for (const Subject& subject : unpack_subjects(row.blob(2))) {
      if (subject.is_key()) {
        touched.keys.insert(subject.key_id());
        if (removes) touched.removed_keys.insert_or_assign(subject.key_id(), at);
      } else {
        const std::pair<std::int64_t, Uuid> place(subject.type - 1, Uuid{subject.id});
        touched.records.insert(place);
        if (removes) touched.removed_records.insert_or_assign(place, at);
      }
    }
  }
  return touched;
}

Statement select_records(const Touched& touched) {
  std::vector<std::int64_t> types;
  std::vector<Uuid> ids;
  for (const auto& [type, id] : touched.records) {
    types.push_back(type);
    ids.push_back(id);
  }
  Statement select("SELECT ");
  select.add(kRecordColumns);
  select.add(" FROM records WHERE (type, id) IN (SELECT * FROM unnest(?, ?)) ORDER BY type, id",
             std::span<const std::int64_t>(types), std::span<const Uuid>(ids));
  return select;
}

Statement select_keys(const Touched& touched) {
  const std::vector<std::string> ids(touched.keys.begin(), touched.keys.end());
  Statement select("SELECT ");
  select.add(kKeyColumns);
  select.add(" FROM keys WHERE id = ANY(?) ORDER BY serial", std::span<const std::string>(ids));
  return select;
}

// What is there is put, owners before what they own; what is not there any more is deleted. A row
// that cannot be read is deleted, too: that key is denied, the others live.
void add_records(const Rows& rows, Touched& touched, Transaction& changes) {
  for (int i = 0; i < rows.size(); ++i) {
    auto record = read_record(rows[i]);
    if (!record) {
      log_error("store_row_skipped", {{"what", record.error().internal()}});
      continue;
    }
    touched.records.erase({static_cast<std::int64_t>(record->type), record->id});
    changes.records.push_back({.record = std::move(*record)});
  }
  for (const auto& [type, id] : touched.records) {
    if (type > 255 || name_of(static_cast<RecordType>(type)).empty()) continue;  // a newer node's
    changes.records.push_back(
        {.record = {.type = static_cast<RecordType>(type), .id = id}, .deleted = true});
  }
}

void note_removed(const Touched& touched, Missing& missing) {
  for (const auto& [place, at] : touched.removed_records) {
    missing.removed_records.emplace(std::pair(static_cast<RecordType>(place.first), place.second),
                                    at);
  }
  for (const auto& [text, at] : touched.removed_keys) {
    if (const auto id = domain::KeyId::parse(text)) missing.removed_keys.emplace(*id, at);
  }
}

void add_keys(const Rows& rows, Transaction& changes) {
  PolicyReader policies;
  for (int i = 0; i < rows.size(); ++i) {
    auto key = read_key(rows[i], policies);
    if (!key) {
      log_error("store_row_skipped", {{"what", key.error().internal()}});
      continue;
    }
    changes.keys.push_back(std::move(*key));
  }
}

}  // namespace

Statement select_head() { return Statement("SELECT position, entry FROM log_head"); }

Statement select_entries(const LogPoint& applied) {
  return Statement(
      "SELECT position, entry, subjects, removes_access FROM change_log WHERE position >= ? ORDER "
      "BY position "
      "LIMIT ?",
      static_cast<std::int64_t>(applied.position), kEntriesMax + 1);
}

// `end`, if there is one, is sent with the last statement.
static Result<Missing> read_rows(Connection& connection, const LogPoint& applied,
                                 const LogPoint& head, const Rows& entries,
                                 std::optional<Statement> end) {
  Missing missing;
  missing.head = head;
  std::optional<Touched> touched;
  if (head != applied) {
    touched = read_entries(entries, applied);
    const bool leads_on =
        touched && head.position > applied.position && entries.size() > 0 &&
        entries[entries.size() - 1].integer(0) == static_cast<std::int64_t>(head.position);
    missing.resync = !leads_on;
    if (!leads_on) touched.reset();
  }
  std::vector<Statement> statements;
  if (touched) {
    note_removed(*touched, missing);
    if (touched->records.empty() && touched->keys.empty()) touched.reset();
  }
  if (touched) {
    statements = {select_records(*touched), select_keys(*touched)};
  }
  if (end) statements.push_back(*std::move(end));
  if (statements.empty()) return missing;
  KW_TRY(const std::vector<Rows> rows, connection.run_all(statements));
  if (touched) {
    add_records(rows[0], *touched, missing.changes);
    add_keys(rows[1], missing.changes);
  }
  return missing;
}

Result<Missing> read_missing_rows(Connection& connection, const LogPoint& applied,
                                  const LogPoint& head, const Rows& entries) {
  return read_rows(connection, applied, head, entries, std::nullopt);
}

Result<Missing> read_missing(Connection& connection, const LogPoint& applied) {
  const Statement begin[] = {Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                             select_head(), select_entries(applied)};
  auto missing = [&]() -> Result<Missing> {
    KW_TRY(const std::vector<Rows> rows, connection.run_all(begin));
    const LogPoint head{static_cast<Position>(rows[1][0].integer(0)), rows[1][0].uuid(1)};
    return read_rows(connection, applied, head, rows[2], Statement("COMMIT"));
  }();
  if (!missing && !connection.is_broken()) (void)connection.run(Statement("ROLLBACK"));
  return missing;
}

}  // namespace keywright::store::postgres
