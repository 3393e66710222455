#include "store/sqlite/writer.h"

#include <algorithm>

#include <sqlite3.h>

#include "base/encoding.h"
#include "store/sqlite/audit_pack.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/rows.h"

namespace keywright::store {
namespace {

// What is over is dropped a little at a time, by those who add.
constexpr Sql kDeleteAnswers(
    "DELETE FROM idempotent_answers WHERE (caller, key) IN (SELECT caller, key "
    "FROM idempotent_answers WHERE expires_at <= ? ORDER BY expires_at LIMIT 16)");

constexpr std::string_view kStoreIdSetting = "store.id";

// A change that takes access away from a key leaves it revoked, disabled, or with less.
Change change_of(const domain::Key& key, bool removes_access) {
  if (!removes_access) return Change::written;
  switch (key.state) {
    case domain::KeyState::revoked: return Change::revoked;
    case domain::KeyState::disabled: return Change::disabled;
    case domain::KeyState::active: return Change::narrowed;
  }
  return Change::narrowed;
}

Bytes subjects_of(const Transaction& transaction) {
  Bytes bytes;
  auto add = [&bytes](const Subject& subject) {
    bytes.push_back(subject.type);
    bytes.push_back(static_cast<std::uint8_t>(subject.change));
    bytes.insert(bytes.end(), subject.id.begin(), subject.id.end());
  };
  for (const RecordWrite& write : transaction.records) {
    const Change change = write.deleted                ? Change::deleted
                          : transaction.removes_access ? Change::narrowed
                                                       : Change::written;
    add(Subject::of_record(write.record.type, write.record.id, change));
  }
  for (const domain::Key& key : transaction.keys) {
    add(Subject::of_key(key.id, change_of(key, transaction.removes_access)));
  }
  return bytes;
}

// How many of them, from the first on, happened in the same millisecond.
std::size_t same_moment(std::span<const domain::AuditEvent> events) {
  const std::int64_t time = to_unix_milliseconds(events.front().time);
  const auto other = std::ranges::find_if(events, [time](const domain::AuditEvent& event) {
    return to_unix_milliseconds(event.time) != time;
  });
  return static_cast<std::size_t>(other - events.begin());
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(const std::string& path, const std::string& vfs,
                                             const Clock& clock, Random& random) {
  std::unique_ptr<Writer> writer(new Writer(clock, random));
  KW_TRY(writer->database_, Database::open(path, Database::Access::create, vfs));
  Database& database = writer->database_;
  // WAL is kept at its size: writing over blocks that exist makes a cheaper sync.
  KW_CHECK_OK(
      database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                   "PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864"));
  sqlite3_wal_autocheckpoint(database.handle(), kCheckpointPages);
  KW_CHECK_OK(migrate(database));
  KW_CHECK_OK(writer->prepare());
  KW_CHECK_OK(writer->read_heads());
  KW_CHECK_OK(writer->read_store_id());
  return writer;
}

Result<void> Writer::prepare() {
  Statements& s = statements_;
  Database& db = database_;
  KW_TRY(s.put_record, db.prepare("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)"));
  KW_TRY(s.delete_record, db.prepare("DELETE FROM records WHERE type = ? AND id = ?"));
  SqlText put_key(
      Sql("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
          "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (serial) DO UPDATE SET "));
  put_key += Sql(columns::kReplacingKey.data());
  put_key += Sql(" WHERE id = excluded.id");
  KW_TRY(s.put_key, db.prepare(put_key));
  KW_TRY(s.delete_versions, db.prepare("DELETE FROM key_versions WHERE serial = ?"));
  KW_TRY(s.put_version,
         db.prepare("INSERT INTO key_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                    "?)"));
  KW_TRY(s.put_event, db.prepare("INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                 "?, ?, ?, ?, ?, ?, ?)"));
  KW_TRY(s.put_pack, db.prepare("INSERT INTO audit_packs VALUES (?, ?, ?, ?)"));
  KW_TRY(s.put_term, db.prepare("INSERT INTO audit_pack_terms VALUES (?, ?, ?)"));
  KW_TRY(s.put_change, db.prepare("INSERT INTO change_log VALUES (?, ?, ?, ?, ?)"));
  KW_TRY(s.put_heads, db.prepare("UPDATE heads SET audit_events = ?, audit_head = ?, "
                                 "next_key_serial = ?, next_user_serial = ?"));
  KW_TRY(s.put_answer,
         db.prepare("INSERT OR REPLACE INTO idempotent_answers VALUES (?, ?, ?, ?, ?, ?)"));
  KW_TRY(s.delete_answers, db.prepare(kDeleteAnswers));
  KW_TRY(s.find_answer, db.prepare("SELECT request_hash, status, body, expires_at "
                                   "FROM idempotent_answers WHERE caller = ? AND key = ?"));
  KW_TRY(s.find_setting, db.prepare("SELECT value FROM settings WHERE name = ?"));
  KW_TRY(s.put_setting, db.prepare("INSERT OR REPLACE INTO settings VALUES (?, ?)"));
  KW_TRY(s.find_removals, db.prepare("SELECT position, time, subjects FROM change_log "
                                     "WHERE removes_access = 1 AND position > ? "
                                     "ORDER BY position"));
  KW_TRY(s.find_reason, db.prepare("SELECT state_reason FROM keys WHERE id = ?"));
  return {};
}

Result<void> Writer::read_heads() {
  KW_TRY(Statement statement,
         database_.prepare("SELECT (SELECT coalesce(max(position), 0) FROM change_log), "
                           "audit_events, audit_head, next_key_serial, next_user_serial, "
                           "(SELECT coalesce(max(serial), 0) FROM keys) FROM heads"));
  Query query(statement);
  KW_TRY(bool found, query.next());
  if (!found) return fail(Code::internal, "store_damaged", "The store is damaged.");
  heads_.position = static_cast<Position>(query.integer(0));
  heads_.audit_events = query.integer(1);
  KW_TRY(heads_.audit_head, read_hash(query, 2));
  next_key_serial_ = std::max(query.integer(3), query.integer(5) + 1);
  next_user_serial_ = query.integer(4);
  return {};
}

Result<void> Writer::read_store_id() {
  KW_TRY(auto text, setting(kStoreIdSetting));
  if (text) {
    KW_TRY(store_id_, Uuid::parse(*text));
    return {};
  }
  store_id_ = Uuid::version7(clock_.now(), random_);
  return set_setting(kStoreIdSetting, store_id_.to_string());
}

Result<std::vector<Position>> Writer::write(std::span<const Transaction* const> group) {
  KW_TRY(auto transaction, DatabaseTransaction::begin(database_, "BEGIN IMMEDIATE"));
  Heads heads = heads_;
  std::vector<Position> positions;
  positions.reserve(group.size());
  for (const Transaction* one : group) {
    KW_CHECK_OK(write_one(*one, heads));
    positions.push_back(heads.position);
  }
  KW_CHECK_OK(write_heads(heads));
  KW_CHECK_OK(transaction.commit());
  heads_ = heads;
  return positions;
}

Result<void> Writer::write_one(const Transaction& transaction, Heads& heads) {
  KW_CHECK_OK(check_transaction(transaction));
  for (const RecordWrite& write : transaction.records) KW_CHECK_OK(write_record(write));
  for (const domain::Key& key : transaction.keys) KW_CHECK_OK(write_key(key));
  KW_CHECK_OK(write_events(transaction.events, heads));
  if (transaction.idempotent_answer) KW_CHECK_OK(write_answer(*transaction.idempotent_answer));
  return write_change(transaction, ++heads.position);
}

Result<void> Writer::write_record(const RecordWrite& write) {
  const Record& record = write.record;
  Query query(write.deleted ? statements_.delete_record : statements_.put_record);
  query.bind(static_cast<std::int64_t>(record.type)).bind(ByteView(record.id.bytes));
  if (!write.deleted) {
    query.bind(ByteView(record.organization.bytes))
        .bind(ByteView(record.parent.bytes))
        .bind(record.body);
  }
  return query.run();
}

Result<void> Writer::write_key(const domain::Key& key) {
  const std::string policy = policy_text(key.policy);
  Query put(statements_.put_key);
  bind_key(put, key, policy);
  KW_CHECK_OK(put.run());
  if (database_.changed_rows() != 1) {  // the serial belongs to a key of another id
    return fail(Error(Code::internal, "store_constraint", "The change contradicts what is stored.")
                    .with_internal("serial of another key: " + key.id.to_string()));
  }
  KW_CHECK_OK(Query(statements_.delete_versions).bind(key.serial).run());
  for (std::size_t place = 1; place < key.versions.size(); ++place) {
    Query query(statements_.put_version);
    query.bind(key.serial).bind(static_cast<std::int64_t>(place));
    bind_version(query, key.versions[place]);
    KW_CHECK_OK(query.run());
  }
  return {};
}

Result<void> Writer::write_events(std::span<const domain::AuditEvent> events, Heads& heads) {
  while (!events.empty()) {
    const std::size_t together = same_moment(events.first(std::min(events.size(), kPackEventsMax)));
    if (together >= kPackEventsMin) {
      KW_CHECK_OK(write_pack(events.first(together), heads));
      events = events.subspan(together);
    } else {
      KW_CHECK_OK(write_event(events.front(), heads));
      events = events.subspan(1);
    }
  }
  return {};
}

Result<void> Writer::write_pack(std::span<const domain::AuditEvent> events, Heads& heads) {
  PackWriter pack;
  const std::int64_t first = heads.audit_events + 1;
  for (const domain::AuditEvent& event : events) {
    heads.audit_head = chain_hash(heads.audit_head, event);
    ++heads.audit_events;
    pack.add(event, heads.audit_head);
  }
  const std::int64_t time = to_unix_milliseconds(events.front().time);
  Query put(statements_.put_pack);
  put.bind(first).bind(heads.audit_events).bind(time).bind(pack.bytes());
  KW_CHECK_OK(put.run());
  for (const std::string& term : std::move(pack).terms()) {
    Query put_term(statements_.put_term);
    put_term.bind(view_bytes(term)).bind(time).bind(first);
    KW_CHECK_OK(put_term.run());
  }
  return {};
}

Result<void> Writer::write_event(const domain::AuditEvent& event, Heads& heads) {
  const crypto::Sha256 hash = chain_hash(heads.audit_head, event);
  Query query(statements_.put_event);
  bind_event(query, heads.audit_events + 1, event, hash);
  KW_CHECK_OK(query.run());
  ++heads.audit_events;
  heads.audit_head = hash;
  return {};
}

Result<void> Writer::write_answer(const IdempotentAnswer& answer) {
  KW_CHECK_OK(Query(statements_.delete_answers).bind(to_unix_milliseconds(clock_.now())).run());
  Query query(statements_.put_answer);
  query.bind(answer.caller)
      .bind(answer.key)
      .bind(answer.request_hash)
      .bind(std::int64_t{answer.status})
      .bind(answer.body)
      .bind(to_unix_milliseconds(answer.expires_at));
  return query.run();
}

Result<void> Writer::write_change(const Transaction& transaction, Position position) {
  const auto entry = random_bytes<16>(random_);
  const Bytes subjects = subjects_of(transaction);
  Query query(statements_.put_change);
  query.bind(static_cast<std::int64_t>(position))
      .bind(ByteView(entry))
      .bind(to_unix_milliseconds(clock_.now()))
      .bind(std::int64_t{transaction.removes_access})
      .bind(ByteView(subjects));
  return query.run();
}

// A serial is seen outside only once its transaction is durable, and it was given out before that:
// so it is enough to write down with each group how far they have gone.
Result<void> Writer::write_heads(const Heads& heads) {
  Query query(statements_.put_heads);
  query.bind(heads.audit_events)
      .bind(ByteView(heads.audit_head))
      .bind(next_key_serial_.load())
      .bind(next_user_serial_.load());
  return query.run();
}

Result<void> Writer::checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK) return fail(database_error(database_.handle(), "checkpoint"));
  return {};
}

Result<std::optional<IdempotentAnswer>> Writer::find_idempotent(std::string_view caller,
                                                                std::string_view key) {
  Query query(statements_.find_answer);
  query.bind(caller).bind(key);
  KW_TRY(bool found, query.next());
  if (!found) return std::nullopt;
  IdempotentAnswer answer{.caller = std::string(caller),
                          .key = std::string(key),
                          .request_hash = std::string(query.text(0)),
                          .status = static_cast<int>(query.integer(1)),
                          .body = std::string(query.text(2)),
                          .expires_at = from_unix_milliseconds(query.integer(3))};
  if (answer.expires_at <= clock_.now()) return std::nullopt;
  return answer;
}

Result<std::optional<std::string>> Writer::setting(std::string_view name) {
  Query query(statements_.find_setting);
  query.bind(name);
  KW_TRY(bool found, query.next());
  if (!found) return std::nullopt;
  return std::string(query.text(0));
}

Result<void> Writer::set_setting(std::string_view name, std::string_view value) {
  return Query(statements_.put_setting).bind(name).bind(value).run();
}

Result<std::vector<JournalEntry>> Writer::removals(Position above, std::size_t limit) {
  std::vector<JournalEntry> entries;
  Query query(statements_.find_removals);
  query.bind(static_cast<std::int64_t>(above));
  while (entries.size() < limit) {
    KW_TRY(bool found, query.next());
    if (!found) break;
    KW_CHECK_OK(add_removals(query, entries));
  }
  return entries;
}

Result<void> Writer::add_removals(const Query& change, std::vector<JournalEntry>& entries) {
  JournalEntry entry;
  entry.position = static_cast<Position>(change.integer(0));
  entry.time = from_unix_milliseconds(change.integer(1));
  ByteView subjects = change.blob(2);
  for (; subjects.size() >= Subject::kBytes; subjects = subjects.subspan(Subject::kBytes)) {
    entry.subject.type = subjects[0];
    entry.subject.change = static_cast<Change>(subjects[1]);
    std::copy_n(subjects.begin() + 2, entry.subject.id.size(), entry.subject.id.begin());
    if (entry.subject.change == Change::written) continue;
    entry.reason.clear();
    if (entry.subject.is_key()) {
      const domain::KeyId id = entry.subject.key_id();
      Query query(statements_.find_reason);
      query.bind(id.view());
      KW_TRY(bool found, query.next());
      if (found) entry.reason = query.text(0);
    }
    entries.push_back(entry);
  }
  return {};
}

}  // namespace keywright::store
