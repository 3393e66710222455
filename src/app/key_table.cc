#include "app/key_table.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#include "base/encoding.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::KeyRecord;
using domain::KeyText;
using domain::KeyVersion;

std::uint32_t hash_of(const crypto::Sha256& digest) {
  std::uint32_t head;
  std::memcpy(&head, digest.data(), sizeof head);
  return head;
}

// Other bits of the digest than those that the index goes by.
std::uint32_t place_of(const crypto::Sha256& digest) {
  std::uint32_t place;
  std::memcpy(&place, digest.data() + sizeof place, sizeof place);
  return place;
}

std::uint32_t hash_of(const domain::KeyId& id) {
  return static_cast<std::uint32_t>(std::hash<domain::KeyId>{}(id) >> 32);
}

std::uint32_t hash_of_prefix(std::string_view prefix) { return crc32(prefix); }

std::int64_t milliseconds(const std::optional<Time>& time) {
  return time ? time->time_since_epoch().count() : domain::kNever;
}

std::size_t bytes_of(const KeyText& text) {
  return sizeof(KeyText) + text.name_bytes + text.metadata_bytes + text.owner_bytes;
}

const KeyText* make_text(Slab& slab, const Key& key) {
  const std::string_view metadata = key.metadata.is_null() ? "" : key.metadata.view();
  const bool external = key.owner.type == domain::OwnerType::external;
  const std::string_view owner = external ? std::string_view(key.owner.id) : std::string_view();
  void* block = slab.allocate(sizeof(KeyText) + key.name.size() + metadata.size() + owner.size());
  auto* text = new (block) KeyText{static_cast<std::uint32_t>(key.name.size()),
                                   static_cast<std::uint32_t>(metadata.size()),
                                   static_cast<std::uint32_t>(owner.size())};
  char* at = static_cast<char*>(block) + sizeof(KeyText);
  for (std::string_view part : {std::string_view(key.name), metadata, owner}) {
    at = std::copy(part.begin(), part.end(), at);
  }
  return text;
}

void append(std::string& text, std::string_view part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

// Two policies have the same text exactly when they are equal.
std::string text_of(const domain::Policy& policy) {
  std::string text;
  if (policy.scope) {
    text += policy.scope->all ? "A" : "S";
    append(text, policy.scope->resource_type);
    for (const std::string& id : policy.scope->ids) append(text, id);
  }
  if (policy.permissions) {
    text += "P";
    for (const std::string& permission : *policy.permissions) append(text, permission);
  }
  for (const domain::Limit& limit : policy.limits) {
    text += limit.algorithm == domain::LimitAlgorithm::gcra ? "G" : "F";
    append(text, limit.name);
    append(text, std::to_string(limit.limit) + "/" + std::to_string(limit.window_seconds));
  }
  if (policy.has_credits) text += "C";
  if (policy.refill) {
    text += "R" + std::to_string(static_cast<int>(policy.refill->interval));
    append(text, std::to_string(policy.refill->amount));
  }
  for (const Cidr& cidr : policy.allowed_cidrs) {
    text += "I";
    append(text, cidr.to_string());
  }
  return text;
}

}  // namespace

KeyTable::KeyTable(Reclaimer& reclaimer, LimitCells& limit_cells)
    : reclaimer_(reclaimer),
      limit_cells_(limit_cells),
      by_digest_(reclaimer),
      by_id_(reclaimer),
      by_slow_prefix_(reclaimer),
      chunks_(new std::atomic<KeyRecord*>[kChunksMax]()) {
  add_chunk(0);  // so that there is always something to ask for
}

KeyTable::~KeyTable() {
  reclaimer_.free_all();  // what was retired points into the slabs
  for (std::uint32_t number = 1; number < next_; ++number) {
    release_text(record_at(number));
  }
}

std::uint32_t KeyTable::home_of(const crypto::Sha256& digest) const {
  const std::uint64_t pages = home_pages_.load(std::memory_order_acquire);
  const std::uint32_t place = place_of(digest);
  return static_cast<std::uint32_t>(place * pages >> 32) * kPage + place % kPage;
}

void KeyTable::prefetch(const crypto::Sha256& digest) const {
  by_digest_.prefetch(hash_of(digest));
  // Its place and the one beside it: lines of one page cost little more than the first of them.
  const auto* pair = reinterpret_cast<const char*>(&record_at(home_of(digest) & ~1U));
  for (std::size_t at = 0; at < 2 * sizeof(KeyRecord); at += 64) __builtin_prefetch(pair + at);
}

void KeyTable::release_text(KeyRecord& record) {
  if (record.text == nullptr) return;
  texts_.release(const_cast<KeyText*>(record.text), bytes_of(*record.text));
  record.text = nullptr;
}

const KeyRecord* KeyTable::find(const crypto::Sha256& digest) const {
  prefetch(digest);
  const std::uint32_t number = by_digest_.find(hash_of(digest), [&](std::uint32_t n) {
    const KeyRecord& record = record_at(n);
    // The second half, while the digest is compared.
    __builtin_prefetch(reinterpret_cast<const char*>(&record) + 64);
    return record.digest == digest;
  });
  return number == 0 ? nullptr : &record_at(number);
}

// A look-up waits for memory twice, first for the slot and then for the record. All slots of a
// group are asked for before the first is read, and then all records. Where each record lies is
// then known in time: guessing would only fetch more.
void KeyTable::find_many(std::span<const crypto::Sha256> digests,
                         std::span<const KeyRecord*> found) const {
  for (const crypto::Sha256& digest : digests) by_digest_.prefetch(hash_of(digest));
  for (const crypto::Sha256& digest : digests) {
    by_digest_.find(hash_of(digest), [&](std::uint32_t number) {
      const KeyRecord& record = record_at(number);
      __builtin_prefetch(&record);
      __builtin_prefetch(reinterpret_cast<const char*>(&record) + 64);
      return true;
    });
  }
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const std::uint32_t number = by_digest_.find(hash_of(digests[i]), [&](std::uint32_t candidate) {
      return record_at(candidate).digest == digests[i];
    });
    found[i] = number == 0 ? nullptr : &record_at(number);
    if (number != 0) __builtin_prefetch(found[i]->text);
  }
}

std::uint32_t KeyTable::find_number(const domain::KeyId& id) const {
  return by_id_.find(hash_of(id), [&](std::uint32_t n) { return record_at(n).id == id; });
}

const KeyRecord* KeyTable::find(const domain::KeyId& id) const {
  const std::uint32_t number = find_number(id);
  return number == 0 ? nullptr : &record_at(number);
}

bool KeyTable::for_each_slow(std::string_view token,
                             const std::function<bool(const domain::KeyId&)>& visit) const {
  std::uint64_t lengths = slow_lengths_.load(std::memory_order_relaxed);
  bool any = false;
  for (; lengths != 0; lengths &= lengths - 1) {
    const auto length = static_cast<std::size_t>(std::countr_zero(lengths));
    if (length > token.size()) break;
    by_slow_prefix_.find(hash_of_prefix(token.substr(0, length)), [&](std::uint32_t number) {
      any = true;
      return !visit(record_at(number).id);
    });
  }
  return any;
}

std::size_t KeyTable::slow_count(std::string_view prefix) const {
  const auto found = slow_by_prefix_.find(std::string(prefix));
  return found == slow_by_prefix_.end() ? 0 : found->second;
}

void KeyTable::add_chunk(std::uint32_t chunk) {
  owned_.emplace_back(kChunk);
  chunks_[chunk].store(owned_.back().data(), std::memory_order_release);
}

void KeyTable::reserve(std::size_t keys) {
  by_digest_.reserve(keys);
  by_id_.reserve(keys);
  if (next_ > 1) return;
  const std::size_t chunks = std::min<std::size_t>((keys + kChunk) / kChunk, kChunksMax / 2);
  for (std::uint32_t chunk = 1; chunk < chunks; ++chunk) add_chunk(chunk);
  const auto pages = static_cast<std::uint32_t>(chunks * (kChunk / kPage));
  taken_.assign(pages, 0);
  taken_[0] = 1;  // there is no record 0
  next_ = pages * kPage;
  home_pages_.store(pages, std::memory_order_release);
}

// In its own place, else beside it, else in a page that is not far.
std::uint32_t KeyTable::allocate_near(std::uint32_t home) {
  constexpr std::uint32_t kPagesTried = 64;
  const auto pages = static_cast<std::uint32_t>(taken_.size());
  std::uint32_t page = home / kPage;
  for (std::uint32_t tried = 0; tried < std::min(pages, kPagesTried); ++tried) {
    const std::uint32_t left = ~taken_[page];
    for (std::uint32_t at :
         {home % kPage, (home ^ 1) % kPage, static_cast<std::uint32_t>(std::countr_zero(left))}) {
      if (at >= kPage || (left >> at & 1) == 0) continue;
      taken_[page] |= std::uint32_t{1} << at;
      return page * kPage + at;
    }
    page = page + 1 == pages ? 0 : page + 1;
  }
  return 0;
}

std::uint32_t KeyTable::allocate(const crypto::Sha256& digest) {
  if (!taken_.empty()) {
    if (const std::uint32_t number = allocate_near(home_of(digest))) return number;
  }
  if (!free_.empty()) {
    const std::uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }
  const std::uint32_t number = next_++;
  const std::uint32_t chunk = number / kChunk;
  if (chunks_[chunk].load(std::memory_order_relaxed) == nullptr) add_chunk(chunk);
  return number;
}

void KeyTable::free(std::uint32_t number) {
  const std::uint32_t page = number / kPage;
  if (page >= taken_.size()) return free_.push_back(number);
  taken_[page] &= ~(std::uint32_t{1} << number % kPage);
}

const domain::Policy* KeyTable::intern(const domain::Policy& policy) {
  std::string text = text_of(policy);
  auto& entry = interned_[text];
  if (!entry) entry.reset(new Interned{{policy}, std::move(text)});
  ++entry->uses;
  return entry.get();
}

void KeyTable::release(const domain::Policy* policy) {
  auto* entry = static_cast<Interned*>(const_cast<domain::Policy*>(policy));
  if (--entry->uses == 0) interned_.erase(std::string(entry->text));
}

// Unchanged limits keep their state when other fields of the key change.
std::uint32_t KeyTable::limit_cells_for(const domain::Policy& policy, std::uint32_t old_number) {
  if (policy.limits.empty()) return 0;
  if (old_number != 0 && record_at(old_number).policy->limits == policy.limits) {
    return record_at(old_number).limits;
  }
  return limit_cells_.allocate(policy.limits.size());
}

std::uint32_t KeyTable::publish(const Key& key, const KeyVersion& version, const KeyRecord& shared,
                                std::uint32_t previous, std::uint32_t old_number) {
  const std::uint32_t number = allocate(version.digest);
  KeyRecord& record = record_at(number);
  record = shared;
  record.policy = intern(key.policy);
  record.text = make_text(texts_, key);
  record.digest = version.digest;
  record.retires_at = milliseconds(version.retires_at);
  record.cell = static_cast<std::uint32_t>(version.cell);
  record.version_number = static_cast<std::uint16_t>(version.number);
  record.previous = previous;
  record.slow = !version.slow_prefix.empty();
  if (record.slow) {
    publish_slow(key, version, number);
    return number;
  }
  for (std::uint32_t old = old_number; old != 0; old = record_at(old).previous) {
    if (record_at(old).digest != version.digest || record_at(old).slow) continue;
    by_digest_.replace(hash_of(version.digest), old, number);
    return number;
  }
  by_digest_.insert(hash_of(version.digest), number);
  return number;
}

// Not those that are revoked or were rotated away at once: nothing would come of trying them.
void KeyTable::publish_slow(const Key& key, const KeyVersion& version, std::uint32_t number) {
  const bool over = version.retires_at && *version.retires_at <= key.current().created_at;
  if (key.state == domain::KeyState::revoked || over) return;
  by_slow_prefix_.insert(hash_of_prefix(version.slow_prefix), number);
  slow_prefix_of_[key.id] = version.slow_prefix;
  ++slow_by_prefix_[version.slow_prefix];
  slow_lengths_.fetch_or(std::uint64_t{1} << (version.slow_prefix.size() & 63));
}

// Only the first version can be an imported one; after a rotation it is no longer the head.
void KeyTable::forget_slow(const domain::KeyId& id, std::uint32_t head) {
  const auto found = slow_prefix_of_.find(id);
  if (found == slow_prefix_of_.end()) return;
  for (std::uint32_t number = head; number != 0; number = record_at(number).previous) {
    if (record_at(number).slow) by_slow_prefix_.erase(hash_of_prefix(found->second), number);
  }
  if (--slow_by_prefix_[found->second] == 0) slow_by_prefix_.erase(found->second);
  slow_prefix_of_.erase(found);
}

void KeyTable::put(const Key& key, const KeySlots& slots) {
  const std::uint32_t old_head = find_number(key.id);
  if (old_head != 0) forget_slow(key.id, old_head);
  KeyRecord shared;
  shared.id = key.id;
  shared.organization = slots.organization;
  shared.owner = slots.owner;
  shared.keyspace = slots.keyspace;
  shared.expires_at = milliseconds(key.expires_at);
  shared.created_at = key.created_at.time_since_epoch().count();
  shared.serial = key.serial;
  shared.idle_timeout_seconds = static_cast<std::uint32_t>(key.idle_timeout_seconds.value_or(0));
  shared.limits = limit_cells_for(key.policy, old_head);
  shared.kind = key.kind;
  shared.state = key.state;
  shared.owner_type = key.owner.type;
  shared.found_idle = key.idle_expired_at.has_value();

  std::uint32_t head = 0;
  for (auto version = key.versions.rbegin(); version != key.versions.rend(); ++version) {
    head = publish(key, *version, shared, head, old_head);
  }
  if (old_head == 0) {
    by_id_.insert(hash_of(key.id), head);
    ++keys_;
    return;
  }
  by_id_.replace(hash_of(key.id), old_head, head);
  retire_chain(old_head, shared.limits == record_at(old_head).limits);
}

void KeyTable::erase(const domain::KeyId& id) {
  const std::uint32_t head = find_number(id);
  if (head == 0) return;
  forget_slow(id, head);
  by_id_.erase(hash_of(id), head);
  retire_chain(head, false);
  --keys_;
}

// A record that was retired is not the one that its id leads to.
void KeyTable::for_each(const std::function<void(const KeyRecord&)>& visit) const {
  for (std::uint32_t number = 1; number < next_; ++number) {
    const KeyRecord& record = record_at(number);
    if (record.text != nullptr && find_number(record.id) == number) visit(record);
  }
}

void KeyTable::retire_chain(std::uint32_t head, bool keeps_limits) {
  const KeyRecord& record = record_at(head);
  if (!keeps_limits && record.limits != 0) {
    const std::uint32_t first = record.limits;
    const std::size_t count = record.policy->limits.size();
    reclaimer_.retire([this, first, count] { limit_cells_.release(first, count); });
  }
  for (std::uint32_t number = head; number != 0; number = record_at(number).previous) {
    // What still leads here belongs to a version that the key has no longer.
    if (!record_at(number).slow) by_digest_.erase(hash_of(record_at(number).digest), number);
    reclaimer_.retire([this, number] {
      KeyRecord& old = record_at(number);
      release(old.policy);
      release_text(old);
      free(number);
    });
  }
}

}  // namespace keywright::app
