// store/sqlite/restore.h - puts a backup in the place of a store, without reviving what was
// revoked.
//
//   KW_TRY(RestoreReport report, restore("/var/lib/keywright", "monday.db", {}, clock, random));
//   for (const Subject& one : report.replayed.to_review) ...      // tell the operator
//
// The backup is copied beside the database, checked, brought to today's schema and only then moved
// into its place: a crash leaves the old store or the new one, whole. What was there before is kept
// as keywright.db.replaced-<time>. Opening the new store then applies the journal (replay.h);
// should a crash come first, the next start does it.
//
// The journal must lie in the directory: on a new machine, copy it there first. Without one nobody
// knows what was revoked since the backup, and the restore is refused unless the caller accepts
// that it comes back to life.
//
// Errors: conflict/store_in_use, journal_missing, journal_of_another_store, backup_in_use,
// backup_damaged; not_found/file_not_found for the backup; those of migrations.h.
// Threading: nothing else may use the directory; a server that does is an error.
// Cost: a copy and a full check of the backup: seconds for a gigabyte.
#pragma once

#include <filesystem>

#include "base/clock.h"
#include "base/random.h"
#include "store/sqlite/replay.h"
#include "store/store.h"

namespace keywright::store {

struct RestoreOptions {
  bool accept_missing_journal = false;
};

struct RestoreReport {
  ReplayReport replayed;
  AuditVerification audit;         // of the backup, before anything was added; may say "not intact"
  Position position = 0;           // after the replay
  std::filesystem::path replaced;  // what was there before; empty if nothing was
};

Result<RestoreReport> restore(const std::filesystem::path& directory,
                              const std::filesystem::path& backup, const RestoreOptions& options,
                              const Clock& clock, Random& random);

}  // namespace keywright::store
