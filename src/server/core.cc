#include "server/core.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "api/admission/open_exchanges.h"
#include "base/file.h"
#include "base/log.h"
#include "domain/audit/system_event.h"
#include "domain/keys/kinds.h"
#include "domain/keys/lifecycle.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"

namespace keywright::server {

namespace {

using store::postgres::PostgresStore;

bool file_exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<void> check_place(const Place& place, Missing missing) {
  if (place.is_shared()) return make_private_directories(place.data_directory);
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

Error data_in_use(const Place& place) {
  return Error(Code::conflict, "data_in_use",
               fmt::format("Another keywright is using {}. Stop it first, or name another "
                           "directory with --data.",
                           place.data_directory.native()));
}

Error explained(Error error, const Place& place) {
  return error.reason() == "store_in_use" ? data_in_use(place) : error;
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

// Makes the key of a store that has none yet. Where several nodes begin at once, the first one's.
Result<crypto::Keyring> create_keyring(store::Store& store, const std::filesystem::path& path,
                                       const Clock& clock, Random& random) {
  KW_TRY(crypto::Keyring made, crypto::Keyring::create_file(path, clock, random));
  auto* shared = dynamic_cast<PostgresStore*>(&store);
  if (shared == nullptr) {
    KW_CHECK_OK(store.set_setting(kKeyCheckSetting, made.check_value()));
    return made;
  }
  KW_TRY(const std::string stands, shared->set_first(kKeyCheckSetting, made.check_value()));
  if (stands == made.check_value()) return made;
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return fail(key_missing(path));
}

// The key of this store; a store that has none yet gets the one in the file, or a new one.
Result<crypto::Keyring> open_keyring(store::Store& store, const std::filesystem::path& path,
                                     const Clock& clock, Random& random) {
  KW_TRY(const std::optional<std::string> check, store.setting(kKeyCheckSetting));
  if (!file_exists(path)) {
    if (check) return fail(key_missing(path));
    return create_keyring(store, path, clock, random);
  }
  KW_TRY(crypto::Keyring keyring, crypto::Keyring::load_file(path));
  if (check && keyring.find_by_check_value(*check) == nullptr) return fail(wrong_key(path));
  if (check != keyring.check_value()) {
    KW_CHECK_OK(store.set_setting(kKeyCheckSetting, keyring.check_value()));
  }
  return keyring;
}

// Kinds come with the program, prefixes with the store: together they may be unsafe though each was
// safe where it began.
Result<void> load_records(app::Directory& directory, store::Store& store) {
  KW_CHECK_OK(directory.load(store));
  std::vector<std::string> prefixes;
  directory.table<domain::Keyspace>().for_each(
      [&](const domain::Keyspace& keyspace) { prefixes.push_back(keyspace.prefix); });
  return domain::check_kinds(directory.kinds(), prefixes);
}

// A directory that no other node has, and its lock: the one named, or the next below its `nodes`.
Result<store::File> take_directory(const Place& place, std::filesystem::path& directory) {
  constexpr int kNodesMax = 100;
  for (int number = 1; number <= kNodesMax; ++number) {
    if (number > 1) directory = place.data_directory / "nodes" / std::to_string(number);
    KW_CHECK_OK(make_private_directories(directory));
    KW_TRY(store::File lock,
           store::File::open(store::StorePaths(directory).lock, O_RDWR | O_CREAT));
    KW_TRY(const bool locked, lock.lock());
    if (locked) return lock;
  }
  return fail(data_in_use(place));
}

// What a person needs to mend it, but for what stands in the URL.
Error explained_shared(Error error, const Place& place) {
  const std::string where = store::postgres::shown_url(place.store_url.reveal());
  if (error.reason() == store::postgres::kStoreUnavailable || error.code() == Code::internal) {
    return Error(Code::unavailable, "store_unavailable",
                 fmt::format("The store {} cannot be used.", where))
        .with_internal(error.internal());
  }
  return error;
}

Error not_whole(const std::string& where) {
  return Error(Code::conflict, "migration_in_progress",
               fmt::format("`keywright migrate` is copying an installation into {}. Wait until it "
                           "has ended. If it was broken off, drop this database, make an empty one "
                           "and begin again; where the copy was made from is as it was.",
                           where));
}

void tell_of_replay(const store::ReplayReport& report) {
  for (const store::Subject& subject : report.to_review) {
    if (subject.is_key()) continue;
    log_warning("review_after_restore", {{"type", store::name_of(subject.record_type())},
                                         {"id", subject.record_id().to_string()}});
  }
}

}  // namespace

Core::Core(Clock& the_clock, Random& the_random, std::filesystem::path the_directory_path,
           std::unique_ptr<store::Store> the_store, crypto::Keyring the_keyring,
           std::unique_ptr<app::UsageFile> usage_file, app::Settings the_settings,
           const std::optional<Serving>& serving)
    : clock(the_clock),
      random(the_random),
      directory_path(std::move(the_directory_path)),
      store(std::move(the_store)),
      keyring(std::move(the_keyring)),
      settings(std::move(the_settings)),
      ids(clock, random),
      directory(keyring, std::move(usage_file), clock.now()),
      barrier(&admission::look_at_open_exchanges),
      cluster(make_cluster(serving)),
      committer({directory, *store, random, ids, settings}, clock, barrier, cluster.get()) {}

Core::~Core() {
  committer.stop();
  if (cluster != nullptr) cluster->stop();
}

std::unique_ptr<cluster::Cluster> Core::make_cluster(const std::optional<Serving>& serving) {
  auto* shared = dynamic_cast<PostgresStore*>(store.get());
  if (shared == nullptr) return nullptr;
  cluster::ClusterOptions options;
  options.version = settings.version;
  if (serving) {
    options.max_staleness = serving->max_staleness;
    options.name = serving->name;
    options.id_file = directory_path / "node";
    options.removal_file = directory_path / "last-removal";
  }
  auto made = std::make_unique<cluster::Cluster>(*shared, directory, barrier, clock, ids,
                                                 std::move(options));
  made->on_revived([this](const std::vector<domain::KeyId>& keys) { revoke_again(keys); });
  made->on_lost([this] { committer.post([](app::Change&) { return Result<void>(); }); },
                [this](store::Transaction lost) { return with_events_of_lost(std::move(lost)); });
  if (serving) {
    directory.set_fresh([&freshness = made->freshness()] { return freshness.is_fresh(); });
  }
  return made;
}

// The store was put back to a time before they were revoked, and this node remembers.
void Core::revoke_again(const std::vector<domain::KeyId>& keys) {
  for (const domain::KeyId& id : keys) {
    committer.post([id](app::Change& change) -> Result<void> {
      KW_TRY(domain::Key key, change.whole_key(id));
      if (!domain::revoke(key, "revoked_before_restore", change.now)) return {};
      change.audit(domain::system_event("keys.revoke", key.organization_id,
                                        {"key", id.to_string(), key.name},
                                        "revoked_before_restore"));
      change.removes_access();
      change.put_key(std::move(key));
      return {};
    });
  }
}

// The same for everything that took access away in the last day.
store::Transaction Core::with_events_of_lost(store::Transaction lost) {
  const auto audit = [&](std::string type, std::string id, domain::OrganizationId organization,
                         std::string name) {
    auto event = domain::system_event("store.removal_restored", organization,
                                      {std::move(type), std::move(id), std::move(name)},
                                      "lost_in_fail_over");
    event.id = ids.next();
    event.time = clock.now();
    event.outcome = "success";
    lost.events.push_back(std::move(event));
  };
  for (const store::RecordWrite& write : lost.records) {
    const store::Record& record = write.record;
    audit(std::string(store::name_of(record.type)), record.id.to_string(),
          domain::OrganizationId{record.organization}, "");
  }
  for (const domain::Key& key : lost.keys) {
    audit("key", key.id.to_string(), key.organization_id, key.name);
  }
  lost.removes_access = true;
  return lost;
}

Result<std::unique_ptr<Core>> Core::open_shared(const Place& place, Missing missing, Clock& clock,
                                                Random& random, app::Settings settings,
                                                const std::optional<Serving>& serving) {
  std::filesystem::path directory = place.data_directory;
  store::File lock;  // a repair may be made beside a node that serves
  if (serving) {
    KW_TRY(lock, take_directory(place, directory));
  }
  auto opened = PostgresStore::open(place.store_url, {}, clock, random);
  if (!opened) return fail(explained_shared(std::move(opened).error(), place));
  KW_TRY(const auto check, (*opened)->setting(kKeyCheckSetting));
  if (check == kNotWhole)
    return fail(not_whole(store::postgres::shown_url(place.store_url.reveal())));
  if (!check && missing == Missing::refuse) {
    return fail(Code::not_found, "not_an_installation",
                fmt::format("There is no installation in {}. Run `keywright setup` on it first.",
                            store::postgres::shown_url(place.store_url.reveal())));
  }
  KW_TRY(crypto::Keyring keyring, open_keyring(**opened, place.key_file(), clock, random));
  KW_TRY(auto usage_file, app::UsageFile::open(directory / "usage.map"));
  std::unique_ptr<Core> core(new Core(clock, random, std::move(directory), std::move(*opened),
                                      std::move(keyring), std::move(usage_file),
                                      std::move(settings), serving));
  core->lock_ = std::move(lock);
  if (serving) KW_CHECK_OK(core->cluster->join());  // before the load: nothing is missed between
  KW_CHECK_OK(load_records(core->directory, *core->store));
  KW_CHECK_OK(core->cluster->loaded());
  return core;
}

Result<std::unique_ptr<Core>> Core::open(const Place& place, Missing missing, Clock& clock,
                                         Random& random, app::Settings settings,
                                         const std::optional<Serving>& serving) {
  KW_CHECK_OK(check_place(place, missing));
  if (place.is_shared()) {
    return open_shared(place, missing, clock, random, std::move(settings), serving);
  }
  auto opened = store::SqliteStore::open(place.data_directory, {}, clock, random);
  if (!opened) return fail(explained(std::move(opened).error(), place));
  tell_of_replay((*opened)->replayed());
  KW_TRY(crypto::Keyring keyring, open_keyring(**opened, place.key_file(), clock, random));
  KW_TRY(auto usage_file, app::UsageFile::open(place.data_directory / "usage.map"));
  std::unique_ptr<Core> core(new Core(clock, random, place.data_directory, std::move(*opened),
                                      std::move(keyring), std::move(usage_file),
                                      std::move(settings), {}));
  KW_CHECK_OK(load_records(core->directory, *core->store));
  return core;
}

}  // namespace keywright::server
