// store/sqlite/wal_check.h - whether a write-ahead log still holds all that was put into it.
//
//   restore_order(paths.database);         // before the first connection of the process
//   damaged_wals()                         // for /metrics
//
// When SQLite opens a database that nobody closed, it takes the frames of the log up to the first
// one whose checksum does not fit, and says nothing of those behind it: that is how the torn end of
// an unfinished write looks, and also how a bit looks that was flipped in the midst of a thousand
// commits. Two things tell them apart:
//
//   the index   DATABASE-shm outlives a killed process. It knows, with a checksum of its own, how
//               many frames were committed. Fewer than that were lost, wherever the log was cut.
//   the frames  Behind the first that does not fit, a commit of the same log with more behind it.
//               A write begins only when the one before it was synced.
//
// After a crash of the machine the index is gone or old. A log that was cut off between two
// commits, or that was damaged in its last one, then looks like one that ended there
// (docs/adr/0005).
//
// Errors: none stops a start; what could not be read or kept is logged.
// Threading: before other threads use the database. Cost: reads the log once, 64 MiB at most times.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace keywright::store {

struct WalDamage {
  std::uint64_t frames_kept = 0;   // up to the last commit that can be read
  std::uint64_t frames_known = 0;  // committed, as far as is known
  std::uint64_t salts = 0;         // tell one log from the next one
};

// Of the log beside this database; nothing if it is whole, or there is none.
std::optional<WalDamage> find_wal_damage(const std::filesystem::path& database);

// Logs what is damaged, keeps a copy of the log beside it (DATABASE-wal.damaged-SALTS), and has
// SQLite take what can be read, so that a new log begins. True if it was damaged.
bool restore_order(const std::filesystem::path& database);

// Since the process started.
std::uint64_t damaged_wals();

}  // namespace keywright::store
