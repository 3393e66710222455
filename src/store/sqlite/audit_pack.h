// store/sqlite/audit_pack.h - many audit events of one moment as one row.
//
//   PackWriter pack;
//   for (...) pack.add(event, hash);                        // events that share their time
//   write(first_number, pack.bytes(), pack.terms());
//   KW_TRY(std::vector<StoredEvent> events, read_pack(first_number, time, bytes));
//
// A busy server audits thousands of calls a second, hundreds in one transaction. A row with six
// indexes for each costs more than the call. In a pack an event takes about a hundred bytes, since
// what it shares with the one before is not repeated, and the indexes are of the pack: its terms
// say what occurs in it. Whoever looks for something reads the packs that have the terms, and
// then the events themselves. Each event keeps its number and its hash of the chain.
//
// A pack is its events one after the other: id (16 bytes), organization (16 bytes), the texts of
// the canonical form in its order, hash (32 bytes). Before organization and each text stands a
// number in LEB128: 0 for the same as in the event before, else the number of bytes plus one.
//
// Errors: internal/store_damaged; reading is total.
// Threading: plain values. Cost: about 200 ns to write or to read an event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "store/sqlite/rows.h"

namespace keywright::store {

// Fewer are rows of their own; more are several packs.
inline constexpr std::size_t kPackEventsMin = 8;
inline constexpr std::size_t kPackEventsMax = 1024;

class PackWriter {
 public:
  void add(const domain::AuditEvent& event, const crypto::Sha256& hash);

  ByteView bytes() const { return view_bytes(bytes_); }
  // In order, each once.
  std::vector<std::string> terms() &&;

 private:
  using Seen = std::unordered_set<std::string_view>;

  void add_terms(const domain::AuditEvent& event);

  std::string bytes_;
  std::vector<std::string> terms_;              // may hold one twice
  Seen objects_, actors_, keys_;                // views of the events
  const domain::AuditEvent* before_ = nullptr;  // the caller keeps them until bytes() was used
};

Result<std::vector<StoredEvent>> read_pack(std::int64_t first, Time time, ByteView bytes);

// The terms that a pack has if an event in it can match; the first one is the rarest.
std::vector<std::string> terms_of(const AuditFilter& filter);

// Is it one of them? The time aside, which all events of a pack share.
bool matches(const AuditFilter& filter, const domain::AuditEvent& event);

}  // namespace keywright::store
