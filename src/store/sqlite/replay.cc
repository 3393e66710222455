#include "store/sqlite/replay.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/core.h>

namespace keywright::store {
namespace {

using domain::Key;
using domain::KeyState;

class Replay {
 public:
  Replay(Reader& reader, const Clock& clock, Random& random)
      : reader_(reader), clock_(clock), ids_(clock, random) {}

  Result<void> take(const JournalEntry& entry) {
    ++report_.entries;
    return entry.subject.is_key() ? take_key(entry) : take_record(entry);
  }

  // One transaction, and the report of it. It needs no entries in the journal: they are there.
  std::pair<Transaction, ReplayReport> finish() && {
    for (auto& [id, found] : keys_) {
      if (found.changed) transaction_.keys.push_back(std::move(*found.key));
    }
    for (const Subject& subject : narrowed_) report_.to_review.push_back(subject);
    return {std::move(transaction_), std::move(report_)};
  }

 private:
  Result<void> take_key(const JournalEntry& entry) {
    const domain::KeyId id = entry.subject.key_id();
    auto [known, is_new] = keys_.try_emplace(id);
    FoundKey& found = known->second;
    if (is_new) {
      KW_TRY(found.key, reader_.get_key(id));
    }
    if (!found.key) return {};  // made after the backup: it is gone altogether
    Key& key = *found.key;
    if (key.state == KeyState::revoked) return {};
    if (entry.subject.change == Change::revoked) {
      ++report_.keys_revoked;
      report_.keys_disabled -= disabled_.erase(id);
      key.state = KeyState::revoked;
      key.state_reason = entry.reason;
      key.revoked_at = entry.time;
      found.changed = true;
      tell("key.revoke", key, entry);
    } else if (key.state != KeyState::disabled) {
      ++report_.keys_disabled;
      disabled_.insert(id);
      key.state = KeyState::disabled;
      key.state_reason = entry.subject.change == Change::narrowed
                             ? "restored: it had been narrowed after the backup"
                             : entry.reason;
      found.changed = true;
      tell("key.disable", key, entry);
    }
    return {};
  }

  Result<void> take_record(const JournalEntry& entry) {
    const RecordType type = entry.subject.record_type();
    KW_TRY(std::optional<Record> record, reader_.get_record(type, entry.subject.record_id()));
    if (!record) return {};
    if (entry.subject.change != Change::deleted) {
      narrowed_.insert(entry.subject);
      return {};
    }
    const Subject as_narrowed = Subject::of_record(type, record->id, Change::narrowed);
    narrowed_.erase(as_narrowed);
    if (!deleted_.insert(entry.subject).second) return {};
    ++report_.records_deleted;
    domain::AuditEvent event = new_event(fmt::format("{}.delete", name_of(type)), entry);
    event.organization_id = {record->organization};
    event.object = {std::string(name_of(type)), record->id.to_string(), ""};
    transaction_.events.push_back(std::move(event));
    transaction_.records.push_back({.record = std::move(*record), .deleted = true});
    return {};
  }

  void tell(std::string_view action, const Key& key, const JournalEntry& entry) {
    domain::AuditEvent event = new_event(action, entry);
    event.organization_id = key.organization_id;
    event.object = {"key", key.id.to_string(), key.name};
    transaction_.events.push_back(std::move(event));
  }

  domain::AuditEvent new_event(std::string_view action, const JournalEntry& entry) {
    domain::AuditEvent event;
    event.id = ids_.next();
    event.time = clock_.now();
    event.actor.type = "system";
    event.action = action;
    event.outcome = "success";
    event.reason = fmt::format("done again after a restore: it had happened at {}",
                               format_rfc3339(entry.time));
    return event;
  }

  struct FoundKey {
    std::optional<Key> key;  // as it shall be
    bool changed = false;
  };
  struct Order {
    bool operator()(const Subject& a, const Subject& b) const {
      return std::tie(a.type, a.id) < std::tie(b.type, b.id);
    }
  };

  Reader& reader_;
  const Clock& clock_;
  UuidGenerator ids_;
  std::map<domain::KeyId, FoundKey> keys_;
  std::set<domain::KeyId> disabled_;
  std::set<Subject, Order> narrowed_;
  std::set<Subject, Order> deleted_;
  Transaction transaction_;
  ReplayReport report_;
};

}  // namespace

Result<ReplayReport> replay(Writer& writer, Reader& reader, const JournalContents& journal,
                            const Clock& clock, Random& random) {
  const Position position = writer.position();
  Position last = 0;
  Replay work(reader, clock, random);
  for (const JournalEntry& entry : journal.entries) {
    if (entry.position <= position) continue;
    last = std::max(last, entry.position);
    KW_CHECK_OK(work.take(entry));
  }
  auto [transaction, report] = std::move(work).finish();
  report.damaged_entries = journal.damaged;
  if (last == 0) return report;
  writer.skip_positions(last);
  const Transaction* const group[] = {&transaction};
  KW_CHECK_OK(writer.write(group));
  return report;
}

}  // namespace keywright::store
