// The part of server/admin.h that works on the store's files: reading them beside a running server,
// and putting a backup in their place.
#include "server/admin.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "base/file.h"
#include "store/sqlite/sqlite_store.h"

namespace keywright::server {

namespace {

namespace fs = std::filesystem;

// SQLite's files beside a database carry its whole name.
constexpr const char* kSuffixes[] = {"", "-wal", "-shm"};

bool file_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

fs::path with_suffix(fs::path path, const char* suffix) { return path += suffix; }

Result<std::unique_ptr<store::Reader>> open_reader(const Place& place) {
  const store::StorePaths paths(place.data_directory);
  if (!file_exists(paths.database)) {
    return fail(Code::not_found, "not_an_installation",
                fmt::format("There is no installation in {}: {} is missing. Name its directory "
                            "with --data.",
                            place.data_directory.native(), paths.database.native()));
  }
  return store::Reader::open(paths.database, "");
}

Error not_restorable(const fs::path& from, std::string_view why) {
  return Error(Code::conflict, "not_restorable",
               fmt::format("{} cannot be restored: {}", from.native(), why));
}

Result<void> check_digest_key(store::Reader& reader, const Place& place, const fs::path& from) {
  KW_TRY(const auto check, reader.setting("digest_key_check"));
  KW_TRY(const crypto::Keyring keyring, crypto::Keyring::load_file(place.key_file()));
  if (check && keyring.find_by_check_value(*check) != nullptr) return {};
  return fail(not_restorable(
      from, fmt::format("the digest key {} is not the one it was made with.",
                        place.key_file().native())));
}

// Whole, made with the digest key that is here, and of the store whose removals were journalled.
Result<void> check_backup(const Place& place, const fs::path& from) {
  if (!file_exists(from)) {
    return fail(Code::not_found, "file_not_found", fmt::format("{} is missing.", from.native()));
  }
  KW_TRY(const auto reader, store::Reader::open(from, ""));
  KW_TRY(const std::string damage, reader->find_damage());
  if (!damage.empty()) return fail(not_restorable(from, "it is damaged: " + damage));
  KW_CHECK_OK(check_digest_key(*reader, place, from));
  const store::StorePaths paths(place.data_directory);
  if (!file_exists(paths.journal)) return {};
  KW_TRY(const store::JournalContents journal, store::Journal::read_all(paths.journal));
  KW_TRY(const auto store_id, reader->setting("store.id"));
  if (store_id == journal.store_id.to_string()) return {};
  return fail(not_restorable(
      from, fmt::format("it was made of another store than the one in {}.",
                        place.data_directory.native())));
}

Result<void> copy_durably(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (!error) {
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
  }
  if (error) {
    fs::remove(to, error);
    return fail(Code::internal, "file_error",
                fmt::format("Cannot copy {} to {}.", from.native(), to.native()));
  }
  KW_TRY(store::File file, store::File::open(to, O_RDWR));
  return file.sync();
}

// The database and what SQLite keeps beside it.
Result<void> move_database(const fs::path& from, const fs::path& to) {
  for (const char* suffix : kSuffixes) {
    std::error_code ignored;
    fs::remove(with_suffix(to, suffix), ignored);
    if (!file_exists(with_suffix(from, suffix))) continue;
    KW_CHECK_OK(store::rename_file(with_suffix(from, suffix), with_suffix(to, suffix)));
  }
  return {};
}

Result<store::File> lock_store(const Place& place) {
  KW_CHECK_OK(make_private_directories(place.data_directory));
  const store::StorePaths paths(place.data_directory);
  KW_TRY(store::File lock, store::File::open(paths.lock, O_RDWR | O_CREAT));
  KW_TRY(const bool locked, lock.lock());
  if (locked) return lock;
  return fail(Code::conflict, "data_in_use",
              fmt::format("A server is running on {}. Stop it first.",
                          place.data_directory.native()));
}

}  // namespace

Result<store::AuditVerification> verify_audit(const Place& place) {
  KW_TRY(const auto reader, open_reader(place));
  return reader->verify_audit();
}

Result<void> backup(const Place& place, const std::filesystem::path& to,
                    const std::function<void(int, int)>& progress) {
  KW_TRY(const auto reader, open_reader(place));
  return reader->backup(to, progress);
}

Result<Restored> restore(const Place& place, const std::filesystem::path& from, Clock& clock,
                         Random& random) {
  const store::StorePaths paths(place.data_directory);
  const fs::path incoming = with_suffix(paths.database, ".incoming");
  const fs::path replaced = with_suffix(paths.database, ".replaced");
  {
    KW_TRY(const store::File lock, lock_store(place));
    KW_CHECK_OK(check_backup(place, from));
    KW_CHECK_OK(copy_durably(from, incoming));
    KW_CHECK_OK(move_database(paths.database, replaced));
    KW_CHECK_OK(store::rename_file(incoming, paths.database));
    KW_CHECK_OK(store::sync_directory(place.data_directory));
  }
  auto opened = store::SqliteStore::open(place.data_directory, {}, clock, random);
  if (!opened) {
    KW_CHECK_OK(move_database(replaced, paths.database));
    return fail(std::move(opened).error());
  }
  const store::ReplayReport& report = (*opened)->replayed();
  Restored restored;
  restored.keys_revoked = report.keys_revoked;
  restored.keys_disabled = report.keys_disabled;
  restored.records_deleted = report.records_deleted;
  for (const store::Subject& subject : report.to_review) {
    if (subject.is_key()) continue;
    restored.to_review.push_back(fmt::format("{} {}", store::name_of(subject.record_type()),
                                             subject.record_id().to_string()));
  }
  return restored;
}

}  // namespace keywright::server
