#include "store/sqlite/restore.h"

#include <algorithm>

#include <fcntl.h>

#include "base/file.h"
#include "store/sqlite/files.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/writer.h"

namespace keywright::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytesAtOnce = 1 << 20;

fs::path with_suffix(fs::path path, std::string_view suffix) {
  path += suffix;
  return path;
}

void remove_database(const fs::path& database) {
  std::error_code error;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    fs::remove(with_suffix(database, suffix), error);
  }
}

Result<void> copy_synced(const fs::path& from, const fs::path& to) {
  KW_TRY(File source, File::open(from, O_RDONLY));
  KW_TRY(File target, File::open(to, O_WRONLY | O_CREAT | O_EXCL));
  for (std::uint64_t offset = 0;;) {
    KW_TRY(std::string bytes, source.read_at(offset, kCopyBytesAtOnce));
    if (bytes.empty()) break;
    KW_CHECK_OK(target.write_at(offset, view_bytes(bytes)));
    offset += bytes.size();
  }
  return target.sync();
}

// Looks at the file before anything of ours writes to it.
Result<void> check_for_damage(const fs::path& database) {
  auto damaged = [](std::string_view why) {
    return fail(
        Error(Code::conflict, "backup_damaged", "The backup is damaged; nothing was changed.")
            .with_internal(why));
  };
  auto opened = Database::open(database.string(), Database::Access::read_write, "");
  if (!opened) return damaged(opened.error().internal());
  auto found = find_damage(*opened);
  if (!found) return damaged(found.error().internal());
  if (!found->empty()) return damaged(*found);
  return {};
}

// To today's schema, and what its audit log looks like. Afterwards the copy is one file.
Result<AuditVerification> prepare_copy(const fs::path& copy, const fs::path& journal,
                                       const RestoreOptions& options, const Clock& clock,
                                       Random& random) {
  KW_CHECK_OK(check_for_damage(copy));
  KW_TRY(auto writer, Writer::open(copy.string(), "", clock, random));
  auto contents = Journal::read_all(journal);
  if (!contents) {
    if (contents.error().code() != Code::not_found) return fail(std::move(contents).error());
    if (!options.accept_missing_journal) {
      return fail(Code::conflict, "journal_missing",
                  "There is no " + journal.string() +
                      ": whatever was revoked after the backup would work again. Copy the journal "
                      "there, or accept this with --accept-missing-journal.");
    }
  } else if (contents->store_id != writer->store_id()) {
    return fail(Code::conflict, "journal_of_another_store",
                journal.string() + " and the backup belong to different stores.");
  }
  KW_TRY(auto reader, Reader::open(copy.string(), ""));
  return reader->verify_audit();
}

// Folds the WAL of a database that nobody uses into it. One that is too broken for that keeps its
// WAL, which is then moved away with it.
void fold_wal(const fs::path& database) {
  auto opened = Database::open(database.string(), Database::Access::read_write, "");
  if (opened) (void)opened->run("PRAGMA wal_checkpoint(TRUNCATE)");
}

// Gives the old database another name as well; from here on it can be replaced.
Result<fs::path> set_aside(const StorePaths& paths, const Clock& clock) {
  std::error_code error;
  if (!fs::exists(paths.database, error)) return fs::path();
  fold_wal(paths.database);
  std::string time = format_rfc3339(clock.now());
  std::ranges::replace(time, ':', '-');
  fs::path name = with_suffix(paths.database, ".replaced-" + time);
  const fs::path wal = with_suffix(paths.database, "-wal");
  if (fs::exists(wal, error)) KW_CHECK_OK(rename_file(wal, with_suffix(name, "-wal")));
  fs::remove(with_suffix(paths.database, "-shm"), error);
  fs::create_hard_link(paths.database, name, error);
  if (error) KW_CHECK_OK(rename_file(paths.database, name));
  return name;
}

}  // namespace

Result<RestoreReport> restore(const fs::path& directory, const fs::path& backup,
                              const RestoreOptions& options, const Clock& clock, Random& random) {
  const StorePaths paths(directory);
  std::error_code error;
  if (fs::exists(with_suffix(backup, "-wal"), error)) {
    return fail(Code::conflict, "backup_in_use",
                backup.string() + " is a database in use, not a backup: it has a -wal file.");
  }
  KW_CHECK_OK(make_private_directories(directory));
  KW_TRY(File lock, File::open(paths.lock, O_RDWR | O_CREAT));
  KW_TRY(bool locked, lock.lock());
  if (!locked) {
    return fail(
        Code::conflict, "store_in_use",
        "Another keywright is using the store in " + directory.string() + ": stop it first.");
  }

  RestoreReport report;
  const fs::path copy = with_suffix(paths.database, ".restoring");
  remove_database(copy);
  auto prepared = [&]() -> Result<void> {
    KW_CHECK_OK(copy_synced(backup, copy));
    KW_TRY(report.audit, prepare_copy(copy, paths.journal, options, clock, random));
    return {};
  }();
  if (!prepared) {
    remove_database(copy);
    return fail(std::move(prepared).error());
  }
  KW_TRY(report.replaced, set_aside(paths, clock));
  KW_CHECK_OK(rename_file(copy, paths.database));
  KW_CHECK_OK(sync_directory(directory));
  lock = File();

  KW_TRY(auto store, SqliteStore::open(directory, {}, clock, random));
  report.replayed = store->replayed();
  report.position = store->position();
  return report;
}

}  // namespace keywright::store
