// app/key_table.h - all keys in memory, found by token digest or by id, read without a lock.
//
//   if (const domain::KeyRecord* record = keys.find(digest)) ...     // any io thread
//   // Writer: publishes every version.
//   keys.put(key, slots);
//
// A record is 128 bytes in a slab; two indexes of 8-byte slots lead to it; name, metadata and
// external owner stand in one heap block; what many keys share (scope, permissions, limits,
// networks) is interned. Measured sizes stand in bench/RESULTS.md. A change publishes new records
// and retires the old ones; revoked keys stay, so that a late use is recognised.
//
// Two cache misses one after the other, the index slot's and the record's, would be half the price
// of a decision. So a record lies, if it can, where its digest points: in its home page of 4 KiB,
// and there in its own place or beside it. A look-up asks for both together with the index slot.
// Only the index says where the record is: a guess that was wrong costs time, nothing else.
//
// Threading: one writer; any number of readers. Lifetime: a pointer read is valid until the
// reader's next suspension. Cost: find by digest is two cache misses at the same time, for two of
// three keys; for the others the second one comes after the first, nearly always without a TLB
// miss of its own.
#pragma once

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/hash_index.h"
#include "app/huge_pages.h"
#include "app/slab.h"
#include "app/usage.h"
#include "domain/keys/key_record.h"

namespace keywright::app {

// Slots of the records that a key refers to; the directory knows them.
struct KeySlots {
  domain::Slot organization = domain::kNoSlot;
  domain::Slot owner = domain::kNoSlot;
  domain::Slot keyspace = domain::kNoSlot;
};

class KeyTable {
 public:
  KeyTable(Reclaimer& reclaimer, LimitCells& limit_cells);
  ~KeyTable();
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  const domain::KeyRecord* find(const crypto::Sha256& digest) const;
  const domain::KeyRecord* find(const domain::KeyId& id) const;  // the current version
  const domain::KeyRecord* previous(const domain::KeyRecord& record) const {
    return record.previous == 0 ? nullptr : &record_at(record.previous);
  }

  // The same for many at once, at a fraction of the price of one after the other.
  void find_many(std::span<const crypto::Sha256> digests,
                 std::span<const domain::KeyRecord*> found) const;

  // True if an imported bcrypt or argon2id secret could have this beginning. Calls `visit` with the
  // id of each such key until it returns false.
  bool for_each_slow(std::string_view token,
                     const std::function<bool(const domain::KeyId&)>& visit) const;
  bool has_slow() const { return slow_lengths_.load(std::memory_order_relaxed) != 0; }
  std::size_t slow_count(std::string_view prefix) const;

  // Distinct ones in memory. Writer only.
  std::size_t policies() const { return interned_.size(); }
  std::size_t size() const { return keys_.load(std::memory_order_relaxed); }

  // Writer only. Makes room for this many, before the first one: what comes later has no home.
  void reserve(std::size_t keys);
  void put(const domain::Key& key, const KeySlots& slots);
  void erase(const domain::KeyId& id);
  // The current version of each key.
  void for_each(const std::function<void(const domain::KeyRecord&)>& visit) const;

 private:
  static constexpr std::uint32_t kChunk = 16384;        // 2 MiB of records: one huge page
  static constexpr std::uint32_t kChunksMax = 1 << 16;  // a billion records
  static constexpr std::uint32_t kPage = 32;            // 4 KiB of records

  struct Interned : domain::Policy {
    std::string text;
    std::size_t uses = 0;
  };

  domain::KeyRecord& record_at(std::uint32_t number) const {
    return chunks_[number / kChunk].load(std::memory_order_acquire)[number % kChunk];
  }
  std::uint32_t find_number(const domain::KeyId& id) const;
  void prefetch(const crypto::Sha256& digest) const;
  // The number that the record of this digest should have, if records have homes.
  std::uint32_t home_of(const crypto::Sha256& digest) const;
  void add_chunk(std::uint32_t chunk);
  std::uint32_t allocate(const crypto::Sha256& digest);
  std::uint32_t allocate_near(std::uint32_t home);
  void free(std::uint32_t number);
  void release_text(domain::KeyRecord& record);
  const domain::Policy* intern(const domain::Policy& policy);
  void release(const domain::Policy* policy);
  std::uint32_t limit_cells_for(const domain::Policy& policy, std::uint32_t old_number);
  void publish_slow(const domain::Key& key, const domain::KeyVersion& version,
                    std::uint32_t number);
  std::uint32_t publish(const domain::Key& key, const domain::KeyVersion& version,
                        const domain::KeyRecord& shared, std::uint32_t previous,
                        std::uint32_t old_number);
  void forget_slow(const domain::KeyId& id, std::uint32_t head);
  void retire_chain(std::uint32_t head, bool keeps_limits);

  Reclaimer& reclaimer_;
  LimitCells& limit_cells_;
  Slab texts_;
  HashIndex by_digest_;
  HashIndex by_id_;
  HashIndex by_slow_prefix_;
  std::unique_ptr<std::atomic<domain::KeyRecord*>[]> chunks_;
  std::vector<HugeBlock<domain::KeyRecord>> owned_;
  std::vector<std::uint32_t> free_;  // without those in home pages
  std::atomic<std::uint32_t> home_pages_{0};
  std::vector<std::uint32_t> taken_;  // of each home page, a bit for each record
  std::unordered_map<std::string, std::unique_ptr<Interned>> interned_;
  std::unordered_map<std::string, std::size_t> slow_by_prefix_;
  std::unordered_map<domain::KeyId, std::string> slow_prefix_of_;
  std::atomic<std::uint64_t> slow_lengths_{0};  // bit n: some slow prefix has n characters
  std::uint32_t next_ = 1;
  std::atomic<std::size_t> keys_{0};
};

}  // namespace keywright::app
