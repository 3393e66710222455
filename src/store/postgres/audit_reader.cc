// The part of reader.h that reads the audit log.
#include <algorithm>

#include "store/audit_chain.h"
#include "store/cursor.h"
#include "store/paging.h"
#include "store/postgres/reader.h"
#include "store/postgres/rows.h"

namespace keywright::store::postgres {
namespace {

constexpr std::int64_t kEventsAtOnce = 2'000;

struct AuditPage {
  std::optional<std::int64_t> time;  // the last event shown before
  std::int64_t number = 0;
  std::int64_t limit = 0;
};

// "key.*" are the actions from "key." to just before "key/", the next string after all of them.
void add_action(Statement& query, const std::string& action) {
  if (action.empty()) return;
  if (!action.ends_with(".*")) {
    query.add(" AND action = ?", action);
    return;
  }
  const std::string from = action.substr(0, action.size() - 1);
  std::string to = from;
  ++to.back();
  query.add(" AND action >= ? AND action < ?", from, to);
}

void add_conditions(Statement& query, const AuditFilter& filter, const AuditPage& page) {
  if (filter.organization) query.add(" AND organization = ?", *filter.organization);
  if (!filter.actor.empty()) query.add(" AND actor_id = ? AND actor_id <> ''", filter.actor);
  add_action(query, filter.action);
  if (!filter.object_id.empty()) {
    query.add(" AND object_id = ? AND object_id <> ''", filter.object_id);
  }
  if (!filter.request_id.empty()) {
    query.add(" AND request_id = ? AND request_id <> ''", filter.request_id);
  }
  if (filter.from) query.add(" AND time >= ?", to_unix_milliseconds(*filter.from));
  if (filter.to) query.add(" AND time < ?", to_unix_milliseconds(*filter.to));
  if (page.time) query.add(" AND (time, number) < (?, ?)", *page.time, page.number);
  query.add(" ORDER BY time DESC, number DESC LIMIT ?", page.limit);
}

Statement events_query(const AuditFilter& filter, const AuditPage& page) {
  Statement query("SELECT ");
  query.add(kEventColumns).add(" FROM audit_events WHERE true");
  add_conditions(query, filter, page);
  return query;
}

// A key as object and a key as actor are two indexes: the newest of each, then the newest of both.
Statement key_events_query(const AuditFilter& filter, const AuditPage& page) {
  Statement query("SELECT ");
  query.add(kEventColumns)
      .add(
          " FROM audit_events WHERE number IN ((SELECT number FROM audit_events WHERE "
          "object_id = ? AND object_id <> ''",
          filter.key_id);
  add_conditions(query, filter, page);
  query.add(
      ") UNION (SELECT number FROM audit_events WHERE actor_key_id = ? AND "
      "actor_key_id <> ''",
      filter.key_id);
  add_conditions(query, filter, page);
  query.add(")) ORDER BY time DESC, number DESC LIMIT ?", page.limit);
  return query;
}

Result<void> walk_some(Connection& connection, ChainWalk& walk, std::int64_t rows) {
  while (walk.goes_on(rows)) {
    Statement query("SELECT ");
    query.add(kEventColumns)
        .add(" FROM audit_events WHERE number > ? ORDER BY number LIMIT ?", walk.number(),
             kEventsAtOnce);
    KW_TRY(const Rows found, connection.run(query));
    if (found.size() == 0) walk.missing();
    for (int i = 0; i < found.size() && walk.goes_on(rows); ++i) {
      const auto stored = read_event(found[i]);
      if (!stored) walk.unreadable();
      if (!stored || !walk.take(stored->number, stored->event, stored->hash)) return {};
    }
  }
  return {};
}

}  // namespace

Result<PageOf<domain::AuditEvent>> list_audit(Connection& connection, const AuditFilter& filter,
                                              const Page& page) {
  const int limit = limit_of(page);
  AuditPage wanted{.time = {}, .limit = std::int64_t{limit} + 1};
  if (!page.after.empty()) {
    KW_TRY(const auto bytes, decode_cursor<16>(page.after));
    wanted.time = cursor_number(bytes);
    wanted.number = cursor_number(ByteView(bytes).subspan(8));
  }
  const Statement query =
      filter.key_id.empty() ? events_query(filter, wanted) : key_events_query(filter, wanted);
  KW_TRY(const Rows rows, connection.run(query));
  PageOf<domain::AuditEvent> result;
  std::int64_t last_number = 0;
  for (int i = 0; i < rows.size(); ++i) {
    KW_TRY(StoredEvent stored, read_event(rows[i]));
    if (result.items.size() == static_cast<std::size_t>(limit)) {
      const std::int64_t time = to_unix_milliseconds(result.items.back().time);
      result.next = encode_cursor(cursor_bytes(time, last_number));
      return result;
    }
    last_number = stored.number;
    result.items.push_back(std::move(stored.event));
  }
  return result;
}

Result<AuditVerification> verify_audit(Connection& connection, const AuditStretch& stretch) {
  KW_TRY(const ReadMoment moment, ReadMoment::begin(connection));
  KW_TRY(const Rows found,
         connection.run(Statement("SELECT audit_events, audit_head, (SELECT coalesce(max(number), "
                                  "0) FROM audit_events) FROM log_head")));
  AuditHeads heads;
  const bool whole = found.size() == 1 && found[0].blob(1).size() == heads.head.size();
  if (!whole) return fail(Code::internal, "store_damaged", "The store is damaged.");
  heads.written = found[0].integer(0);
  std::ranges::copy(found[0].blob(1), heads.head.begin());
  heads.rows = found[0].integer(2);
  ChainWalk walk(stretch);
  KW_CHECK_OK(walk_some(connection, walk, heads.rows));
  return walk.judge(heads);
}

}  // namespace keywright::store::postgres
