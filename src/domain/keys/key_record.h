// domain/keys/key_record.h - what a check reads of a key: one flat record of 128 bytes.
//
// There is one record for each version (secret) of a key; the versions of a key agree in everything
// but digest, number and retirement. Records are immutable once published; a change publishes new
// ones. References to other records are slot numbers: the slot of a user stays when the user
// changes, so a role change touches no key.
//
// Threading: read by any io thread, written by nobody after publication.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "base/time.h"
#include "crypto/digest.h"
#include "domain/keys/key.h"

namespace keywright::domain {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = 0xffffffff;

// Times in records are milliseconds since the Unix epoch.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Name, metadata and external owner id of a key: one heap block, laid out by app/key_table.
struct KeyText {
  std::uint32_t name_bytes;
  std::uint32_t metadata_bytes;
  std::uint32_t owner_bytes;
  // the bytes follow

  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view name() const { return {bytes(), name_bytes}; }
  std::string_view metadata() const { return {bytes() + name_bytes, metadata_bytes}; }
  std::string_view external_owner() const {
    return {bytes() + name_bytes + metadata_bytes, owner_bytes};
  }
};

struct alignas(64) KeyRecord {
  crypto::Sha256 digest{};
  KeyId id;
  Slot organization = kNoSlot;
  const Policy* policy = nullptr;  // interned; never null once published
  const KeyText* text = nullptr;   // never null once published
  std::int64_t expires_at = kNever;
  std::int64_t retires_at = kNever;
  std::int64_t created_at = 0;
  std::int64_t serial = 0;                 // also the number of the key's usage cell
  std::uint32_t cell = 0;                  // usage cell of this version
  std::uint32_t idle_timeout_seconds = 0;  // 0 = none
  Slot owner = kNoSlot;                    // in the table that owner_type names
  Slot keyspace = kNoSlot;
  std::uint32_t limits = 0;    // first limit cell; 0 = the key has no limits
  std::uint32_t previous = 0;  // record number of the next older version; 0 = none
  std::uint16_t version_number = 1;
  std::uint8_t kind = 0;
  KeyState state = KeyState::active;
  OwnerType owner_type = OwnerType::user;
  bool found_idle = false;  // recorded as idle once: stays expired
  bool slow = false;        // digest unknown until the imported hash has matched once
};
static_assert(sizeof(KeyRecord) == 128);  // two cache lines

}  // namespace keywright::domain
