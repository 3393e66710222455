// store/sqlite/sqlite_store.h - the store of one server: a SQLite database in a directory.
//
//   KW_TRY(auto store, SqliteStore::open("/var/lib/keywright", {}, clock, random));
//   store->replayed().to_review           // not empty after a restore: tell the operator
//
// In the directory, all readable by their owner only: keywright.db (with -wal and -shm),
// revocations.journal, ballast, keywright.lock. docs/adr/0005 says why it is made this way.
//
//   Full disk       commit() lets go of the ballast and stores what removes access; everything else
//                   is storage_full until writable() has found room and put the ballast back.
//   Broken disk     after a failed write or sync every commit is unavailable/store_failed until the
//                   store was opened again: what reached the disk is not known before.
//   Old database    one that is behind its journal (a restored backup) is brought to where nothing
//                   lives that was taken away: replay.h.
//   Broken journal  does not keep anybody from revoking: it is written anew from the change log as
//                   soon as it can be, at the latest at the next start.
//
// Errors at open: those of migrations.h, files.h and journal.h; conflict/store_in_use.
// Threading: as store.h. Lifetime: clock and random outlive it.
// Cost: commit() one fdatasync, one more if the group removes access.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "store/sqlite/ballast.h"
#include "store/sqlite/files.h"
#include "store/sqlite/journal.h"
#include "store/sqlite/reader_pool.h"
#include "store/sqlite/replay.h"
#include "store/sqlite/writer.h"
#include "store/store.h"

namespace keywright::store {

struct SqliteOptions {
  int readers = 4;
  std::uint64_t ballast_bytes = 8 << 20;
  std::string vfs;  // another file layer than the system's, for tests
};

class SqliteStore final : public Store {
 public:
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& directory,
                                                   const SqliteOptions& options, const Clock& clock,
                                                   Random& random);

  ~SqliteStore() override;

  const ReplayReport& replayed() const { return replayed_; }

  std::vector<Result<Position>> commit(std::span<const Transaction> group) override;
  Result<std::optional<IdempotentAnswer>> find_idempotent(std::string_view caller,
                                                          std::string_view key) override;
  Result<void> load(Loader& loader) override;
  Position position() override { return position_.load(); }
  std::int64_t next_key_serial() override { return writer_->next_key_serial(); }
  std::int64_t next_user_serial() override { return writer_->next_user_serial(); }
  Result<std::optional<std::string>> setting(std::string_view name) override;
  Result<void> set_setting(std::string_view name, std::string_view value) override;

  Result<PageOf<Record>> list_records(const RecordFilter& filter, const Page& page) override;
  Result<std::optional<domain::Key>> get_key(const domain::KeyId& id) override;
  Result<PageOf<domain::Key>> list_keys(const KeyFilter& filter, const Page& page) override;
  Result<PageOf<domain::AuditEvent>> list_audit(const AuditFilter& filter,
                                                const Page& page) override;
  Result<AuditVerification> verify_stretch(const AuditStretch& stretch) override;
  Result<void> backup(const std::string& to_path,
                      const std::function<void(int, int)>& progress) override;
  bool writable() override;

 private:
  SqliteStore(const std::filesystem::path& directory, const SqliteOptions& options,
              const Clock& clock, Random& random)
      : paths_(directory),
        options_(options),
        clock_(clock),
        random_(random),
        ballast_(paths_.ballast, options.ballast_bytes) {}

  Result<void> start();
  Result<void> open_writer();
  Result<void> replay_journal();

  // All of the group, or what of it may be stored on a full disk.
  std::vector<Result<Position>> commit_all(std::span<const Transaction> group);
  Result<std::vector<Position>> write_folding(std::span<const Transaction* const> group);
  std::vector<Result<Position>> commit_removals(std::span<const Transaction> group);
  void note_failure(const Error& error);
  // Brings the journal up to the change log.
  Result<void> write_journal();

  const StorePaths paths_;
  const SqliteOptions options_;
  const Clock& clock_;
  Random& random_;
  std::atomic<Position> position_{0};
  ReplayReport replayed_;

  File lock_;
  std::unique_ptr<ReaderPool> readers_;

  std::mutex mutex_;  // guards what follows; only the writer waits for the disk under it
  std::unique_ptr<Writer> writer_;
  Ballast ballast_;
  std::optional<Journal> journal_;  // empty after a fault of it
  Position journalled_ = 0;         // of the change log, what the journal surely holds
  bool full_ = false;               // what room there is belongs to removals
  bool broken_ = false;             // what the disk holds is not known
};

}  // namespace keywright::store
