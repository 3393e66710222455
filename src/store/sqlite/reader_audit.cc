// The part of Reader that reads the audit log.
#include "store/sqlite/reader.h"

#include <algorithm>

#include "store/cursor.h"
#include "store/paging.h"
#include "store/sqlite/audit_pack.h"
#include "store/sqlite/audit_walk.h"
#include "store/sqlite/query_text.h"
#include "store/sqlite/rows.h"

namespace keywright::store {
namespace {

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
  if (!filter.request_id.empty())
    query.add(" AND request_id = ?", std::string_view(filter.request_id));
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
  if (!filter.request_id.empty()) {
    query.add("INDEXED BY audit_by_request WHERE request_id <> ''");
  } else if (!filter.object_id.empty()) {
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

// The packs in which something can match, newest first. The rarest term leads, the others are
// looked up for each pack.
QueryText packs_query(const std::vector<std::string>& terms, const AuditFilter& filter,
                      const AuditPage& page) {
  QueryText query(
      "SELECT t.first, t.time, p.events FROM audit_pack_terms t CROSS JOIN audit_packs p "
      "ON p.first = t.first WHERE t.term = ?");
  query.add("", view_bytes(terms.front()));
  for (std::size_t i = 1; i + 1 < terms.size(); ++i) {
    query.add(
        " AND EXISTS (SELECT 1 FROM audit_pack_terms o WHERE o.term = ? AND o.time = t.time AND "
        "o.first = t.first)",
        view_bytes(terms[i]));
  }
  if (filter.from) query.add(" AND t.time >= ?", to_unix_milliseconds(*filter.from));
  if (filter.to) query.add(" AND t.time < ?", to_unix_milliseconds(*filter.to));
  if (page.time) {
    query.add(" AND t.time <= ? AND (t.time < ? OR t.first < ?)", *page.time, *page.time,
              page.number);
  }
  query.add(" ORDER BY t.time DESC, t.first DESC");
  return query;
}

// The matching events of one pack, from the newest on.
void take_matching(std::vector<StoredEvent> pack, const AuditFilter& filter, const AuditPage& page,
                   std::vector<StoredEvent>& events) {
  const std::int64_t time = pack.empty() ? 0 : to_unix_milliseconds(pack.front().event.time);
  for (auto stored = pack.rbegin(); stored != pack.rend(); ++stored) {
    if (std::ssize(events) == page.limit) return;
    const bool shown_before = page.time && time == *page.time && stored->number >= page.number;
    if (!shown_before && matches(filter, stored->event)) events.push_back(std::move(*stored));
  }
}

bool is_newer(const StoredEvent& left, const StoredEvent& right) {
  if (left.event.time != right.event.time) return left.event.time > right.event.time;
  return left.number > right.number;
}

}  // namespace

Result<std::vector<StoredEvent>> Reader::audit_rows(const QueryText& text) {
  KW_TRY(Statement * list, statement(text));
  Query query(*list);
  text.bind_to(query);
  std::vector<StoredEvent> events;
  for (;;) {
    KW_TRY(const bool found, query.next());
    if (!found) return events;
    KW_TRY(StoredEvent stored, read_event(query));
    events.push_back(std::move(stored));
  }
}

Result<PageOf<domain::AuditEvent>> Reader::list_audit(const AuditFilter& filter, const Page& page) {
  const int limit = limit_of(page);
  AuditPage wanted{.time = {}, .limit = std::int64_t{limit} + 1};
  if (!page.after.empty()) {
    KW_TRY(auto bytes, decode_cursor<16>(page.after));
    wanted.time = cursor_number(bytes);
    wanted.number = cursor_number(ByteView(bytes).subspan(8));
  }
  const ActionRange actions(filter.action);
  // Of one state: an event is in a row or in a pack, for ever.
  KW_TRY(auto moment, DatabaseTransaction::begin(database_, "BEGIN"));
  KW_TRY(const auto rows,
         audit_rows(filter.key_id.empty() ? events_query(filter, actions, wanted)
                                          : key_events_query(filter, actions, wanted)));
  std::vector<StoredEvent> packed;
  {
    const std::vector<std::string> terms = terms_of(filter);
    const QueryText text = packs_query(terms, filter, wanted);
    KW_TRY(Statement * list, statement(text));
    Query query(*list);
    text.bind_to(query);
    while (std::ssize(packed) < wanted.limit) {
      KW_TRY(const bool found, query.next());
      if (!found) break;
      KW_TRY(auto pack,
             read_pack(query.integer(0), from_unix_milliseconds(query.integer(1)), query.blob(2)));
      take_matching(std::move(pack), filter, wanted, packed);
    }
  }
  std::vector<StoredEvent> events;
  std::ranges::merge(rows, packed, std::back_inserter(events), is_newer);
  PageOf<domain::AuditEvent> result;
  for (StoredEvent& stored : events) {
    if (result.items.size() == static_cast<std::size_t>(limit)) break;
    result.items.push_back(std::move(stored.event));
  }
  if (events.size() > static_cast<std::size_t>(limit)) {
    const std::int64_t time = to_unix_milliseconds(result.items.back().time);
    result.next = encode_cursor(cursor_bytes(time, events[result.items.size() - 1].number));
  }
  return result;
}

Result<AuditHeads> Reader::audit_heads() {
  KW_TRY(Statement * heads,
         statement(SqlText(
             Sql("SELECT audit_events, audit_head, max((SELECT coalesce(max(number), 0) FROM "
                 "audit_events), coalesce((SELECT last FROM audit_packs ORDER BY first DESC "
                 "LIMIT 1), 0)) FROM heads"))));
  Query query(*heads);
  KW_TRY(bool found, query.next());
  if (!found) return fail(Code::internal, "store_damaged", "The store is damaged.");
  AuditHeads said;
  said.written = query.integer(0);
  KW_TRY(said.head, read_hash(query, 1));
  said.rows = query.integer(2);
  return said;
}

Result<AuditVerification> Reader::verify_audit(const AuditStretch& stretch) {
  KW_TRY(const AuditHeads heads, audit_heads());
  ChainWalk walk(stretch);
  AuditWalk stored(database_, walk.number());
  while (walk.goes_on(heads.rows)) {
    const auto some = stored.next();
    if (!some && some.error().code() != Code::internal) return fail(some.error());
    if (!some) {
      walk.unreadable();
    } else if (some->empty()) {
      walk.missing();
    } else {
      for (const StoredEvent& event : *some) {
        // What came after the heads were read is another verification's.
        if (walk.number() == heads.rows) break;
        if (!walk.take(event.number, event.event, event.hash)) break;
      }
    }
  }
  return walk.judge(heads);
}

}  // namespace keywright::store
