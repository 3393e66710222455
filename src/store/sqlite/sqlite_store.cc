#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "store/sqlite/wal_check.h"

namespace keywright::store {
namespace {

constexpr std::size_t kJournalEntriesAtOnce = 1024;

// Not with braces: they would make a list of two results.
std::vector<Result<Position>> same_for_all(std::size_t size, const Error& error) {
  return std::vector<Result<Position>>(size, fail(error));
}

Error disk_full() { return {Code::storage_full, "storage_full", "The disk of the store is full."}; }

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& directory,
                                                       const SqliteOptions& options,
                                                       const Clock& clock, Random& random) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(directory, options, clock, random));
  KW_CHECK_OK(store->start());
  return store;
}

// The writer is the last to close: it is the one that may fold the WAL into the database.
SqliteStore::~SqliteStore() {
  readers_.reset();
  writer_.reset();
}

Result<void> SqliteStore::start() {
  KW_CHECK_OK(make_private_directories(paths_.directory));
  KW_TRY(lock_, File::open(paths_.lock, O_RDWR | O_CREAT));
  KW_TRY(bool locked, lock_.lock());
  if (!locked) {
    return fail(Code::conflict, "store_in_use",
                "Another keywright is using the store in " + paths_.directory.string() + ".");
  }
  restore_order(paths_.database);
  KW_CHECK_OK(open_writer());
  KW_CHECK_OK(sync_directory(paths_.directory));
  KW_CHECK_OK(replay_journal());
  KW_TRY(journal_, Journal::open(paths_.journal, writer_->store_id()));
  journalled_ = journal_->last_position();
  KW_CHECK_OK(write_journal());
  if (full_) {
    log_warning("store_disk_full", {{"ballast", "released"}});
  } else if (auto filled = ballast_.fill(); !filled) {
    full_ = filled.error().code() == Code::storage_full;
    log_warning("store_without_ballast", {{"why", filled.error().internal()}});
  }
  KW_TRY(readers_, ReaderPool::open(paths_.database.string(), options_.vfs, options_.readers));
  position_ = writer_->position();
  return {};
}

// Opening makes a WAL and its index: on a full disk the ballast has to make room even for these.
Result<void> SqliteStore::open_writer() {
  const std::string path = paths_.database.string();
  auto writer = Writer::open(path, options_.vfs, clock_, random_);
  if (!writer && writer.error().code() == Code::storage_full) {
    ballast_.release();
    full_ = true;
    writer = Writer::open(path, options_.vfs, clock_, random_);
  }
  KW_TRY(writer_, std::move(writer));
  return {};
}

Result<void> SqliteStore::replay_journal() {
  std::error_code error;
  if (!std::filesystem::exists(paths_.journal, error)) return {};
  KW_TRY(JournalContents contents, Journal::read_all(paths_.journal));
  if (contents.store_id != writer_->store_id()) return {};  // Journal::open() says so
  KW_TRY(auto reader, Reader::open(paths_.database.string(), options_.vfs));
  KW_TRY(replayed_, replay(*writer_, *reader, contents, clock_, random_));
  if (replayed_.entries > 0) {
    log_warning("store_was_restored", {{"journal_entries", replayed_.entries},
                                       {"keys_revoked", replayed_.keys_revoked},
                                       {"keys_disabled", replayed_.keys_disabled},
                                       {"records_deleted", replayed_.records_deleted},
                                       {"records_to_review", replayed_.to_review.size()}});
  }
  if (replayed_.damaged_entries > 0) {
    log_error("journal_damaged", {{"entries", replayed_.damaged_entries}});
  }
  return {};
}

std::vector<Result<Position>> SqliteStore::commit(std::span<const Transaction> group) {
  std::lock_guard lock(mutex_);
  if (group.empty()) return {};
  if (broken_) {
    return same_for_all(group.size(), Error(Code::unavailable, "store_failed",
                                            "The store takes no changes after a fault."));
  }
  auto results = full_ ? commit_removals(group) : commit_all(group);
  position_ = writer_->position();
  return results;
}

std::vector<Result<Position>> SqliteStore::commit_all(std::span<const Transaction> group) {
  std::vector<const Transaction*> all;
  bool removes_access = false;
  for (const Transaction& transaction : group) {
    all.push_back(&transaction);
    removes_access |= transaction.removes_access;
  }
  auto written = write_folding(all);
  if (written) {
    if (removes_access) (void)write_journal();
    return {written->begin(), written->end()};
  }
  if (written.error().code() != Code::storage_full) {
    note_failure(written.error());
    return same_for_all(group.size(), written.error());
  }
  if (!removes_access) return same_for_all(group.size(), written.error());
  log_warning("store_disk_full", {{"ballast", "released"}});
  ballast_.release();
  full_ = true;
  return commit_removals(group);
}

// A WAL that was folded into the database is written from its start again: that is room, too.
Result<std::vector<Position>> SqliteStore::write_folding(
    std::span<const Transaction* const> group) {
  auto written = writer_->write(group);
  if (written || written.error().code() != Code::storage_full) return written;
  (void)writer_->checkpoint();
  return writer_->write(group);
}

std::vector<Result<Position>> SqliteStore::commit_removals(std::span<const Transaction> group) {
  std::vector<const Transaction*> removals;
  for (const Transaction& transaction : group) {
    if (transaction.removes_access) removals.push_back(&transaction);
  }
  std::vector<Result<Position>> results = same_for_all(group.size(), disk_full());
  if (removals.empty()) return results;
  auto written = write_folding(removals);
  if (!written) {
    note_failure(written.error());
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (group[i].removes_access) results[i] = fail(written.error());
    }
    return results;
  }
  (void)write_journal();
  auto position = written->begin();
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].removes_access) results[i] = *position++;
  }
  return results;
}

void SqliteStore::note_failure(const Error& error) {
  log_error("store_commit_failed", {{"reason", error.reason()}, {"why", error.internal()}});
  // A full disk left nothing half done. A contradiction is a mistake of ours, not of the disk.
  if (error.code() == Code::storage_full || error.reason() == "store_constraint" ||
      error.reason() == "store_busy") {
    return;
  }
  broken_ = true;
}

Result<void> SqliteStore::write_journal() {
  auto written = [this]() -> Result<void> {
    if (!journal_) {
      KW_TRY(journal_, Journal::open(paths_.journal, writer_->store_id()));
    }
    for (;;) {
      KW_TRY(auto entries, writer_->removals(journalled_, kJournalEntriesAtOnce));
      if (entries.empty()) return {};
      KW_CHECK_OK(journal_->append(entries));
      journalled_ = entries.back().position;
    }
  }();
  if (!written) {
    journal_.reset();
    log_error("journal_not_written", {{"why", written.error().internal()}});
  }
  return written;
}

Result<std::optional<IdempotentAnswer>> SqliteStore::find_idempotent(std::string_view caller,
                                                                     std::string_view key) {
  std::lock_guard lock(mutex_);
  return writer_->find_idempotent(caller, key);
}

Result<void> SqliteStore::load(Loader& loader) { return readers_->borrow()->load(loader); }

Result<std::optional<std::string>> SqliteStore::setting(std::string_view name) {
  std::lock_guard lock(mutex_);
  return writer_->setting(name);
}

Result<void> SqliteStore::set_setting(std::string_view name, std::string_view value) {
  std::lock_guard lock(mutex_);
  return writer_->set_setting(name, value);
}

Result<PageOf<Record>> SqliteStore::list_records(const RecordFilter& filter, const Page& page) {
  return readers_->borrow()->list_records(filter, page);
}

Result<std::optional<domain::Key>> SqliteStore::get_key(const domain::KeyId& id) {
  return readers_->borrow()->get_key(id);
}

Result<PageOf<domain::Key>> SqliteStore::list_keys(const KeyFilter& filter, const Page& page) {
  return readers_->borrow()->list_keys(filter, page);
}

Result<PageOf<domain::AuditEvent>> SqliteStore::list_audit(const AuditFilter& filter,
                                                           const Page& page) {
  return readers_->borrow()->list_audit(filter, page);
}

Result<AuditVerification> SqliteStore::verify_stretch(const AuditStretch& stretch) {
  return readers_->borrow()->verify_audit(stretch);
}

Result<void> SqliteStore::backup(const std::string& to_path,
                                 const std::function<void(int, int)>& progress) {
  return readers_->borrow()->backup(to_path, progress);
}

bool SqliteStore::writable() {
  std::lock_guard lock(mutex_);
  if (broken_) return false;
  if (full_) {
    auto filled = ballast_.fill();
    if (!filled && filled.error().code() == Code::storage_full) return false;
    full_ = false;
  }
  return ballast_.has_room();
}

}  // namespace keywright::store
