// server/admin.h - what an operator does on the data directory itself, without HTTP.
//
//   KW_TRY(SetupDone done, set_up_installation(place, input, password, clock, random));
//   KW_TRY(store::AuditVerification seen, verify_audit(place));      // also while a server runs
//   KW_CHECK_OK(backup(place, "/backups/keywright.db", {}));          // also while a server runs
//
// What writes (set-up, reset_password, restore) locks the directory and so refuses while a server
// runs on it. What only reads never changes a byte there.
//
// Errors: for operators, as server/core.h and server/setup.h; not_found/user_not_found.
// Threading: one thread. Cost: opening loads every record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "server/core.h"
#include "server/setup.h"
#include "server/trace_mover.h"
#include "store/store.h"

namespace keywright::server {

// Makes digest key and store where they are missing, the organization and its owner.
Result<SetupDone> set_up_installation(const Place& place, SetupInput input,
                                      const Secret<std::string>& password, Clock& clock,
                                      Random& random);

// For somebody who cannot sign in any more: a new password, and every session ends.
Result<void> reset_password(const Place& place, const std::string& email,
                            const Secret<std::string>& password, Clock& clock, Random& random);

// The same by a link that is good once, for an hour.
Result<Secret<std::string>> make_reset_link(const Place& place, const std::string& email,
                                            const std::string& public_url, Clock& clock,
                                            Random& random);

Result<store::AuditVerification> verify_audit(const Place& place);

// A consistent copy of the store without the digest key. Refuses to replace a file.
Result<void> backup(const Place& place, const std::filesystem::path& to,
                    const std::function<void(int, int)>& progress);

// What had taken access away since the backup was made, and was done again.
struct Restored {
  std::uint64_t keys_revoked = 0;
  std::uint64_t keys_disabled = 0;  // those that had been narrowed, too
  std::uint64_t records_deleted = 0;
  // "registry 019a...": narrowed since then, wide again now. For a person to look at.
  std::vector<std::string> to_review;
  std::filesystem::path replaced;  // what was there before, kept; "" if nothing was
};

// Without the journal beside the store nobody knows what was revoked since the backup.
enum class MissingJournal : unsigned char { refuse, accept };

// Puts a backup in place of the store. What took access away since stays taken away.
Result<Restored> restore(const Place& place, const std::filesystem::path& from, Clock& clock,
                         Random& random, MissingJournal missing_journal = MissingJournal::refuse);

// What was copied from an installation in SQLite into an empty PostgreSQL database. A server may go
// on serving it meanwhile: what it changes is followed, until there is nothing left to do but to
// stop it; the copy is finished as soon as it has stopped. `progress` is called now and then, and
// once when that is so. What is in the data directory stays as it is. Errors:
// conflict/store_not_empty, /traces_too_old; internal/not_moved when counts or the chain of the
// audit log differ. A copy that failed half way leaves a database that no node
// serves.
struct Moved {
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  std::uint64_t events = 0;
  MovedTraces traces = {};
  bool is_waiting = false;  // there is nothing left to do but to stop the server
};
using MoveProgress = std::function<void(const Moved& so_far)>;
Result<Moved> move_to_postgres(const Place& from, const Secret<std::string>& to, Clock& clock,
                               Random& random, const MoveProgress& progress = {});

}  // namespace keywright::server
