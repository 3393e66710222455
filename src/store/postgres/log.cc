#include "store/postgres/log.h"

#include <map>
#include <set>

#include "base/log.h"
#include "store/postgres/rows.h"

namespace keywright::store::postgres {
namespace {

struct Touched {
  std::set<std::pair<std::int64_t, Uuid>> records;
  // The last entry that took access away from them.
  std::map<std::pair<std::int64_t, Uuid>, LogPoint> removed_records;
  std::map<std::string, LogPoint> removed_keys;

  void add(ByteView subjects, const LogPoint& at, bool removes) {
    for (const Subject& subject : unpack_subjects(subjects)) {
      if (subject.is_key()) {
        if (removes) removed_keys.insert_or_assign(subject.key_id(), at);
        continue;
      }
      const std::pair<std::int64_t, Uuid> place(subject.type - 1, Uuid{subject.id});
      records.insert(place);
      if (removes) removed_records.insert_or_assign(place, at);
    }
  }
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
    touched.add(row.blob(2), {expected, row.uuid(1)}, row.integer(3) != 0);
  }
  return touched;
}

// Subject `i` of each entry after `applied`, unless there are more than can be followed.
constexpr Sql kSubjects(
    " FROM change_log, generate_series(0, length(subjects) / 18 - 1) AS i WHERE position > ? AND "
    "(SELECT position FROM log_head) - ? <= ?");

void add_subjects(Statement& select, Sql what, const LogPoint& applied) {
  const auto position = static_cast<std::int64_t>(applied.position);
  select.add(what).add(kSubjects, position, position, kEntriesMax);
}

Statement select_entries(const LogPoint& applied) {
  return Statement(
      "SELECT position, entry, subjects, removes_access FROM change_log WHERE position >= ? ORDER "
      "BY position LIMIT ?",
      static_cast<std::int64_t>(applied.position), kEntriesMax + 1);
}

// Arrays, so that rows are found by the index however many PostgreSQL expects.
Statement select_records(const LogPoint& applied) {
  constexpr Sql kIsRecord(" AND get_byte(subjects, 18 * i) > 0 ORDER BY position, i)");
  Statement select("SELECT ");
  select.add(kRecordColumns);
  select.add(" FROM records WHERE (type, id) IN (SELECT * FROM unnest(");
  add_subjects(select, "ARRAY(SELECT get_byte(subjects, 18 * i)::bigint - 1", applied);
  select.add(kIsRecord);
  add_subjects(select,
               ", ARRAY(SELECT encode(substring(subjects FROM 18 * i + 3 FOR 16), 'hex')::uuid",
               applied);
  select.add(kIsRecord);
  select.add(")) ORDER BY type, id");
  return select;
}

Statement select_keys(const LogPoint& applied) {
  Statement select("SELECT ");
  select.add(kKeyColumns);
  select.add(" FROM keys WHERE id = ANY(");
  add_subjects(select, "ARRAY(SELECT substring(subjects FROM 18 * i + 3 FOR 12)", applied);
  select.add(" AND get_byte(subjects, 18 * i) = 0)) ORDER BY serial");
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

void select_missing(const LogPoint& applied, std::vector<Statement>& statements) {
  statements.push_back(select_entries(applied));
  statements.push_back(select_records(applied));
  statements.push_back(select_keys(applied));
}

Missing read_missing_rows(const LogPoint& applied, const LogPoint& head,
                          std::span<const Rows> rows) {
  Missing missing;
  missing.head = head;
  if (head == applied) return missing;
  const Rows& entries = rows[0];
  std::optional<Touched> touched = read_entries(entries, applied);
  const bool leads_on =
      touched && head.position > applied.position && entries.size() > 0 &&
      entries[entries.size() - 1].integer(0) == static_cast<std::int64_t>(head.position);
  missing.resync = !leads_on;
  if (!leads_on) return missing;
  note_removed(*touched, missing);
  add_records(rows[1], *touched, missing.changes);
  add_keys(rows[2], missing.changes);
  return missing;
}

Statement select_removals(Time since) {
  return Statement(
      "SELECT position, entry, subjects FROM change_log WHERE removes_access <> 0 AND time >= ? "
      "ORDER BY position",
      to_unix_milliseconds(since));
}

Missing read_removals(const Rows& rows) {
  Touched touched;
  for (int i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    touched.add(row.blob(2), {static_cast<Position>(row.integer(0)), row.uuid(1)}, true);
  }
  Missing removals;
  note_removed(touched, removals);
  return removals;
}

Result<Missing> read_missing(Connection& connection, const LogPoint& applied) {
  std::vector<Statement> statements = {Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                                       Statement("SELECT position, entry FROM log_head")};
  select_missing(applied, statements);
  statements.push_back(Statement("COMMIT"));
  auto rows = connection.run_all(statements);
  if (!rows) {
    if (!connection.is_broken()) (void)connection.run(Statement("ROLLBACK"));
    return fail(std::move(rows).error());
  }
  const Row head = (*rows)[1][0];
  return read_missing_rows(applied, {static_cast<Position>(head.integer(0)), head.uuid(1)},
                           std::span(*rows).subspan(2, kMissingStatements));
}

}  // namespace keywright::store::postgres
