#include "store/sqlite/journal.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "store/sqlite/open_store_test.h"

namespace keywright::store {
namespace {

class JournalTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kEntry = 128;

  Journal open() {
    auto journal = Journal::open(path_, store_id_);
    EXPECT_TRUE(journal.has_value()) << journal.error().detail();
    return std::move(*journal);
  }
  JournalContents read() {
    auto contents = Journal::read_all(path_);
    EXPECT_TRUE(contents.has_value());
    return std::move(*contents);
  }
  JournalEntry entry(Position position, std::string reason = "leaked") {
    JournalEntry entry;
    entry.position = position;
    entry.time = TestClock::kStart;
    entry.subject = Subject::of_key(domain::KeyId::arbitrary(random_), Change::revoked);
    entry.reason = std::move(reason);
    return entry;
  }
  void overwrite(std::uint64_t offset, std::string_view bytes) {
    auto file = File::open(path_, O_RDWR);
    ASSERT_TRUE(file->write_at(offset, view_bytes(bytes)).has_value());
  }

  TestDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "revocations.journal";
  SeededRandom random_{1};
  Uuid store_id_ = *Uuid::parse("019a0000-0000-7000-8000-000000000001");
};

TEST_F(JournalTest, EntriesComeBackInOrder) {
  const JournalEntry key = entry(1);
  JournalEntry record = entry(2, "");
  record.subject = Subject::of_record(RecordType::ticket, store_id_, Change::deleted);
  {
    Journal journal = open();
    ASSERT_TRUE(journal.append({&key, 1}).has_value());
    EXPECT_EQ(journal.last_position(), 1u);
  }
  Journal journal = open();
  EXPECT_EQ(journal.last_position(), 1u);
  ASSERT_TRUE(journal.append({&record, 1}).has_value());
  EXPECT_EQ(read().entries, (std::vector<JournalEntry>{key, record}));
  EXPECT_EQ(read().store_id, store_id_);
  EXPECT_EQ(read().damaged, 0u);
  EXPECT_EQ(read().entries[1].subject.record_type(), RecordType::ticket);
  EXPECT_EQ(read().entries[1].subject.record_id(), store_id_);
}

TEST_F(JournalTest, ALongReasonIsCutBetweenCharacters) {
  std::string reason(87, 'x');
  reason += "é and more";
  const JournalEntry long_one = entry(1, reason);
  const JournalEntry exact = entry(2, std::string(88, 'y'));
  ASSERT_TRUE(open().append(std::vector{long_one, exact}).has_value());
  EXPECT_EQ(read().entries[0].reason, std::string(87, 'x'));
  EXPECT_EQ(read().entries[1].reason, exact.reason);
}

TEST_F(JournalTest, ATornLastEntryIsOverwritten) {
  const std::vector entries{entry(1), entry(2), entry(3)};
  ASSERT_TRUE(open().append(entries).has_value());
  overwrite(3 * kEntry + 40, "torn");  // inside the third
  EXPECT_EQ(read().entries.size(), 2u);
  EXPECT_EQ(read().damaged, 0u);
  Journal journal = open();
  EXPECT_EQ(journal.last_position(), 2u);
  const JournalEntry again = entry(3);
  ASSERT_TRUE(journal.append({&again, 1}).has_value());
  EXPECT_EQ(read().entries, (std::vector{entries[0], entries[1], again}));
  EXPECT_EQ(read().damaged, 0u);
}

TEST_F(JournalTest, DamageInTheMiddleIsPassedOverAndCounted) {
  const std::vector entries{entry(1), entry(2), entry(3)};
  ASSERT_TRUE(open().append(entries).has_value());
  overwrite(2 * kEntry + 40, "!");
  EXPECT_EQ(read().entries, (std::vector{entries[0], entries[2]}));
  EXPECT_EQ(read().damaged, 1u);
}

TEST_F(JournalTest, AFlippedBitIsNoticed) {
  const JournalEntry one = entry(1);
  ASSERT_TRUE(open().append({&one, 1}).has_value());
  auto file = File::open(path_, O_RDWR);
  const std::string good = *file->read_at(kEntry, kEntry);
  for (std::size_t bit = 0; bit < kEntry * 8; bit += 7) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    overwrite(kEntry, bad);
    EXPECT_TRUE(read().entries.empty()) << bit;
  }
}

TEST_F(JournalTest, ManyEntriesGrowTheFileAheadOfThem) {
  Journal journal = open();
  Position position = 0;
  for (int i = 0; i < 20; ++i) {
    std::vector<JournalEntry> entries;
    for (int n = 0; n < 1000; ++n) entries.push_back(entry(++position));
    ASSERT_TRUE(journal.append(entries).has_value());
    const std::uint64_t used = (position + 1) * kEntry;
    EXPECT_GE(std::filesystem::file_size(path_), used + 4096 * kEntry);
  }
  const JournalContents contents = read();
  ASSERT_EQ(contents.entries.size(), 20'000u);
  EXPECT_EQ(contents.entries.back().position, 20'000u);
  EXPECT_EQ(open().last_position(), 20'000u);
}

TEST_F(JournalTest, AJournalOfAnotherStoreIsRefused) {
  open();
  auto other = Journal::open(path_, Uuid{});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().reason(), "journal_of_another_store");
}

TEST_F(JournalTest, SomeOtherFileIsRefusedAndKept) {
  {
    auto file = File::open(path_, O_RDWR | O_CREAT);
    ASSERT_TRUE(file->write_at(0, view_bytes("something else")).has_value());
  }
  EXPECT_EQ(Journal::open(path_, store_id_).error().reason(), "not_a_journal");
  EXPECT_EQ(std::filesystem::file_size(path_), 14u);
  EXPECT_EQ(Journal::read_all(path_).error().reason(), "not_a_journal");
}

TEST_F(JournalTest, ACrashBeforeTheHeaderLeavesANewJournal) {
  {
    auto file = File::open(path_, O_RDWR | O_CREAT);
    ASSERT_TRUE(file->allocate(0, 1 << 20).has_value());
  }
  EXPECT_EQ(open().last_position(), 0u);
  EXPECT_TRUE(read().entries.empty());
}

TEST_F(JournalTest, AMissingJournalIsNotFound) {
  EXPECT_EQ(Journal::read_all(path_).error().code(), Code::not_found);
}

}  // namespace
}  // namespace keywright::store
