#include "store/postgres/writer.h"

#include <algorithm>

#include "store/postgres/rows.h"

namespace keywright::store::postgres {
namespace {

constexpr Sql kHeads(
    "SELECT position, entry, audit_events, audit_head, next_key_serial, next_user_serial FROM "
    "log_head");

// What is over is dropped a little at a time, by those who add.
Statement delete_answers(Time now) {
  return Statement(
      "DELETE FROM idempotent_answers WHERE (caller, key) IN (SELECT caller, key FROM "
      "idempotent_answers WHERE expires_at <= ? ORDER BY expires_at LIMIT 16)",
      to_unix_milliseconds(now));
}

Statement put_answer(const IdempotentAnswer& answer) {
  return Statement(
      "INSERT INTO idempotent_answers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (caller, key) DO "
      "UPDATE SET request_hash = excluded.request_hash, status = excluded.status, "
      "body = excluded.body, expires_at = excluded.expires_at",
      answer.caller, answer.key, answer.request_hash, std::int64_t{answer.status}, answer.body,
      to_unix_milliseconds(answer.expires_at));
}

}  // namespace

Result<void> Writer::connect() {
  if (connection_ != nullptr && !connection_->is_broken()) return {};
  connection_.reset();
  KW_TRY(auto opened, opener_.open());
  KW_CHECK_OK(opened->run(Statement(kPlanOnce)));
  connection_ = std::move(opened);
  return {};
}

Result<void> Writer::look() {
  KW_CHECK_OK(connect());
  KW_TRY(const Rows rows, connection_->run(Statement(kHeads)));
  return take_heads(rows);
}

Result<void> Writer::take_heads(const Rows& rows) {
  if (rows.size() != 1 || rows[0].blob(3).size() != heads_.audit_head.size()) {
    return fail(
        Error(Code::internal, "store_damaged", "The store is damaged.").with_internal("log_head"));
  }
  const Row row = rows[0];
  heads_.log = {static_cast<Position>(row.integer(0)), row.uuid(1)};
  heads_.audit_events = row.integer(2);
  std::ranges::copy(row.blob(3), heads_.audit_head.begin());
  // What was given out here and not written is above what the row says.
  next_key_serial_ = std::max(row.integer(4), next_key_serial_.load());
  next_user_serial_ = std::max(row.integer(5), next_user_serial_.load());
  return {};
}

// A connection that PostgreSQL closed while it was idle is noticed only here: then once more. Not
// if that took long: then the server is not there, and callers have waited enough.
Result<Turn> Writer::begin(const LogPoint& applied) {
  Statement lock(kHeads);
  lock.add(" FOR UPDATE");
  std::vector<Statement> statements = {Statement("BEGIN"), lock, select_nodes()};
  select_missing(applied, statements);
  const auto started = clock_.boot_time();
  for (bool again = connection_ != nullptr;; again = false) {
    if (is_gone_) return fail(unreachable("it was not reached a moment ago"));
    KW_CHECK_OK(connect());
    connection_->give_up_when(&is_gone_);  // nothing is written yet
    auto rows = connection_->run_all(statements);
    connection_->give_up_when(nullptr);
    if (!rows) {
      const bool soon = clock_.boot_time() - started < kSoon;
      if (connection_->is_broken() && again && soon) continue;
      abandon();
      return fail(std::move(rows).error());
    }
    in_turn_ = true;
    Turn turn;
    auto read = [&]() -> Result<void> {
      KW_CHECK_OK(take_heads((*rows)[1]));
      turn.nodes = read_nodes((*rows)[2]);
      turn.missing =
          read_missing_rows(applied, heads_.log, std::span(*rows).subspan(3, kMissingStatements));
      return {};
    }();
    if (read) return turn;
    abandon();
    return fail(std::move(read).error());
  }
}

void Writer::abandon() {
  in_turn_ = false;
  if (connection_ == nullptr) return;
  if (!connection_->is_broken() && connection_->run(Statement("ROLLBACK"))) return;
  connection_.reset();
}

void Writer::add(const Transaction& transaction, Heads& heads, std::vector<Statement>& statements) {
  for (const RecordWrite& write : transaction.records) statements.push_back(put_record(write));
  for (const domain::Key& key : transaction.keys) statements.push_back(put_key(key));
  for (const domain::AuditEvent& event : transaction.events) {
    heads.audit_head = chain_hash(heads.audit_head, event);
    statements.push_back(put_event(++heads.audit_events, event, heads.audit_head));
  }
  if (transaction.idempotent_answer) {
    statements.push_back(delete_answers(clock_.now()));
    statements.push_back(put_answer(*transaction.idempotent_answer));
  }
  heads.log = {heads.log.position + 1, Uuid{random_bytes<16>(random_)}};
  const Bytes subjects = pack_subjects(transaction);
  statements.push_back(Statement("INSERT INTO change_log VALUES (?, ?, ?, ?, ?)",
                                 static_cast<std::int64_t>(heads.log.position), heads.log.entry,
                                 to_unix_milliseconds(clock_.now()),
                                 std::int64_t{transaction.removes_access}, ByteView(subjects)));
}

Result<std::vector<Position>> Writer::write(std::span<const Transaction> group) {
  for (const Transaction& transaction : group) KW_CHECK_OK(check_transaction(transaction));
  Heads heads = heads_;
  std::vector<Statement> statements;
  std::vector<Position> positions;
  std::vector<LogPoint> points;
  for (const Transaction& transaction : group) {
    add(transaction, heads, statements);
    positions.push_back(heads.log.position);
    points.push_back(heads.log);
  }
  statements.push_back(
      Statement("UPDATE log_head SET position = ?, entry = ?, audit_events = ?, audit_head = ?, "
                "next_key_serial = ?, next_user_serial = ?",
                static_cast<std::int64_t>(heads.log.position), heads.log.entry, heads.audit_events,
                ByteView(heads.audit_head), next_key_serial_.load(), next_user_serial_.load()));
  statements.push_back(Statement("COMMIT"));
  KW_CHECK_OK(connection_->run_all(statements));
  in_turn_ = false;
  heads_ = heads;
  for (std::size_t i = 0; i < group.size(); ++i) {
    removals_.note(group[i], points[i], clock_.now());
  }
  return positions;
}

Result<Rows> Writer::run(const Statement& statement) {
  KW_CHECK_OK(connect());
  return connection_->run(statement);
}

}  // namespace keywright::store::postgres
