// The part of server/admin.h that works on the store's files: reading them beside a running server,
// and putting a backup in their place.
#include "server/admin.h"

#include <fmt/format.h>

#include "store/postgres/reader.h"
#include "store/postgres/schema.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/restore.h"

namespace keywright::server {

namespace {

namespace fs = std::filesystem;

Result<std::unique_ptr<store::Reader>> open_reader(const Place& place) {
  const store::StorePaths paths(place.data_directory);
  std::error_code ignored;
  if (!fs::exists(paths.database, ignored)) {
    return fail(Code::not_found, "not_an_installation",
                fmt::format("There is no installation in {}: {} is missing. Name its directory "
                            "with --data.",
                            place.data_directory.native(), paths.database.native()));
  }
  return store::Reader::open(paths.database, "");
}

// Whether the backup was made with the digest key that is here. One that cannot be read, or that an
// older version made, is left to the restore itself and to the next start.
Result<void> check_digest_key(const Place& place, const fs::path& from) {
  KW_TRY(const crypto::Keyring keyring, crypto::Keyring::load_file(place.key_file()));
  const auto reader = store::Reader::open(from, "");
  if (!reader) return {};
  KW_TRY(const auto check, (*reader)->setting(kKeyCheckSetting));
  if (!check || keyring.find_by_check_value(*check) != nullptr) return {};
  return fail(Code::conflict, "not_restorable",
              fmt::format("{} was made with another digest key than {}.", from.native(),
                          place.key_file().native()));
}

Error explained(Error error, const Place& place) {
  if (error.reason() != "store_in_use") return error;
  return Error(
      Code::conflict, "data_in_use",
      fmt::format("A server is running on {}. Stop it first.", place.data_directory.native()));
}

Error not_by_us() {
  return Error(
      Code::conflict, "use_pg_dump",
      "This store is in PostgreSQL: back it up and put it back with PostgreSQL's own tools, such "
      "as pg_dump and pg_restore (docs/operating/cluster.md). The digest key is a file of its "
      "own.");
}

// Beside the nodes that serve: nothing is written, not even a table.
Result<store::AuditVerification> verify_shared_audit(const Place& place) {
  const auto explained = [&](Error error) {
    return Error(error.code(), error.reason(),
                 fmt::format("The store {} cannot be read: {}",
                             store::postgres::shown_url(place.store_url.reveal()), error.detail()))
        .with_internal(error.internal());
  };
  auto connection =
      store::postgres::Connection::open(place.store_url, store::postgres::kMigrationTimeouts);
  if (!connection) return fail(explained(connection.error()));
  KW_CHECK_OK(store::postgres::check_schema(**connection));
  return store::postgres::verify_audit(**connection);
}

}  // namespace

Result<store::AuditVerification> verify_audit(const Place& place) {
  if (place.is_shared()) return verify_shared_audit(place);
  KW_TRY(const auto reader, open_reader(place));
  return reader->verify_audit();
}

Result<void> backup(const Place& place, const fs::path& to,
                    const std::function<void(int, int)>& progress) {
  if (place.is_shared()) return fail(not_by_us());
  KW_TRY(const auto reader, open_reader(place));
  return reader->backup(to, progress);
}

Result<Restored> restore(const Place& place, const fs::path& from, Clock& clock, Random& random,
                         MissingJournal missing_journal) {
  if (place.is_shared()) return fail(not_by_us());
  KW_CHECK_OK(check_digest_key(place, from));
  store::RestoreOptions options;
  options.accept_missing_journal = missing_journal == MissingJournal::accept;
  auto done = store::restore(place.data_directory, from, options, clock, random);
  if (!done) return fail(explained(std::move(done).error(), place));
  Restored restored;
  restored.replaced = done->replaced;
  restored.keys_revoked = done->replayed.keys_revoked;
  restored.keys_disabled = done->replayed.keys_disabled;
  restored.records_deleted = done->replayed.records_deleted;
  for (const store::Subject& subject : done->replayed.to_review) {
    if (subject.is_key()) continue;
    restored.to_review.push_back(fmt::format("{} {}", store::name_of(subject.record_type()),
                                             subject.record_id().to_string()));
  }
  return restored;
}

}  // namespace keywright::server
