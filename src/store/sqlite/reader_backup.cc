// The part of Reader that copies the database, and looks for damage in it.
#include "store/sqlite/reader.h"

#include <filesystem>

#include <fcntl.h>

#include <sqlite3.h>

#include "store/sqlite/files.h"

namespace keywright::store {
namespace {

constexpr int kPagesAtOnce = 256;

// Steps of a copy that goes away with its owner.
class Copy {
 public:
  Copy(Database& to, Database& from)
      : to_(to), handle_(sqlite3_backup_init(to.handle(), "main", from.handle(), "main")) {}
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { sqlite3_backup_finish(handle_); }

  // False when all is copied.
  Result<bool> step() {
    if (handle_ == nullptr) return fail(database_error(to_.handle(), "starting a backup"));
    const int code = sqlite3_backup_step(handle_, kPagesAtOnce);
    if (code == SQLITE_OK) return true;
    if (code == SQLITE_DONE) return false;
    KW_CHECK_OK(finish());
    return fail(Code::unavailable, "store_busy", "The store is busy.");  // a passing error
  }

  Result<void> finish() {
    if (sqlite3_backup_finish(std::exchange(handle_, nullptr)) == SQLITE_OK) return {};
    return fail(database_error(to_.handle(), "writing a backup"));
  }
  int total_pages() const { return sqlite3_backup_pagecount(handle_); }
  int done_pages() const { return total_pages() - sqlite3_backup_remaining(handle_); }

 private:
  Database& to_;
  sqlite3_backup* handle_;
};

Result<void> copy_pages(Database& from, const std::string& path,
                        const std::function<void(int, int)>& progress) {
  KW_TRY(Database to, Database::open(path, Database::Access::create, ""));
  KW_CHECK_OK(to.run("PRAGMA synchronous = OFF"));  // synced once, at the end
  Copy copy(to, from);
  for (bool more = true; more;) {
    KW_TRY(more, copy.step());
    if (progress) progress(copy.done_pages(), copy.total_pages());
  }
  KW_CHECK_OK(copy.finish());
  // One file that whoever looks into it leaves as it is, without -wal and -shm beside it.
  return to.run("PRAGMA journal_mode = DELETE");
}

}  // namespace

Result<void> Reader::backup(const std::string& to_path,
                            const std::function<void(int, int)>& progress) {
  std::error_code error;
  if (std::filesystem::exists(to_path, error)) {
    return fail(Code::conflict, "file_exists", to_path + " exists; a backup replaces nothing.");
  }
  // Under its own name only when it is whole.
  const std::string partial = to_path + ".partial";
  std::filesystem::remove(partial, error);

  // One moment for all steps: without it a copy starts over whenever the writer commits.
  KW_TRY(auto moment, DatabaseTransaction::begin(database_, "BEGIN"));
  KW_CHECK_OK(database_.integer("SELECT count(*) FROM heads"));
  if (auto copied = copy_pages(database_, partial, progress); !copied) {
    std::filesystem::remove(partial, error);
    return copied;
  }
  {
    KW_TRY(File file, File::open(partial, O_RDWR));
    KW_CHECK_OK(file.sync());
  }
  KW_CHECK_OK(rename_file(partial, to_path));
  return sync_directory(std::filesystem::path(to_path).parent_path());
}

}  // namespace keywright::store
