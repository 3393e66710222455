#include "traces/postgres/dropping.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/log.h"
#include "traces/postgres/postgres_outbox.h"

namespace keywright::traces {

using store::postgres::Rows;
using store::postgres::Statement;

namespace {

constexpr std::int64_t kLock = 0x4b575452;  // "KWTR"
constexpr std::int64_t kAtOnce = 500;
constexpr int kSweptAtOnce = 1000;

// Of every project that has any.
Result<std::vector<domain::ProjectId>> read_projects(store::postgres::Connection& connection) {
  std::vector<domain::ProjectId> projects;
  domain::ProjectId last;
  for (;;) {
    KW_TRY(
        const Rows rows,
        connection.run(Statement(
            "SELECT project FROM traces WHERE project > ? ORDER BY project LIMIT 1", last.value)));
    if (rows.size() == 0) return projects;
    last = {rows[0].uuid(0)};
    projects.push_back(last);
  }
}

// Identities first: who adds to a trace holds its identity until the commit.
std::vector<Statement> deletions(std::span<const std::int64_t> numbers) {
  std::vector<Statement> statements;
  statements.push_back(Statement("DELETE FROM trace_identities WHERE number = ANY (?)", numbers));
  statements.push_back(Statement("DELETE FROM trace_outbox WHERE trace = ANY (?)", numbers));
  statements.push_back(Statement("DELETE FROM trace_dead_letters WHERE trace = ANY (?)", numbers));
  statements.push_back(Statement("DELETE FROM trace_spans WHERE trace = ANY (?)", numbers));
  statements.push_back(Statement("DELETE FROM trace_contexts WHERE trace = ANY (?)", numbers));
  statements.push_back(Statement("DELETE FROM traces WHERE number = ANY (?)", numbers));
  return statements;
}

}  // namespace

void PostgresDropping::begin(Retention retention) {
  retention_ = std::move(retention);
  state_ = State::locking;
}

void PostgresDropping::sweep() {
  if (under_way()) return;  // it ends with a sweep
  retention_.reset();
  state_ = State::sweeping;
}

void PostgresDropping::step(Connection& connection) {
  const auto done = advance(connection);
  if (done) return;
  log_warning("traces_not_dropped",
              {{"problem", done.error().detail()}, {"why", done.error().internal()}});
  state_ = State::resting;
  if (connection.is_broken()) return;
  (void)connection.run(Statement("ROLLBACK"));
  (void)unlock(connection);
}

Result<void> PostgresDropping::advance(Connection& connection) {
  switch (state_) {
    case State::resting: return {};
    case State::locking: return lock(connection);
    case State::days:
      if (!days_.empty()) return drop_day(connection);
      KW_CHECK_OK(find_projects(connection));
      state_ = State::rows;
      return {};
    case State::rows:
      if (!projects_.empty()) return drop_rows(connection);
      KW_CHECK_OK(find_days(connection));
      state_ = State::empty_days;
      return {};
    case State::empty_days:
      if (!days_.empty()) return drop_empty_day(connection);
      state_ = State::sweeping;
      return {};
    case State::sweeping: {
      KW_TRY(const int swept, sweep_outbox(connection, kSweptAtOnce));
      if (swept == 0) state_ = retention_ ? State::unlocking : State::resting;
      return {};
    }
    case State::unlocking: state_ = State::resting; return unlock(connection);
  }
  return {};
}

Result<void> PostgresDropping::lock(Connection& connection) {
  if (!has_lock_) {  // it is one of the session, and counts how often it was taken
    KW_TRY(const Rows rows, connection.run(Statement("SELECT pg_try_advisory_lock(?)", kLock)));
    has_lock_ = rows[0].integer(0) != 0;
  }
  if (!has_lock_) {
    state_ = State::resting;
    return {};
  }
  KW_CHECK_OK(find_days(connection));
  Time oldest = kLatestTime;
  for (const auto& [project, kept_from] : *retention_) oldest = std::min(oldest, kept_from);
  std::erase_if(days_,
                [&](Day day) { return first_number_of_day(day + 1) > first_number_of(oldest); });
  state_ = State::days;
  return {};
}

Result<void> PostgresDropping::unlock(Connection& connection) {
  if (!std::exchange(has_lock_, false)) return {};
  KW_CHECK_OK(connection.run(Statement("SELECT pg_advisory_unlock(?)", kLock)));
  return {};
}

// Those that may go if nothing is in them.
Result<void> PostgresDropping::find_days(Connection& connection) {
  KW_TRY(const Rows rows, connection.run(Statement("SELECT * FROM trace_days()")));
  days_.clear();
  for (int i = 0; i < rows.size(); ++i) {
    const Day day = rows[i].integer(0);
    if (day < first_day_that_stays()) days_.push_back(day);
  }
  return {};
}

// What points at its traces goes first.
Result<void> PostgresDropping::drop_day(Connection& connection) {
  const Day day = days_.front();
  const Number from = first_number_of_day(day);
  const Number before = first_number_of_day(day + 1);
  const Statement statements[] = {
      Statement("DELETE FROM trace_identities WHERE ctid = ANY (ARRAY(SELECT ctid FROM "
                "trace_identities WHERE number >= ? AND number < ? LIMIT ?))",
                from, before, 10 * kAtOnce),
      Statement("DELETE FROM trace_outbox WHERE trace >= ? AND trace < ?", from, before),
      Statement("DELETE FROM trace_dead_letters WHERE trace >= ? AND trace < ?", from, before)};
  KW_TRY(const std::vector<Rows> done, connection.run_all(statements));
  if (done[0].affected() > 0) return {};
  days_.pop_front();
  KW_CHECK_OK(connection.run(Statement("SELECT drop_trace_day(?)", day)));
  return {};
}

Result<void> PostgresDropping::find_projects(Connection& connection) {
  KW_TRY(const std::vector<domain::ProjectId> projects, read_projects(connection));
  projects_.clear();
  for (const domain::ProjectId& project : projects) {
    const auto kept = retention_->find(project);
    projects_.emplace_back(project, kept == retention_->end() ? kLatestTime : kept->second);
  }
  return {};
}

Result<void> PostgresDropping::drop_rows(Connection& connection) {
  const auto& [project, before] = projects_.front();
  KW_TRY(const Rows rows,
         connection.run(Statement("SELECT number FROM traces WHERE project = ? AND number < ? "
                                  "ORDER BY number LIMIT ?",
                                  project.value, first_number_of(before), kAtOnce)));
  std::vector<std::int64_t> found;
  for (int i = 0; i < rows.size(); ++i) found.push_back(rows[i].integer(0));
  if (found.size() < static_cast<std::size_t>(kAtOnce)) projects_.pop_front();
  if (found.empty()) return {};
  std::vector<Statement> statements = deletions(found);
  statements.insert(statements.begin(), Statement("BEGIN"));
  statements.push_back(Statement("COMMIT"));
  KW_CHECK_OK(connection.run_all(statements));
  return {};
}

Result<void> PostgresDropping::drop_empty_day(Connection& connection) {
  const Day day = days_.front();
  days_.pop_front();
  KW_TRY(const Rows rows,
         connection.run(Statement("SELECT EXISTS (SELECT 1 FROM traces WHERE number >= ? AND "
                                  "number < ?)",
                                  first_number_of_day(day), first_number_of_day(day + 1))));
  if (rows[0].integer(0) != 0) return {};
  KW_CHECK_OK(connection.run(Statement("SELECT drop_trace_day(?)", day)));
  return {};
}

Result<bool> drop_trace(store::postgres::Connection& connection, domain::ProjectId project,
                        const Uuid& id) {
  KW_TRY(const Rows rows, connection.run(Statement("SELECT number FROM traces WHERE id = ? AND "
                                                   "project = ?",
                                                   id, project.value)));
  if (rows.size() == 0) return false;
  const std::int64_t number = rows[0].integer(0);
  KW_CHECK_OK(connection.run_all(deletions({&number, 1})));
  return true;
}

}  // namespace keywright::traces
