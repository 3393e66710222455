// The part of reader.h that reads the audit log.
#include <algorithm>

#include <fmt/core.h>

#include "base/encoding.h"
#include "store/cursor.h"
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

// Follows the chain; says in `verification` how far it came and what it met.
class ChainWalk {
 public:
  explicit ChainWalk(AuditVerification& verification) : verification_(verification) {}

  std::int64_t number() const { return static_cast<std::int64_t>(verification_.events); }
  const crypto::Sha256& head() const { return head_; }

  bool take(const Row& row) {
    auto stored = read_event(row);
    const std::int64_t expected = number() + 1;
    if (!stored) return stop(fmt::format("event {} cannot be read", expected));
    if (stored->number != expected) return stop(fmt::format("event {} is missing", expected));
    const crypto::Sha256 hash = chain_hash(head_, stored->event);
    if (hash != stored->hash) {
      return stop(fmt::format("event {} ({}, {}) does not fit the events before it", expected,
                              stored->event.id.to_string(), stored->event.action));
    }
    head_ = hash;
    ++verification_.events;
    return true;
  }

  bool stop(std::string problem) {
    verification_.problem = std::move(problem);
    return false;
  }

 private:
  AuditVerification& verification_;
  crypto::Sha256 head_{};
};

Result<bool> walk_all(Connection& connection, ChainWalk& walk, std::int64_t rows) {
  while (walk.number() < rows) {
    Statement query("SELECT ");
    query.add(kEventColumns)
        .add(" FROM audit_events WHERE number > ? ORDER BY number LIMIT ?", walk.number(),
             kEventsAtOnce);
    KW_TRY(const Rows found, connection.run(query));
    const std::int64_t before = walk.number();
    for (int i = 0; i < found.size(); ++i) {
      if (!walk.take(found[i])) return false;
    }
    if (walk.number() == before) return walk.stop(fmt::format("event {} is missing", before + 1));
  }
  return true;
}

}  // namespace

Result<PageOf<domain::AuditEvent>> list_audit(Connection& connection, const AuditFilter& filter,
                                              const Page& page) {
  const int limit = std::clamp(page.limit, 1, kPageItemsMax);
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

Result<AuditVerification> verify_audit(Connection& connection) {
  KW_TRY(const ReadMoment moment, ReadMoment::begin(connection));
  KW_TRY(const Rows heads,
         connection.run(Statement("SELECT audit_events, audit_head, (SELECT coalesce(max(number), "
                                  "0) FROM audit_events) FROM log_head")));
  if (heads.size() != 1) return fail(Code::internal, "store_damaged", "The store is damaged.");
  const std::int64_t events = heads[0].integer(0);
  const std::int64_t rows = heads[0].integer(2);
  AuditVerification verification;
  ChainWalk walk(verification);
  KW_TRY(bool fits, walk_all(connection, walk, rows));
  if (fits && rows != events) {
    fits = walk.stop(fmt::format("the log ends at event {}, but {} were written", rows, events));
  } else if (fits && !std::ranges::equal(walk.head(), heads[0].blob(1))) {
    fits = walk.stop(fmt::format("event {} is not the one that was written", rows));
  }
  verification.head = encode_hex(walk.head());
  verification.intact = fits;
  return verification;
}

}  // namespace keywright::store::postgres
