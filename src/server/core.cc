#include "server/core.h"

#include <fmt/format.h>

#include "api/admission/open_exchanges.h"
#include "base/file.h"
#include "base/log.h"
#include "store/sqlite/sqlite_store.h"

namespace keywright::server {

namespace {

bool file_exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<void> check_place(const Place& place, Missing missing) {
  const store::StorePaths paths(place.data_directory);
  if (missing == Missing::refuse && !file_exists(paths.database)) {
    return fail(Code::not_found, "not_an_installation",
                fmt::format("There is no installation in {}: {} is missing. Name its directory "
                            "with --data.",
                            place.data_directory.native(), paths.database.native()));
  }
  if (missing == Missing::refuse) return {};
  return make_private_directories(place.data_directory);
}

Error explained(Error error, const Place& place) {
  if (error.reason() != "store_in_use") return error;
  return Error(Code::conflict, "data_in_use",
               fmt::format("Another keywright is using {}. Stop it first, or name another "
                           "directory with --data.",
                           place.data_directory.native()));
}

Error key_missing(const std::filesystem::path& path) {
  return Error(Code::not_found, "digest_key_missing",
               fmt::format("The digest key {} is missing, and without it no key of this store can "
                           "be checked. Put the file back from its backup, or name its place with "
                           "--digest-key-file.",
                           path.native()));
}

Error wrong_key(const std::filesystem::path& path) {
  return Error(Code::conflict, "wrong_digest_key",
               fmt::format("The digest key {} is not the one that this store was made with. Use "
                           "the file that belongs to the store (--digest-key-file).",
                           path.native()));
}

// The key of this store; a store that has none yet gets the one in the file, or a new one.
Result<crypto::Keyring> open_keyring(store::Store& store, const std::filesystem::path& path,
                                     const Clock& clock, Random& random) {
  KW_TRY(const std::optional<std::string> check, store.setting(kKeyCheckSetting));
  if (!file_exists(path)) {
    if (check) return fail(key_missing(path));
    KW_TRY(crypto::Keyring made, crypto::Keyring::create_file(path, clock, random));
    KW_CHECK_OK(store.set_setting(kKeyCheckSetting, made.check_value()));
    return made;
  }
  KW_TRY(crypto::Keyring keyring, crypto::Keyring::load_file(path));
  if (check && keyring.find_by_check_value(*check) == nullptr) return fail(wrong_key(path));
  if (check != keyring.check_value()) {
    KW_CHECK_OK(store.set_setting(kKeyCheckSetting, keyring.check_value()));
  }
  return keyring;
}

void tell_of_replay(const store::ReplayReport& report) {
  for (const store::Subject& subject : report.to_review) {
    if (subject.is_key()) continue;
    log_warning("review_after_restore", {{"type", store::name_of(subject.record_type())},
                                         {"id", subject.record_id().to_string()}});
  }
}

}  // namespace

Core::Core(Clock& the_clock, Random& the_random, std::unique_ptr<store::Store> the_store,
           crypto::Keyring the_keyring, std::unique_ptr<app::UsageFile> usage_file,
           app::Settings the_settings)
    : clock(the_clock),
      random(the_random),
      store(std::move(the_store)),
      keyring(std::move(the_keyring)),
      settings(std::move(the_settings)),
      ids(clock, random),
      directory(keyring, std::move(usage_file), clock.now()),
      barrier(&admission::look_at_open_exchanges),
      committer({directory, *store, random, ids, settings}, clock, barrier) {}

Core::~Core() { committer.stop(); }

Result<std::unique_ptr<Core>> Core::open(const Place& place, Missing missing, Clock& clock,
                                         Random& random, app::Settings settings) {
  KW_CHECK_OK(check_place(place, missing));
  auto opened = store::SqliteStore::open(place.data_directory, {}, clock, random);
  if (!opened) return fail(explained(std::move(opened).error(), place));
  tell_of_replay((*opened)->replayed());
  KW_TRY(crypto::Keyring keyring, open_keyring(**opened, place.key_file(), clock, random));
  KW_TRY(auto usage_file, app::UsageFile::open(place.data_directory / "usage.map"));
  std::unique_ptr<Core> core(new Core(clock, random, std::move(*opened), std::move(keyring),
                                      std::move(usage_file), std::move(settings)));
  KW_CHECK_OK(core->directory.load(*core->store));
  return core;
}

}  // namespace keywright::server
