#include "store/memory/memory_store.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "store/audit_chain.h"
#include "store/cursor.h"
#include "store/paging.h"

namespace keywright::store {
namespace {

using domain::AuditEvent;
using domain::Key;

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return to_ascii_lower(text).find(to_ascii_lower(part)) != std::string::npos;
}

bool matches(const KeyFilter& filter, const Key& key) {
  if (!filter.include_revoked && key.state == domain::KeyState::revoked) return false;
  if (filter.organization && key.organization_id.value != *filter.organization) return false;
  if (filter.owner && key.owner != *filter.owner) return false;
  if (filter.kind && key.kind != *filter.kind) return false;
  if (filter.keyspace && (!key.keyspace_id || key.keyspace_id->value != *filter.keyspace)) {
    return false;
  }
  if (!filter.created_by.empty() && key.created_by != filter.created_by) return false;
  return filter.text.empty() || contains_ignoring_case(key.name, filter.text) ||
         contains_ignoring_case(key.id.view(), filter.text) ||
         contains_ignoring_case(key.current().shown.mask, filter.text);
}

bool matches(const RecordFilter& filter, const Record& record) {
  return record.type == filter.type &&
         (!filter.organization || record.organization == *filter.organization) &&
         (!filter.parent || record.parent == *filter.parent);
}

bool matches_action(std::string_view filter, std::string_view action) {
  if (filter.ends_with(".*")) return action.starts_with(filter.substr(0, filter.size() - 1));
  return action == filter;
}

bool matches(const AuditFilter& filter, const AuditEvent& event) {
  if (filter.organization && event.organization_id.value != *filter.organization) return false;
  if (!filter.key_id.empty() && event.object.id != filter.key_id &&
      event.actor.key_id != filter.key_id) {
    return false;
  }
  if (!filter.actor.empty() && event.actor.id != filter.actor) return false;
  if (!filter.action.empty() && !matches_action(filter.action, event.action)) return false;
  if (!filter.object_id.empty() && event.object.id != filter.object_id) return false;
  if (!filter.request_id.empty() && event.request_id != filter.request_id) return false;
  return (!filter.from || event.time >= *filter.from) && (!filter.to || event.time < *filter.to);
}

Error disk_full() { return {Code::storage_full, "storage_full", "The disk of the store is full."}; }

// Not with braces: they would make a list of two results.
std::vector<Result<Position>> same_for_all(std::size_t size, const Error& error) {
  return std::vector<Result<Position>>(size, fail(error));
}

}  // namespace

Result<void> MemoryStore::check_group(std::span<const Transaction> group) const {
  std::map<std::int64_t, domain::KeyId> ids;      // of the keys that the group writes
  std::map<domain::KeyId, std::int64_t> serials;  // and back
  for (const Transaction& transaction : group) {
    KW_CHECK_OK(check_transaction(transaction));
    for (const Key& key : transaction.keys) {
      auto stored = keys_.find(key.serial);
      auto known = serials_.find(key.id);
      if ((stored != keys_.end() && stored->second.id != key.id) ||
          (known != serials_.end() && known->second != key.serial) ||
          ids.try_emplace(key.serial, key.id).first->second != key.id ||
          serials.try_emplace(key.id, key.serial).first->second != key.serial) {
        return fail(Code::internal, "store_constraint", "The change contradicts what is stored.");
      }
    }
  }
  return {};
}

void MemoryStore::apply(const Transaction& transaction) {
  for (const RecordWrite& write : transaction.records) {
    const std::pair key{write.record.type, write.record.id};
    if (write.deleted) {
      records_.erase(key);
    } else {
      records_[key] = write.record;
    }
  }
  for (const Key& key : transaction.keys) {
    keys_[key.serial] = key;
    serials_[key.id] = key.serial;
  }
  for (const AuditEvent& event : transaction.events) {
    const crypto::Sha256 previous = events_.empty() ? crypto::Sha256{} : events_.back().hash;
    events_.push_back({event, chain_hash(previous, event)});
  }
  if (const auto& answer = transaction.idempotent_answer) {
    answers_[{answer->caller, answer->key}] = *answer;
  }
  ++position_;
}

std::vector<Result<Position>> MemoryStore::commit(std::span<const Transaction> group) {
  std::lock_guard lock(mutex_);
  if (commits_until_failure_ > 0 && --commits_until_failure_ == 0) broken_ = true;
  if (broken_) {
    return same_for_all(group.size(),
                        {Code::unavailable, "store_failed", "The store takes no changes."});
  }
  if (auto checked = check_group(group); !checked) {
    return same_for_all(group.size(), checked.error());
  }
  std::vector<Result<Position>> results;
  for (const Transaction& transaction : group) {
    if (disk_full_ && !transaction.removes_access) {
      results.emplace_back(fail(disk_full()));
      continue;
    }
    apply(transaction);
    results.emplace_back(position_);
  }
  return results;
}

Result<std::optional<IdempotentAnswer>> MemoryStore::find_idempotent(std::string_view caller,
                                                                     std::string_view key) {
  std::lock_guard lock(mutex_);
  auto found = answers_.find({std::string(caller), std::string(key)});
  if (found == answers_.end() || found->second.expires_at <= clock_.now()) return std::nullopt;
  return found->second;
}

Result<void> MemoryStore::load(Loader& loader) {
  std::lock_guard lock(mutex_);
  for (const auto& [key, record] : records_) loader.record(record);
  loader.keys_to_come(keys_.size());
  for (const auto& [serial, key] : keys_) loader.key(key);
  return {};
}

Position MemoryStore::position() {
  std::lock_guard lock(mutex_);
  return position_;
}

std::int64_t MemoryStore::next_key_serial() {
  std::lock_guard lock(mutex_);
  return ++last_key_serial_;
}

std::int64_t MemoryStore::next_user_serial() {
  std::lock_guard lock(mutex_);
  return ++last_user_serial_;
}

Result<std::optional<std::string>> MemoryStore::setting(std::string_view name) {
  std::lock_guard lock(mutex_);
  auto found = settings_.find(name);
  if (found == settings_.end()) return std::nullopt;
  return found->second;
}

Result<void> MemoryStore::set_setting(std::string_view name, std::string_view value) {
  std::lock_guard lock(mutex_);
  if (disk_full_) return fail(disk_full());
  settings_[std::string(name)] = value;
  return {};
}

Result<PageOf<Record>> MemoryStore::list_records(const RecordFilter& filter, const Page& page) {
  std::optional<Uuid> before;
  if (!page.after.empty()) {
    KW_TRY(auto bytes, decode_cursor<16>(page.after));
    before = Uuid{bytes};
  }
  std::lock_guard lock(mutex_);
  std::vector<Record> found;
  for (const auto& [key, record] : records_) {
    if (matches(filter, record) && (!before || record.id < *before)) found.push_back(record);
  }
  std::ranges::reverse(found);
  return page_of(std::move(found), page,
                 [](const Record& last) { return encode_cursor(last.id.bytes); });
}

Result<std::optional<Key>> MemoryStore::get_key(const domain::KeyId& id) {
  std::lock_guard lock(mutex_);
  auto found = serials_.find(id);
  if (found == serials_.end()) return std::nullopt;
  return keys_.at(found->second);
}

Result<PageOf<Key>> MemoryStore::list_keys(const KeyFilter& filter, const Page& page) {
  std::optional<std::int64_t> before;
  if (!page.after.empty()) {
    KW_TRY(auto bytes, decode_cursor<8>(page.after));
    before = cursor_number(bytes);
  }
  std::lock_guard lock(mutex_);
  std::vector<Key> found;
  for (const auto& [serial, key] : keys_) {
    if (matches(filter, key) && (!before || serial < *before)) found.push_back(key);
  }
  std::ranges::reverse(found);
  return page_of(std::move(found), page,
                 [](const Key& last) { return encode_cursor(cursor_bytes(last.serial)); });
}

Result<PageOf<AuditEvent>> MemoryStore::list_audit(const AuditFilter& filter, const Page& page) {
  using Place = std::pair<Time, std::size_t>;  // newest first: by time, then by order of writing
  std::optional<Place> before;
  if (!page.after.empty()) {
    KW_TRY(auto bytes, decode_cursor<16>(page.after));
    before = Place{from_unix_milliseconds(cursor_number(bytes)),
                   static_cast<std::size_t>(cursor_number(ByteView(bytes).subspan(8)))};
  }
  std::lock_guard lock(mutex_);
  std::vector<Place> found;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    const Place place{events_[i].event.time, i};
    if (matches(filter, events_[i].event) && (!before || place < *before)) {
      found.push_back(place);
    }
  }
  std::ranges::sort(found, std::greater<>());
  PageOf<Place> places = page_of(std::move(found), page, [](const Place& last) {
    return encode_cursor(
        cursor_bytes(to_unix_milliseconds(last.first), static_cast<std::int64_t>(last.second)));
  });
  PageOf<AuditEvent> result;
  result.next = std::move(places.next);
  for (const Place& place : places.items) result.items.push_back(events_[place.second].event);
  return result;
}

Result<AuditVerification> MemoryStore::verify_stretch(const AuditStretch& stretch) {
  std::lock_guard lock(mutex_);
  AuditHeads heads;
  heads.rows = heads.written = std::ssize(events_);
  if (!events_.empty()) heads.head = events_.back().hash;
  ChainWalk walk(stretch);
  while (walk.goes_on(heads.rows)) {
    const ChainedEvent& next = events_[static_cast<std::size_t>(walk.number())];
    walk.take(walk.number() + 1, next.event, next.hash);
  }
  return walk.judge(heads);
}

Result<void> MemoryStore::backup(const std::string&, const std::function<void(int, int)>&) {
  return fail(Code::not_found, "backup_unsupported",
              "This store keeps nothing that could be saved.");
}

bool MemoryStore::writable() {
  std::lock_guard lock(mutex_);
  return !disk_full_ && !broken_;
}

void MemoryStore::fail_commit(int number) {
  std::lock_guard lock(mutex_);
  commits_until_failure_ = number;
}

void MemoryStore::set_disk_full(bool full) {
  std::lock_guard lock(mutex_);
  disk_full_ = full;
}

void MemoryStore::tamper_with_event(std::uint64_t number, const AuditEvent& event) {
  std::lock_guard lock(mutex_);
  events_.at(number - 1).event = event;
}

}  // namespace keywright::store
