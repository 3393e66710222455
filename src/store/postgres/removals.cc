#include "store/postgres/removals.h"

#include <algorithm>
#include <set>
#include <vector>

namespace keywright::store::postgres {
namespace {

constexpr std::chrono::minutes kForgetEvery{10};

}  // namespace

// What was changed without a removal goes on as it is now.
void Removals::note_record(const RecordWrite& write, const LogPoint* at, Time now) {
  const std::pair place(write.record.type, write.record.id);
  if (at != nullptr) {
    records_.insert_or_assign(place, Noted<RecordWrite>{write, *at, now});
  } else if (const auto noted = records_.find(place); noted != records_.end()) {
    noted->second.row = write;
  }
}

void Removals::note_key(const domain::Key& key, const LogPoint* at, Time now) {
  if (at != nullptr) {
    keys_.insert_or_assign(key.id, Noted<domain::Key>{key, *at, now});
  } else if (const auto noted = keys_.find(key.id); noted != keys_.end()) {
    noted->second.row = key;
  }
}

void Removals::note(const Transaction& transaction, const LogPoint& at, Time now) {
  const LogPoint* where = transaction.removes_access ? &at : nullptr;
  if (where != nullptr) last_ = at;
  for (const RecordWrite& write : transaction.records) note_record(write, where, now);
  for (const domain::Key& key : transaction.keys) note_key(key, where, now);
  forget_old(now);
}

void Removals::note(const Missing& missing, Time now) {
  for (const RecordWrite& write : missing.changes.records) {
    const auto found = missing.removed_records.find({write.record.type, write.record.id});
    note_record(write, found == missing.removed_records.end() ? nullptr : &found->second, now);
  }
  for (const domain::Key& key : missing.changes.keys) {
    const auto found = missing.removed_keys.find(key.id);
    note_key(key, found == missing.removed_keys.end() ? nullptr : &found->second, now);
  }
  std::optional<LogPoint> newest;
  const auto look = [&](const auto& removed) {
    for (const auto& [place, at] : removed) {
      if (!newest || at.position > newest->position) newest = at;
    }
  };
  look(missing.removed_records);
  look(missing.removed_keys);
  if (newest) last_ = newest;
  forget_old(now);
}

void Removals::note_loaded(Missing removals, const Transaction& lost, Time now) {
  for (const RecordWrite& write : lost.records) {
    removals.removed_records.erase({write.record.type, write.record.id});
  }
  for (const domain::Key& key : lost.keys) removals.removed_keys.erase(key.id);
  std::erase_if(removals.changes.records, [&](const RecordWrite& write) {
    return !removals.removed_records.contains({write.record.type, write.record.id});
  });
  std::erase_if(removals.changes.keys,
                [&](const domain::Key& key) { return !removals.removed_keys.contains(key.id); });
  note(removals, now);
}

void Removals::forget_old(Time now) {
  if (now - forgotten_at_ < kForgetEvery) return;
  forgotten_at_ = now;
  const auto is_old = [now](const auto& entry) { return now - entry.second.time > kKept; };
  std::erase_if(records_, is_old);
  std::erase_if(keys_, is_old);
}

std::vector<std::int64_t> Removals::positions() const {
  std::set<std::int64_t> positions;
  for (const auto& [place, noted] : records_) {
    positions.insert(static_cast<std::int64_t>(noted.at.position));
  }
  for (const auto& [id, noted] : keys_) {
    positions.insert(static_cast<std::int64_t>(noted.at.position));
  }
  return {positions.begin(), positions.end()};
}

bool Removals::Standing::lacks(const LogPoint& at) const {
  if (at.position > head) return true;
  if (oldest == 0 || at.position < oldest) return false;
  const auto found = entries.find(at.position);
  return found == entries.end() || found->second != at.entry;
}

Transaction Removals::lost_from(const Standing& standing) const {
  Transaction lost;
  lost.removes_access = true;
  for (const auto& [place, noted] : records_) {
    if (standing.lacks(noted.at)) lost.records.push_back(noted.row);
  }
  for (const auto& [id, noted] : keys_) {
    if (standing.lacks(noted.at)) lost.keys.push_back(noted.row);
  }
  return lost;
}

Result<Transaction> Removals::find_lost(Connection& connection) const {
  const std::vector<std::int64_t> asked = positions();
  if (asked.empty()) return lost_from({});
  KW_TRY(const Standing standing, find_standing(connection, asked));
  return lost_from(standing);
}

Result<Removals::Standing> Removals::find_standing(Connection& connection,
                                                   std::span<const std::int64_t> positions) {
  KW_TRY(const Rows rows, connection.run(Statement(
                              "SELECT position, entry, (SELECT position FROM log_head), (SELECT "
                              "min(position) FROM change_log) FROM log_head UNION ALL SELECT "
                              "position, entry, 0, 0 FROM change_log WHERE position = ANY(?)",
                              positions)));
  Standing standing;
  for (int i = 0; i < rows.size(); ++i) {
    const auto position = static_cast<Position>(rows[i].integer(0));
    standing.entries.emplace(position, rows[i].uuid(1));
    standing.head = std::max(standing.head, static_cast<Position>(rows[i].integer(2)));
    standing.oldest = std::max(standing.oldest, static_cast<Position>(rows[i].integer(3)));
  }
  return standing;
}

}  // namespace keywright::store::postgres
