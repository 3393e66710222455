// What a failing disk, a full one and a cut power supply leave of what was acknowledged.
#include <fstream>

#include <gtest/gtest.h>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/conformance/conformance.h"
#include "store/sqlite/fault_disk.h"
#include "store/sqlite/open_store_test.h"

namespace keywright::store {
namespace {

Transaction creation(Samples& samples, std::int64_t serial) {
  Transaction transaction;
  transaction.keys.push_back(samples.key(serial));
  transaction.events.push_back(samples.event("key.create"));
  return transaction;
}

Transaction revocation(Samples& samples, domain::Key key, Time now) {
  Transaction transaction;
  key.state = domain::KeyState::revoked;
  key.state_reason = "leaked";
  key.revoked_at = now;
  transaction.events.push_back(samples.event("key.revoke"));
  transaction.keys.push_back(std::move(key));
  transaction.removes_access = true;
  return transaction;
}

Result<Position> commit_one(Store& store, const Transaction& transaction) {
  return store.commit({&transaction, 1}).front();
}

// Each key's serial is the position of its creation: what was acknowledged is 1 to `position`.
void expect_whole_up_to(Store& store, Position acknowledged) {
  Loaded loaded;
  ASSERT_TRUE(store.load(loaded).has_value());
  EXPECT_GE(loaded.keys.size(), acknowledged);
  EXPECT_EQ(store.position(), loaded.keys.size());
  for (std::size_t i = 0; i < loaded.keys.size(); ++i) {
    ASSERT_EQ(loaded.keys[i].serial, static_cast<std::int64_t>(i + 1));
  }
  const auto audit = store.verify_audit();
  EXPECT_TRUE(audit->intact) << audit->problem;
  EXPECT_EQ(audit->events, loaded.keys.size());
}

class StoreFaults : public testing::Test {
 protected:
  static SqliteOptions options(const FaultDisk& disk) {
    return {.readers = 1, .ballast_bytes = 256 << 10, .vfs = disk.name()};
  }
};

// Commits while the Nth write or sync fails, for each N that the work reaches.
void sweep(void (FaultDisk::*fail)(int), const SqliteOptions& options, FaultDisk& disk) {
  int stopped = 0;
  for (int n = 1; n <= 60; ++n) {
    TestDirectory directory;
    OpenStore open(directory.path(), options);
    Samples samples(open.clock);
    Position acknowledged = 0;
    bool failed = false;
    (disk.*fail)(n);
    for (std::int64_t serial = 1; serial <= 20; ++serial) {
      auto result = commit_one(*open.store, creation(samples, serial));
      if (!result) {
        EXPECT_EQ(result.error().code(), Code::unavailable);
        failed = true;
      } else {
        EXPECT_FALSE(failed) << "a commit was acknowledged after a fault";
        acknowledged = *result;
      }
    }
    (disk.*fail)(0);
    stopped += failed;
    EXPECT_EQ(open->writable(), !failed);
    open.reopen();
    expect_whole_up_to(*open.store, acknowledged);
    EXPECT_TRUE(commit_one(*open.store, creation(samples, open->next_key_serial())).has_value());
  }
  EXPECT_GE(stopped, 20);
}

TEST_F(StoreFaults, AfterAFailedSyncNothingIsAcknowledgedUntilTheNextStart) {
  FaultDisk disk;
  sweep(&FaultDisk::fail_sync, options(disk), disk);
}

TEST_F(StoreFaults, AfterAFailedWriteNothingIsAcknowledgedUntilTheNextStart) {
  FaultDisk disk;
  sweep(&FaultDisk::fail_write, options(disk), disk);
}

TEST_F(StoreFaults, OnAFullDiskAccessCanStillBeTakenAway) {
  FaultDisk disk;
  TestDirectory directory;
  OpenStore open(directory.path(), options(disk));
  Samples samples(open.clock);
  std::vector<domain::Key> keys;
  disk.set_room(24 << 20, directory.path() / "ballast");
  for (std::int64_t serial = 1;; ++serial) {
    const Transaction transaction = creation(samples, serial);
    auto result = commit_one(*open.store, transaction);
    if (!result) {
      EXPECT_EQ(result.error().code(), Code::storage_full);
      break;
    }
    keys.push_back(transaction.keys[0]);
    ASSERT_LT(serial, 100'000);
  }
  ASSERT_GT(keys.size(), 200u);

  // In one group with others, in order, each with its own result.
  std::vector<Transaction> group;
  group.push_back(creation(samples, 100'001));
  group.push_back(revocation(samples, keys[0], open.clock.now()));
  group.push_back(creation(samples, 100'002));
  group.push_back(revocation(samples, keys[1], open.clock.now()));
  auto results = open->commit(group);
  EXPECT_EQ(results[0].error().code(), Code::storage_full);
  EXPECT_EQ(results[2].error().code(), Code::storage_full);
  ASSERT_TRUE(results[1].has_value() && results[3].has_value());
  EXPECT_EQ(*results[3], *results[1] + 1);

  for (std::size_t i = 2; i < 102; ++i) {
    auto result = commit_one(*open.store, revocation(samples, keys[i], open.clock.now()));
    ASSERT_TRUE(result.has_value()) << i << " " << result.error().internal();
    // The room that was let go is for removals, even where something else would fit.
    ASSERT_FALSE(commit_one(*open.store, creation(samples, 100'003)).has_value());
  }
  EXPECT_EQ((*open->get_key(keys[50].id))->state, domain::KeyState::revoked);
  EXPECT_EQ(open->load(*std::make_unique<Loaded>()).has_value(), true);
  EXPECT_TRUE(open->verify_audit()->intact);
  EXPECT_EQ(Journal::read_all(directory.path() / "revocations.journal")->entries.size(), 102u);

  disk.set_room(-1);
  EXPECT_TRUE(open->writable());
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "ballast"));
  EXPECT_TRUE(commit_one(*open.store, creation(samples, 100'004)).has_value());
  open.reopen();
  EXPECT_EQ((*open->get_key(keys[101].id))->state, domain::KeyState::revoked);
  EXPECT_EQ((*open->get_key(keys[102].id))->state, domain::KeyState::active);
}

// A power cut at random places of the work, each place with several choices of what was lost.
TEST_F(StoreFaults, APowerCutLosesNothingThatWasAcknowledged) {
  FaultDisk disk;
  SeededRandom random(7);
  TestDirectory directory;
  OpenStore open(directory.path(), options(disk));
  Samples samples(open.clock);
  Position acknowledged = open->position();
  int checked = 0;
  disk.set_observer([&] {
    if (random_below(random, 80) != 0) return;
    TestDirectory cut;
    disk.cut_power(cut.path(), random);
    auto writer = Writer::open((cut.path() / "keywright.db").string(), "", open.clock, random);
    ASSERT_TRUE(writer.has_value()) << writer.error().internal();
    auto reader = Reader::open((cut.path() / "keywright.db").string(), "");
    ASSERT_TRUE(reader.has_value()) << reader.error().internal();
    Loaded loaded;
    ASSERT_TRUE((*reader)->load(loaded).has_value());
    EXPECT_GE((*writer)->position(), acknowledged);
    EXPECT_EQ(loaded.keys.size(), (*writer)->position());
    EXPECT_EQ(damage_of(cut.path() / "keywright.db"), "");
    EXPECT_TRUE((*reader)->verify_audit()->intact);
    ++checked;
  });
  // Enough for several checkpoints: groups as they come, small and large.
  for (std::int64_t serial = 1; serial <= 2000 && !HasFailure();) {
    std::vector<Transaction> group;
    const auto size = static_cast<std::int64_t>(1 + random_below(random, 60));
    for (std::int64_t end = serial + size; serial < end; ++serial) {
      group.push_back(creation(samples, serial));
    }
    const auto results = open->commit(group);
    ASSERT_TRUE(results.back().has_value());
    acknowledged = *results.back();
  }
  disk.set_observer(nullptr);
  EXPECT_GE(checked, 50) << "too few cuts to say anything";
}

// The child commits and says so; it is killed somewhere in between.
void commit_until_killed(const std::filesystem::path& directory, int say) {
  SystemClock clock;
  SystemRandom random;
  auto store = SqliteStore::open(directory, OpenStore::small(), clock, random);
  if (!store) ::_exit(1);
  Samples samples(clock);
  for (;;) {
    std::vector<Transaction> group;
    for (int i = 0; i < 5; ++i) {
      Transaction transaction = creation(samples, (*store)->next_key_serial());
      // Ids of a seeded source repeat in each round.
      transaction.keys[0].id = domain::KeyId::arbitrary(random);
      group.push_back(std::move(transaction));
    }
    const auto results = (*store)->commit(group);
    if (!results.back()) ::_exit(1);
    const Position position = *results.back();
    if (::write(say, &position, sizeof position) != sizeof position) ::_exit(1);
  }
}

TEST_F(StoreFaults, AKilledProcessLosesNothingThatWasAcknowledged) {
  constexpr int kRounds = 20;
  TestDirectory directory;
  SeededRandom random(11);
  Position acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(directory.path(), pipe[1]);
    ::close(pipe[1]);
    Position said = 0;
    for (std::uint64_t left = 1 + random_below(random, 12); left > 0; --left) {
      ASSERT_EQ(::read(pipe[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
    }
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &said, sizeof said) == static_cast<ssize_t>(sizeof said)) {
    }
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_GT(said, acknowledged);
    acknowledged = said;
    OpenStore open(directory.path());
    expect_whole_up_to(*open.store, acknowledged);
  }
}

// A file system of its own, of a few megabytes.
class SmallDisk {
 public:
  SmallDisk() : mounted_(mount("size=32m", 0)) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  // Every byte that is left.
  void fill() {
    std::ofstream filler(path() / "filler", std::ios::binary);
    while (filler << std::string(4096, 'x') << std::flush) {
    }
  }
  bool grow() { return mount("size=64m", MS_REMOUNT); }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  bool mount(const char* size, unsigned long flags) {
    return ::mount("tmpfs", directory_.path().c_str(), "tmpfs", flags, size) == 0;
  }

  TestDirectory directory_;
  bool mounted_;
};

// The same as the simulated full disk, on a real one; needs the right to mount.
TEST_F(StoreFaults, OnARealFullDiskAccessCanStillBeTakenAway) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "may not mount";
  OpenStore open(disk.path(), {.readers = 1, .ballast_bytes = 1 << 20, .vfs = ""});
  Samples samples(open.clock);
  std::vector<domain::Key> keys;
  for (std::int64_t serial = 1;; ++serial) {
    const Transaction transaction = creation(samples, serial);
    auto result = commit_one(*open.store, transaction);
    if (!result) {
      EXPECT_EQ(result.error().code(), Code::storage_full) << result.error().internal();
      break;
    }
    keys.push_back(transaction.keys[0]);
  }
  ASSERT_GT(keys.size(), 100u);
  EXPECT_FALSE(open->writable());
  for (std::size_t i = 0; i < 100; ++i) {
    auto result = commit_one(*open.store, revocation(samples, keys[i], open.clock.now()));
    ASSERT_TRUE(result.has_value()) << i << " " << result.error().internal();
  }
  EXPECT_FALSE(open->writable());
  EXPECT_EQ((*open->get_key(keys[99].id))->state, domain::KeyState::revoked);
  ASSERT_TRUE(disk.grow());
  EXPECT_TRUE(open->writable());
  EXPECT_TRUE(commit_one(*open.store, creation(samples, 1'000'000)).has_value());
}

TEST_F(StoreFaults, AStoreStartsOnAFullDiskAndTakesAccessAway) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "may not mount";
  OpenStore open(disk.path(), {.readers = 1, .ballast_bytes = 1 << 20, .vfs = ""});
  Samples samples(open.clock);
  const Transaction transaction = creation(samples, 1);
  ASSERT_TRUE(commit_one(*open.store, transaction).has_value());
  open.store.reset();
  disk.fill();
  open.open();
  EXPECT_EQ(commit_one(*open.store, creation(samples, 2)).error().code(), Code::storage_full);
  EXPECT_TRUE(commit_one(*open.store, revocation(samples, transaction.keys[0], open.clock.now()))
                  .has_value());
  EXPECT_FALSE(open->writable());
  std::filesystem::remove(disk.path() / "filler");
  EXPECT_TRUE(open->writable());
  EXPECT_TRUE(commit_one(*open.store, creation(samples, 2)).has_value());
}

}  // namespace
}  // namespace keywright::store
