#include "store/sqlite/audit_walk.h"

#include <limits>

#include "store/sqlite/audit_pack.h"

namespace keywright::store {
namespace {

constexpr std::int64_t kRowsAtOnce = 512;

}  // namespace

Result<void> AuditWalk::prepare() {
  if (prepared_) return {};
  KW_TRY(find_pack_, database_.prepare("SELECT first FROM audit_packs WHERE first > ? "
                                       "ORDER BY first LIMIT 1"));
  KW_TRY(read_pack_, database_.prepare("SELECT time, events FROM audit_packs WHERE first = ?"));
  SqlText rows("SELECT ");
  rows += kEventColumns;
  rows += " FROM audit_events WHERE number > ? AND number < ? ORDER BY number LIMIT ?";
  KW_TRY(read_rows_, database_.prepare(rows));
  prepared_ = true;
  return {};
}

Result<std::vector<StoredEvent>> AuditWalk::rows(std::int64_t below) {
  std::vector<StoredEvent> events;
  Query query(read_rows_);
  query.bind(last_).bind(below).bind(kRowsAtOnce);
  for (;;) {
    KW_TRY(const bool found, query.next());
    if (!found) return events;
    auto stored = read_event(query);
    if (!stored && !events.empty()) return events;  // the next call meets it first
    if (!stored) return fail(stored.error());
    last_ = stored->number;
    events.push_back(std::move(*stored));
  }
}

Result<std::vector<StoredEvent>> AuditWalk::next() {
  KW_CHECK_OK(prepare());
  std::int64_t pack = std::numeric_limits<std::int64_t>::max();
  {
    Query query(find_pack_);
    query.bind(last_);
    KW_TRY(const bool found, query.next());
    if (found) pack = query.integer(0);
  }
  if (pack != last_ + 1) {
    KW_TRY(auto events, rows(pack));
    if (!events.empty() || pack == std::numeric_limits<std::int64_t>::max()) return events;
  }
  Query query(read_pack_);
  query.bind(pack);
  KW_TRY(const bool found, query.next());
  if (!found) return std::vector<StoredEvent>();
  KW_TRY(auto events,
         store::read_pack(pack, from_unix_milliseconds(query.integer(0)), query.blob(1)));
  if (!events.empty()) last_ = events.back().number;
  return events;
}

}  // namespace keywright::store
