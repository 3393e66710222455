// server/core.h - an installation that is open for writing, with its records in memory.
//
//   KW_TRY(auto core, Core::open({"/var/lib/keywright", key_file}, clock, random));
//   core->committer.run(change);          // as app/committer.h
//
// Opening locks the directory, finds the digest key (or makes it, for a new store), checks that the
// store was made with this key, and loads every record. On a store that nodes share the directory
// holds what is this node's own; several may have one directory. `keywright serve` puts HTTP on
// top of it; set-up and the repairs of server/admin.h use it alone.
//
// Errors: for operators, naming directory or file and what to do: conflict/data_in_use,
// conflict/wrong_digest_key, conflict/migration_in_progress, not_found/digest_key_missing,
// not_found/not_an_installation, and those of the store and of crypto/keyring.h. Threading: open
// and destroy on one thread that is no io thread. Lifetime: clock and random outlive the core.
// Cost: loading is about a second for a million keys.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/barrier.h"
#include "app/committer.h"
#include "app/directory.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "cluster/cluster.h"
#include "crypto/keyring.h"
#include "store/sqlite/files.h"
#include "store/store.h"

namespace keywright::server {

struct Place {
  std::filesystem::path data_directory;
  std::filesystem::path digest_key_file = {};  // "" = digest.key in data_directory
  Secret<std::string> store_url = {};          // "" = SQLite in data_directory

  bool is_shared() const { return !store_url.empty(); }

  std::filesystem::path key_file() const {
    return digest_key_file.empty() ? data_directory / "digest.key" : digest_key_file;
  }
};

// The store's setting that says which digest key it was made with (crypto/keyring.h).
inline constexpr std::string_view kKeyCheckSetting = "digest_key_check";
// What it says while `keywright migrate` fills the store. No digest key has this check value.
inline constexpr std::string_view kNotWhole = "moving";

enum class Missing : unsigned char { create, refuse };

// What a program that answers checks says of itself to the other nodes of a shared store.
struct Serving {
  std::chrono::milliseconds max_staleness{5'000};
  std::string name;
};

class Core {
 public:
  // `missing`: whether a directory without a store becomes a new installation.
  static Result<std::unique_ptr<Core>> open(const Place& place, Missing missing, Clock& clock,
                                            Random& random, app::Settings settings = {},
                                            const std::optional<Serving>& serving = {});
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Clock& clock;
  Random& random;
  // What is this process's own: the data directory, or a folder in it where nodes of a shared store
  // have one data directory.
  const std::filesystem::path directory_path;
  const std::unique_ptr<store::Store> store;
  const crypto::Keyring keyring;
  app::Settings settings;  // may be changed until io threads are started
  UuidGenerator ids;
  app::Directory directory;
  app::Barrier barrier;  // io threads that pass look again at what is open
  const std::unique_ptr<cluster::Cluster> cluster;  // null: this is the only node
  app::Committer committer;

 private:
  Core(Clock& clock, Random& random, std::filesystem::path directory_path,
       std::unique_ptr<store::Store> store, crypto::Keyring keyring,
       std::unique_ptr<app::UsageFile> usage_file, app::Settings settings,
       const std::optional<Serving>& serving);

  static Result<std::unique_ptr<Core>> open_shared(const Place& place, Missing missing,
                                                   Clock& clock, Random& random,
                                                   app::Settings settings,
                                                   const std::optional<Serving>& serving);
  std::unique_ptr<cluster::Cluster> make_cluster(const std::optional<Serving>& serving);
  void revoke_again(const std::vector<domain::KeyId>& keys);
  store::Transaction with_events_of_lost(store::Transaction lost);

  store::File lock_;  // of directory_path, where the store does not hold it
};

}  // namespace keywright::server
