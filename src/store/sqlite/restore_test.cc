#include "store/sqlite/restore.h"

#include <fstream>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "store/conformance/conformance.h"
#include "store/sqlite/open_store_test.h"

namespace keywright::store {
namespace {

namespace fs = std::filesystem;
using domain::Key;
using domain::KeyState;

class RestoreTest : public testing::Test {
 protected:
  void commit(const Transaction& transaction) {
    auto results = open_->commit({&transaction, 1});
    ASSERT_TRUE(results[0].has_value()) << results[0].error().internal();
  }
  Key create(std::int64_t serial) {
    Transaction transaction;
    transaction.keys.push_back(samples_.key(serial));
    transaction.events.push_back(samples_.event("key.create"));
    commit(transaction);
    return transaction.keys[0];
  }
  void change(Key key, KeyState state, bool removes_access = true) {
    key.state = state;
    key.state_reason = state == KeyState::active ? "" : "leaked";
    if (state == KeyState::revoked) key.revoked_at = open_.clock.now();
    Transaction transaction;
    transaction.removes_access = removes_access;
    transaction.keys.push_back(std::move(key));
    commit(transaction);
  }
  void write(const Record& record, bool deleted, bool removes_access) {
    Transaction transaction;
    transaction.removes_access = removes_access;
    transaction.records.push_back({.record = record, .deleted = deleted});
    commit(transaction);
  }
  fs::path backup(const char* name) {
    const fs::path path = elsewhere_.path() / name;
    auto done = open_->backup(path.string(), nullptr);
    EXPECT_TRUE(done.has_value()) << done.error().internal();
    return path;
  }
  Result<RestoreReport> restore_from(const fs::path& backup, RestoreOptions options = {}) {
    open_.store.reset();
    return restore(directory_.path(), backup, options, open_.clock, open_.random);
  }
  Key stored(const Key& key) { return **open_->get_key(key.id); }

  TestDirectory directory_;
  TestDirectory elsewhere_;
  OpenStore open_{directory_.path()};
  Samples samples_{open_.clock};
};

TEST_F(RestoreTest, KeysRevokedAfterTheBackupStayDead) {
  std::vector<Key> keys;
  for (std::int64_t serial = 1; serial <= 200; ++serial) keys.push_back(create(serial));
  const fs::path monday = backup("monday.db");
  open_.clock.advance(std::chrono::hours(5));
  for (int i = 0; i < 100; ++i) change(keys[static_cast<std::size_t>(i)], KeyState::revoked);
  const Time revoked_at = open_.clock.now();
  const Key made_later = create(201);
  open_.clock.advance(std::chrono::hours(5));

  auto report = restore_from(monday);
  ASSERT_TRUE(report.has_value()) << report.error().detail();
  EXPECT_EQ(report->replayed.entries, 100u);
  EXPECT_EQ(report->replayed.keys_revoked, 100u);
  EXPECT_TRUE(report->audit.intact);
  EXPECT_EQ(report->audit.events, 200u);
  EXPECT_EQ(report->position, 301u);

  open_.open();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Key key = stored(keys[i]);
    ASSERT_EQ(key.state, i < 100 ? KeyState::revoked : KeyState::active) << i;
    if (i < 100) {
      EXPECT_EQ(key.state_reason, "leaked");
      EXPECT_EQ(key.revoked_at, revoked_at);
    }
  }
  EXPECT_EQ(*open_->get_key(made_later.id), std::nullopt);
  EXPECT_TRUE(open_->verify_audit()->intact);
  AuditFilter of_key;
  of_key.key_id = keys[7].id.to_string();
  const auto events = open_->list_audit(of_key, {})->items;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action, "key.revoke");
  EXPECT_EQ(events[0].actor.type, "system");
  EXPECT_TRUE(fs::exists(report->replaced));
}

TEST_F(RestoreTest, OlderAndNewerBackupsCanBeRestoredInAnyOrder) {
  const Key a = create(1), b = create(2), c = create(3);
  const fs::path first = backup("first.db");
  change(a, KeyState::revoked);
  const fs::path second = backup("second.db");
  change(b, KeyState::revoked);
  ASSERT_TRUE(restore_from(first).has_value());
  open_.open();
  EXPECT_EQ(open_->position(), 6u);  // above everything that ever was
  change(c, KeyState::revoked);
  const fs::path third = backup("third.db");
  for (const fs::path& any : {second, first, third, second}) {
    open_.clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(restore_from(any).has_value());
    open_.open();
    for (const Key& key : {a, b, c}) EXPECT_EQ(stored(key).state, KeyState::revoked);
  }
}

TEST_F(RestoreTest, ABackupPutInPlaceByHandIsBroughtUpAtTheNextStart) {
  const Key key = create(1);
  const fs::path monday = backup("monday.db");
  change(key, KeyState::revoked);
  open_.store.reset();
  fs::copy_file(monday, directory_.path() / "keywright.db", fs::copy_options::overwrite_existing);
  open_.open();
  EXPECT_EQ(open_->replayed().keys_revoked, 1u);
  EXPECT_EQ(stored(key).state, KeyState::revoked);
  open_.reopen();
  EXPECT_EQ(open_->replayed().entries, 0u);
}

TEST_F(RestoreTest, WhatWasNarrowedComesBackDisabled) {
  const Key narrowed = create(1), disabled = create(2), enabled_again = create(3), both = create(4);
  const fs::path monday = backup("monday.db");
  change(narrowed, KeyState::active);
  change(disabled, KeyState::disabled);
  change(enabled_again, KeyState::disabled);
  change(enabled_again, KeyState::active, false);
  change(both, KeyState::disabled);
  change(both, KeyState::revoked);
  auto report = restore_from(monday);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->replayed.keys_disabled, 3u);
  EXPECT_EQ(report->replayed.keys_revoked, 1u);
  open_.open();
  EXPECT_EQ(stored(narrowed).state, KeyState::disabled);
  EXPECT_EQ(stored(disabled).state, KeyState::disabled);
  EXPECT_EQ(stored(disabled).state_reason, "leaked");
  EXPECT_EQ(stored(enabled_again).state, KeyState::disabled);  // safe; a person enables it again
  EXPECT_EQ(stored(both).state, KeyState::revoked);
}

TEST_F(RestoreTest, DeletedRecordsStayDeletedAndNarrowedOnesAreNamed) {
  const Record deleted = samples_.record(RecordType::keyspace, "{}");
  const Record narrowed = samples_.record(RecordType::membership, R"({"role":"owner"})");
  const Record first_one_then_other = samples_.record(RecordType::registry, "{}");
  for (const Record& record : {deleted, narrowed, first_one_then_other})
    write(record, false, false);
  const fs::path monday = backup("monday.db");
  write(deleted, true, true);
  write(narrowed, false, true);
  write(first_one_then_other, false, true);
  write(first_one_then_other, true, true);
  write(samples_.record(RecordType::session, "{}"), true, true);
  auto report = restore_from(monday);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->replayed.records_deleted, 2u);
  ASSERT_EQ(report->replayed.to_review.size(), 1u);
  EXPECT_EQ(report->replayed.to_review[0].record_type(), RecordType::membership);
  EXPECT_EQ(report->replayed.to_review[0].record_id(), narrowed.id);
  open_.open();
  Loaded loaded;
  ASSERT_TRUE(open_->load(loaded).has_value());
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(text_of(loaded.records[0]), text_of(narrowed));
}

TEST_F(RestoreTest, WithoutAJournalTheRestoreIsRefusedUnlessAccepted) {
  const Key key = create(1);
  const fs::path monday = backup("monday.db");
  change(key, KeyState::revoked);
  open_.store.reset();
  fs::remove(directory_.path() / "revocations.journal");
  auto refused = restore_from(monday);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason(), "journal_missing");
  open_.open();  // the old store is as it was
  EXPECT_EQ(stored(key).state, KeyState::revoked);
  open_.store.reset();
  fs::remove(directory_.path() / "revocations.journal");
  ASSERT_TRUE(restore_from(monday, {.accept_missing_journal = true}).has_value());
  open_.open();
  EXPECT_EQ(stored(key).state, KeyState::active);
}

TEST_F(RestoreTest, AMissingJournalIsWrittenAnewFromTheChangeLog) {
  const Key a = create(1), b = create(2);
  const fs::path monday = backup("monday.db");
  change(a, KeyState::revoked);
  open_.store.reset();
  fs::remove(directory_.path() / "revocations.journal");
  open_.open();
  change(b, KeyState::revoked);
  ASSERT_TRUE(restore_from(monday).has_value());
  open_.open();
  EXPECT_EQ(stored(a).state, KeyState::revoked);
  EXPECT_EQ(stored(b).state, KeyState::revoked);
}

TEST_F(RestoreTest, OntoANewMachine) {
  const Key key = create(1);
  const fs::path monday = backup("monday.db");
  change(key, KeyState::revoked);
  open_.store.reset();
  TestDirectory machine;
  const fs::path data = machine.path() / "data";
  fs::create_directory(data);
  fs::copy_file(directory_.path() / "revocations.journal", data / "revocations.journal");
  auto report = restore(data, monday, {}, open_.clock, open_.random);
  ASSERT_TRUE(report.has_value()) << report.error().detail();
  EXPECT_EQ(report->replayed.keys_revoked, 1u);
  EXPECT_TRUE(report->replaced.empty());
}

TEST_F(RestoreTest, WhatDoesNotFitIsRefusedAndChangesNothing) {
  const Key key = create(1);
  const fs::path good = backup("good.db");
  auto refusal = [&](const fs::path& backup) {
    auto report = restore_from(backup);
    open_.open();
    EXPECT_EQ(stored(key).id, key.id);
    EXPECT_FALSE(fs::exists(directory_.path() / "keywright.db.restoring"));
    return report ? std::string("accepted") : report.error().reason();
  };
  EXPECT_EQ(refusal(elsewhere_.path() / "absent.db"), "file_not_found");

  const fs::path torn = elsewhere_.path() / "torn.db";
  fs::copy_file(good, torn);
  fs::resize_file(torn, fs::file_size(torn) / 2);
  EXPECT_EQ(refusal(torn), "backup_damaged");

  const fs::path text = elsewhere_.path() / "text.db";
  std::ofstream(text) << "not a database, but long enough to be looked at: "
                      << std::string(5000, 'x');
  EXPECT_EQ(refusal(text), "backup_damaged");

  const fs::path foreign = elsewhere_.path() / "foreign.db";
  {
    TestDirectory other_directory;
    SystemRandom random;
    auto other = SqliteStore::open(other_directory.path(), OpenStore::small(), open_.clock, random);
    ASSERT_TRUE((*other)->backup(foreign.string(), nullptr).has_value());
  }
  EXPECT_EQ(refusal(foreign), "journal_of_another_store");

  std::ofstream(elsewhere_.path() / "good.db-wal") << "x";
  EXPECT_EQ(refusal(good), "backup_in_use");
}

TEST_F(RestoreTest, ARunningServerIsNotRestoredOver) {
  const fs::path monday = backup("monday.db");
  auto report = restore(directory_.path(), monday, {}, open_.clock, open_.random);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().reason(), "store_in_use");
}

TEST_F(RestoreTest, ABackupIsOneMomentWhileTheWriterGoesOn) {
  std::vector<Transaction> many(6000);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i].keys.push_back(samples_.key(static_cast<std::int64_t>(100 + i)));
  }
  for (const auto& result : open_->commit(many)) ASSERT_TRUE(result.has_value());

  const fs::path path = elsewhere_.path() / "busy.db";
  int steps = 0;
  auto done = open_->backup(path.string(), [&](int pages, int total) {
    EXPECT_LE(pages, total);
    create(10'000 + ++steps);
  });
  ASSERT_TRUE(done.has_value()) << done.error().internal();
  EXPECT_GE(steps, 2);
  auto reader = Reader::open(path.string(), "");
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(*(*reader)->position(), 6000u);
  EXPECT_EQ(damage_of(path), "");
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  reader->reset();
  for (const auto& file : fs::directory_iterator(elsewhere_.path())) {
    EXPECT_EQ(file.path().filename(), "busy.db");
  }
}

TEST_F(RestoreTest, ABackupReplacesNothing) {
  const fs::path path = backup("monday.db");
  auto again = open_->backup(path.string(), nullptr);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().reason(), "file_exists");
  auto nowhere = open_->backup((elsewhere_.path() / "no" / "where.db").string(), nullptr);
  EXPECT_FALSE(nowhere.has_value());
}

}  // namespace
}  // namespace keywright::store
