#include "traces/sqlite_outbox.h"

namespace keywright::traces {
namespace {

using store::Query;

void bind_queued(Query& query, const Queued& queued) {
  query.bind(bytes_of(queued.platform.value)).bind(queued.trace).bind(queued.revision);
  query.bind(queued.first_span).bind(queued.last_span).bind(queued.hops);
  query.bind(to_unix_milliseconds(queued.queued_at));
}

}  // namespace

Result<SqliteOutbox> SqliteOutbox::open(store::Database& database) {
  SqliteOutbox outbox(database);
  KW_CHECK_OK(outbox.prepare());
  return outbox;
}

// `since`: what was queued up to there belongs to an earlier forwarding of this platform.
Result<void> SqliteOutbox::prepare() {
  store::Database& database = *database_;
  KW_TRY(takes_, database.prepare("SELECT 1 FROM forwardings WHERE platform = ?"));
  KW_TRY(add_, database.prepare("INSERT INTO outbox (platform, trace, revision, first_span, "
                                "last_span, hops, queued_at) VALUES (?,?,?,?,?,?,?)"));
  KW_TRY(put_,
         database.prepare("INSERT INTO forwardings (platform, project, settings, state, since) "
                          "VALUES (?1, ?2, ?3, ?4, "
                          "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)) "
                          "ON CONFLICT (platform) DO UPDATE SET settings = ?3"));
  KW_TRY(remove_, database.prepare("DELETE FROM forwardings WHERE platform = ?"));
  KW_TRY(set_state_, database.prepare("UPDATE forwardings SET state = ?2 WHERE platform = ?1"));
  KW_TRY(delivered_, database.prepare("DELETE FROM outbox WHERE platform = ? AND sequence <= ?"));
  KW_TRY(unqueue_, database.prepare("DELETE FROM outbox WHERE sequence = ?"));
  KW_TRY(bury_, database.prepare(
                    "INSERT OR REPLACE INTO dead_letters (platform, trace, revision, first_span, "
                    "last_span, hops, queued_at, sequence, failed_at, attempts, status, problem) "
                    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"));
  KW_TRY(redrive_,
         database.prepare(
             "INSERT INTO outbox (platform, trace, revision, first_span, last_span, hops, "
             "queued_at) SELECT platform, trace, revision, first_span, last_span, hops, ?3 "
             "FROM dead_letters WHERE platform = ?1 AND (?2 = 0 OR sequence = ?2) "
             "AND sequence > (SELECT since FROM forwardings WHERE platform = ?1) "
             "ORDER BY sequence"));
  KW_TRY(dug_up_, database.prepare("DELETE FROM dead_letters WHERE platform = ?1 "
                                   "AND (?2 = 0 OR sequence = ?2)"));
  KW_TRY(forget_, database.prepare("DELETE FROM outbox WHERE trace = ?"));
  KW_TRY(forget_dead_, database.prepare("DELETE FROM dead_letters WHERE trace = ?"));
  KW_TRY(sweep_,
         database.prepare("DELETE FROM outbox WHERE sequence IN (SELECT o.sequence FROM outbox o "
                          "LEFT JOIN forwardings f ON f.platform = o.platform "
                          "WHERE f.platform IS NULL OR o.sequence <= f.since LIMIT ?)"));
  KW_TRY(sweep_dead_,
         database.prepare("DELETE FROM dead_letters WHERE sequence IN (SELECT d.sequence "
                          "FROM dead_letters d LEFT JOIN forwardings f ON f.platform = d.platform "
                          "WHERE f.platform IS NULL OR d.sequence <= f.since LIMIT ?)"));
  return {};
}

Result<bool> SqliteOutbox::takes(domain::PlatformId platform) {
  Query query(takes_);
  return query.bind(bytes_of(platform.value)).next();
}

Result<void> SqliteOutbox::add(const Queued& queued) {
  Query query(add_);
  bind_queued(query, queued);
  return query.run();
}

Result<void> SqliteOutbox::put(const ForwardingRow& row) {
  Query query(put_);
  query.bind(bytes_of(row.platform.value)).bind(bytes_of(row.project.value));
  query.bind(row.settings).bind(row.state);
  return query.run();
}

Result<void> SqliteOutbox::remove(domain::PlatformId platform) {
  removed_ = true;
  Query query(remove_);
  return query.bind(bytes_of(platform.value)).run();
}

Result<void> SqliteOutbox::set_state(domain::PlatformId platform, std::string_view state) {
  Query query(set_state_);
  return query.bind(bytes_of(platform.value)).bind(state).run();
}

Result<void> SqliteOutbox::delivered(domain::PlatformId platform, std::int64_t sequence,
                                     std::string_view state) {
  {
    Query query(delivered_);
    KW_CHECK_OK(query.bind(bytes_of(platform.value)).bind(sequence).run());
  }
  return set_state(platform, state);
}

Result<void> SqliteOutbox::bury(const DeadLetter& letter, std::string_view state) {
  {
    Query query(bury_);
    bind_queued(query, letter.queued);
    query.bind(letter.queued.sequence).bind(to_unix_milliseconds(letter.failed_at));
    query.bind(letter.attempts).bind(letter.status).bind(letter.problem);
    KW_CHECK_OK(query.run());
  }
  {
    Query query(unqueue_);
    KW_CHECK_OK(query.bind(letter.queued.sequence).run());
  }
  return set_state(letter.queued.platform, state);
}

Result<std::int64_t> SqliteOutbox::redrive(domain::PlatformId platform, std::int64_t sequence,
                                           Time now) {
  std::int64_t count = 0;
  {
    Query query(redrive_);
    query.bind(bytes_of(platform.value)).bind(sequence).bind(to_unix_milliseconds(now));
    KW_CHECK_OK(query.run());
    count = database_->changed_rows();
  }
  Query query(dug_up_);
  KW_CHECK_OK(query.bind(bytes_of(platform.value)).bind(sequence).run());
  return count;
}

Result<void> SqliteOutbox::forget(Number trace) {
  for (store::Statement* statement : {&forget_, &forget_dead_}) {
    Query query(*statement);
    KW_CHECK_OK(query.bind(trace).run());
  }
  return {};
}

Result<int> SqliteOutbox::sweep(int limit) {
  int dropped = 0;
  for (store::Statement* statement : {&sweep_, &sweep_dead_}) {
    Query query(*statement);
    KW_CHECK_OK(query.bind(std::int64_t{limit}).run());
    dropped += database_->changed_rows();
  }
  return dropped;
}

}  // namespace keywright::traces
