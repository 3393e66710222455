// store/sqlite/journal.h - what took access away, once more and outside the database, so that a
// restored backup does not bring revoked keys back to life.
//
//   KW_TRY(Journal journal, Journal::open(paths.journal, store_id));
//   KW_CHECK_OK(journal.append(entries));            // on the disk when it returned
//   KW_TRY(JournalContents all, Journal::read_all(paths.journal));
//
// A file of 128-byte entries, each with its own CRC-32, in space that was reserved before:
// appending needs no room on a full disk. The end of the file is zeros, or one entry that a crash
// has torn; reading passes over what does not check out and says how much of that lay among good
// entries.
//
//   offset   0  8  position in the change log, little-endian
//            8  8  time, Unix milliseconds
//           16  1  what it is: 0 a key, else 1 + RecordType
//           17  1  Change
//           18  1  bytes of reason (88 at most, cut between characters)
//           20 16  id: 16 bytes of a UUID, or 12 characters of a key id and zeros
//           36 88  reason
//          124  4  CRC-32/ISO-HDLC of the 124 bytes before
//   The first 128 bytes of the file: "KWREVJ01", the id of the store (16 bytes), zeros, CRC.
//
// Errors: those of files.h; conflict/journal_of_another_store, conflict/not_a_journal.
// Threading: one thread at a time. Cost: append() is one write and one fdatasync.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/uuid.h"
#include "domain/keys/key_id.h"
#include "store/sqlite/files.h"
#include "store/store.h"

namespace keywright::store {

// Numbers are stored: append only. `narrowed`: it lives, with less than before.
enum class Change : std::uint8_t { written, revoked, disabled, narrowed, deleted };

// What a change was made to: the form of change_log.subjects too, 18 bytes each.
struct Subject {
  static constexpr std::size_t kBytes = 18;
  static constexpr std::uint8_t kKey = 0;

  std::uint8_t type = kKey;  // kKey, or 1 + RecordType
  Change change = Change::written;
  std::array<std::uint8_t, 16> id{};

  static Subject of_key(const domain::KeyId& id, Change change);
  static Subject of_record(RecordType type, const Uuid& id, Change change);
  bool is_key() const { return type == kKey; }
  domain::KeyId key_id() const;  // only of a key
  RecordType record_type() const { return static_cast<RecordType>(type - 1); }
  Uuid record_id() const { return Uuid{id}; }

  bool operator==(const Subject&) const = default;
};

struct JournalEntry {
  Position position = 0;
  Time time;
  Subject subject;
  std::string reason;

  bool operator==(const JournalEntry&) const = default;
};

struct JournalContents {
  Uuid store_id;
  std::vector<JournalEntry> entries;  // in the order they were written
  std::uint64_t damaged = 0;          // entries that do not check out among good ones
};

class Journal {
 public:
  Journal() = default;

  // Made if it is missing.
  static Result<Journal> open(const std::filesystem::path& path, const Uuid& store_id);
  static Result<JournalContents> read_all(const std::filesystem::path& path);

  // After an error the journal must be opened again.
  Result<void> append(std::span<const JournalEntry> entries);

  // The highest position that an entry has; 0 = none.
  Position last_position() const { return last_position_; }

 private:
  Result<void> keep_room(std::uint64_t bytes);

  File file_;
  std::uint64_t end_ = 0;        // where the next entry goes
  std::uint64_t allocated_ = 0;  // reserved up to here
  Position last_position_ = 0;
};

}  // namespace keywright::store
