// The part of Reader that reads the audit log.
#include "store/sqlite/reader.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encoding.h"
#include "store/cursor.h"
#include "store/sqlite/query_text.h"
#include "store/sqlite/rows.h"

namespace keywright::store {
namespace {

constexpr std::int64_t kEventsAtOnce = 512;

struct AuditPage {
  std::optional<std::int64_t> time;  // the last event shown before
  std::int64_t number = 0;
  std::int64_t limit = 0;
};

// "key.*" are the actions from "key." to just before "key/", the next string after all of them.
struct ActionRange {
  explicit ActionRange(const std::string& filter) {
    if (!filter.ends_with(".*")) return;
    from = filter.substr(0, filter.size() - 1);
    to = from;
    ++to.back();
  }
  std::string from, to;
};

void add_conditions(QueryText& query, const AuditFilter& filter, const ActionRange& actions,
                    const AuditPage& page) {
  if (filter.organization) query.add(" AND organization = ?", ByteView(filter.organization->bytes));
  if (!filter.actor.empty()) query.add(" AND actor_id = ?", std::string_view(filter.actor));
  if (!actions.from.empty()) {
    query.add(" AND action >= ? AND action < ?", std::string_view(actions.from),
              std::string_view(actions.to));
  } else if (!filter.action.empty()) {
    query.add(" AND action = ?", std::string_view(filter.action));
  }
  if (!filter.object_id.empty())
    query.add(" AND object_id = ?", std::string_view(filter.object_id));
  if (filter.from) query.add(" AND time >= ?", to_unix_milliseconds(*filter.from));
  if (filter.to) query.add(" AND time < ?", to_unix_milliseconds(*filter.to));
  if (page.time) {
    query.add(" AND time <= ? AND (time < ? OR number < ?)", *page.time, *page.time, page.number);
  }
  query.add(" ORDER BY time DESC, number DESC LIMIT ?", page.limit);
}

// Each index ends with the time and the row id, so that its rows come in the order of the list.
QueryText events_query(const AuditFilter& filter, const ActionRange& actions,
                       const AuditPage& page) {
  QueryText query("SELECT ");
  query.add(kEventColumns).add(" FROM audit_events ");
  if (!filter.object_id.empty()) {
    query.add("INDEXED BY audit_by_object WHERE object_id <> ''");
  } else if (!filter.actor.empty()) {
    query.add("INDEXED BY audit_by_actor WHERE actor_id <> ''");
  } else if (filter.organization && !filter.action.empty() && actions.from.empty()) {
    query.add("INDEXED BY audit_by_action WHERE 1");
  } else if (filter.organization) {
    query.add("INDEXED BY audit_by_organization WHERE 1");
  } else {
    query.add("INDEXED BY audit_by_time WHERE 1");
  }
  add_conditions(query, filter, actions, page);
  return query;
}

// A key as object and a key as actor are two indexes: the newest of each, then the newest of both.
QueryText key_events_query(const AuditFilter& filter, const ActionRange& actions,
                           const AuditPage& page) {
  QueryText query("SELECT ");
  query.add(kEventColumns).add(" FROM audit_events WHERE number IN (SELECT number FROM (");
  query.add("SELECT number FROM audit_events INDEXED BY audit_by_object WHERE object_id = ?",
            std::string_view(filter.key_id));
  query.add(" AND object_id <> ''");
  add_conditions(query, filter, actions, page);
  query.add(") UNION SELECT number FROM (");
  query.add("SELECT number FROM audit_events INDEXED BY audit_by_actor_key WHERE actor_key_id = ?",
            std::string_view(filter.key_id));
  query.add(" AND actor_key_id <> ''");
  add_conditions(query, filter, actions, page);
  query.add(")) ORDER BY time DESC, number DESC LIMIT ?", page.limit);
  return query;
}

}  // namespace

Result<PageOf<domain::AuditEvent>> Reader::list_audit(const AuditFilter& filter, const Page& page) {
  const int limit = std::clamp(page.limit, 1, kPageItemsMax);
  AuditPage wanted{.time = {}, .limit = std::int64_t{limit} + 1};
  if (!page.after.empty()) {
    KW_TRY(auto bytes, decode_cursor<16>(page.after));
    wanted.time = cursor_number(bytes);
    wanted.number = cursor_number(ByteView(bytes).subspan(8));
  }
  const ActionRange actions(filter.action);
  const QueryText text = filter.key_id.empty() ? events_query(filter, actions, wanted)
                                               : key_events_query(filter, actions, wanted);
  KW_TRY(Statement * list, statement(text));
  Query query(*list);
  text.bind_to(query);
  PageOf<domain::AuditEvent> result;
  std::int64_t last_number = 0;
  for (;;) {
    KW_TRY(bool found, query.next());
    if (!found) return result;
    KW_TRY(StoredEvent stored, read_event(query));
    if (result.items.size() == static_cast<std::size_t>(limit)) {
      const std::int64_t time = to_unix_milliseconds(result.items.back().time);
      result.next = encode_cursor(cursor_bytes(time, last_number));
      return result;
    }
    last_number = stored.number;
    result.items.push_back(std::move(stored.event));
  }
}

namespace {

// Follows the chain; says in `verification` how far it came and what it met.
class ChainWalk {
 public:
  explicit ChainWalk(AuditVerification& verification) : verification_(verification) {}

  std::int64_t number() const { return static_cast<std::int64_t>(verification_.events); }
  const crypto::Sha256& head() const { return head_; }

  bool take(const Query& row) {
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

}  // namespace

Result<AuditVerification> Reader::verify_audit() {
  AuditVerification verification;
  std::int64_t events = 0;
  std::int64_t rows = 0;
  crypto::Sha256 stored_head;
  {
    KW_TRY(Statement * heads,
           statement(SqlText(Sql("SELECT audit_events, audit_head, (SELECT coalesce(max(number), "
                                 "0) FROM audit_events) FROM heads"))));
    Query query(*heads);
    KW_TRY(bool found, query.next());
    if (!found) return fail(Code::internal, "store_damaged", "The store is damaged.");
    events = query.integer(0);
    KW_TRY(stored_head, read_hash(query, 1));
    rows = query.integer(2);
  }

  ChainWalk walk(verification);
  bool fits = true;
  while (fits && walk.number() < rows) {
    QueryText text("SELECT ");
    text.add(kEventColumns)
        .add(" FROM audit_events WHERE number > ? ORDER BY number LIMIT ?", walk.number(),
             kEventsAtOnce);
    KW_TRY(Statement * list, statement(text));
    Query query(*list);
    text.bind_to(query);
    const std::int64_t before = walk.number();
    for (;;) {
      KW_TRY(bool found, query.next());
      if (!found) break;
      fits = fits && walk.number() < rows && walk.take(query);
      if (!fits || walk.number() == rows) break;
    }
    if (fits && walk.number() == before)
      fits = walk.stop(fmt::format("event {} is missing", before + 1));
  }
  if (fits && rows != events) {
    fits = walk.stop(fmt::format("the log ends at event {}, but {} were written", rows, events));
  } else if (fits && walk.head() != stored_head) {
    fits = walk.stop(fmt::format("event {} is not the one that was written", rows));
  }
  verification.head = encode_hex(walk.head());
  verification.intact = fits;
  return verification;
}

}  // namespace keywright::store
