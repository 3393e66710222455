// store/sqlite/replay.h - what was taken away after a backup was made, taken away again.
//
//   KW_TRY(JournalContents journal, Journal::read_all(paths.journal));
//   KW_TRY(ReplayReport report, replay(writer, reader, journal, clock, random));
//
// A database that is behind its journal came out of a backup (or off a disk that lied). Entries
// above its position are applied in one transaction with an audit event each: revoked keys are
// revoked, with their first reason and time; disabled keys are disabled; keys that were narrowed
// are disabled, since what they were narrowed to is lost; deleted records are deleted. Records that
// were narrowed (a role, a registry) cannot be put right from here: the report names them, for a
// person to look at.
//
// Positions go on above the journal's last, so that the order of changes stays one order.
//
// Errors: those of the writer. Threading: the writer's. Cost: two look-ups for each entry.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/sqlite/journal.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

namespace keywright::store {

struct ReplayReport {
  std::uint64_t entries = 0;  // newer than the database; 0 = nothing was to be done
  std::uint64_t keys_revoked = 0;
  std::uint64_t keys_disabled = 0;
  std::uint64_t records_deleted = 0;
  std::vector<Subject> to_review;     // records that were narrowed and still exist
  std::uint64_t damaged_entries = 0;  // of the journal: what they said is unknown
};

Result<ReplayReport> replay(Writer& writer, Reader& reader, const JournalContents& journal,
                            const Clock& clock, Random& random);

}  // namespace keywright::store
