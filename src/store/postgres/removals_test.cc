#include "store/postgres/removals.h"

#include <gtest/gtest.h>

#include "store/conformance/conformance.h"

namespace keywright::store::postgres {
namespace {

class RemovalsTest : public testing::Test {
 protected:
  LogPoint next() { return {++head_.position, samples_.id()}; }

  // A change of these, at the log's next place.
  LogPoint note(std::vector<RecordWrite> records, std::vector<domain::Key> keys,
                bool removes_access) {
    Transaction transaction;
    transaction.records = std::move(records);
    transaction.keys = std::move(keys);
    transaction.removes_access = removes_access;
    const LogPoint at = next();
    head_ = at;
    removals_.note(transaction, at, now_);
    return at;
  }

  // A log that ends here and holds these entries.
  static Removals::Standing log(Position head, std::vector<LogPoint> entries) {
    Removals::Standing standing;
    standing.head = head;
    standing.oldest = 1;
    for (const LogPoint& at : entries) standing.entries.emplace(at.position, at.entry);
    return standing;
  }

  TestClock clock_;
  Samples samples_{clock_};
  Removals removals_;
  LogPoint head_;
  Time now_ = from_unix_milliseconds(1'000'000'000'000);
};

TEST_F(RemovalsTest, WhatTheLogHoldsIsNotLost) {
  const LogPoint at = note({}, {samples_.key(1)}, true);
  EXPECT_TRUE(removals_.lost_from(log(5, {at})).keys.empty());
}

TEST_F(RemovalsTest, WhatLiesBehindTheHeadIsLost) {
  const LogPoint first = note({}, {samples_.key(1)}, true);
  note({}, {samples_.key(2)}, true);
  const Transaction lost = removals_.lost_from(log(1, {first}));
  ASSERT_EQ(lost.keys.size(), 1u);
  EXPECT_EQ(lost.keys[0].serial, 2);
  EXPECT_TRUE(lost.removes_access);
}

TEST_F(RemovalsTest, AnotherEntryAtTheSamePlaceMeansLost) {
  const LogPoint at = note({}, {samples_.key(1)}, true);
  EXPECT_EQ(removals_.lost_from(log(9, {{at.position, samples_.id()}})).keys.size(), 1u);
}

TEST_F(RemovalsTest, WhatWasTrimmedIsNotLost) {
  note({}, {samples_.key(1)}, true);
  Removals::Standing standing = log(900, {});
  standing.oldest = 800;
  EXPECT_TRUE(removals_.lost_from(standing).keys.empty());
}

TEST_F(RemovalsTest, WhatTookNothingAwayIsNotRemembered) {
  note({{.record = samples_.record(RecordType::project, "{}")}}, {samples_.key(1)}, false);
  EXPECT_TRUE(removals_.positions().empty());
}

TEST_F(RemovalsTest, ALaterChangeOfTheSameComesWithTheRemoval) {
  RecordWrite write{.record = samples_.record(RecordType::membership, "{\"active\":false}")};
  note({write}, {}, true);
  write.record.body = "{\"active\":false,\"name\":\"later\"}";
  note({write}, {}, false);
  const Transaction lost = removals_.lost_from(log(0, {}));
  ASSERT_EQ(lost.records.size(), 1u);
  EXPECT_EQ(lost.records[0].record.body, write.record.body);
}

TEST_F(RemovalsTest, ALostChangeThatTookNothingAwayIsLeftAlone) {
  const RecordWrite write{.record = samples_.record(RecordType::membership, "{}")};
  const LogPoint removal = note({write}, {}, true);
  note({write}, {}, false);
  EXPECT_TRUE(removals_.lost_from(log(1, {removal})).records.empty());
}

TEST_F(RemovalsTest, WhatAFollowerReadsIsRememberedLikewise) {
  const RecordWrite gone{.record = samples_.record(RecordType::session, ""), .deleted = true};
  const RecordWrite put{.record = samples_.record(RecordType::project, "{}")};
  Missing missing;
  missing.head = {7, samples_.id()};
  missing.changes.records = {gone, put};
  missing.changes.keys = {samples_.key(1)};
  missing.removed_records.emplace(std::pair(gone.record.type, gone.record.id),
                                  LogPoint{6, samples_.id()});
  missing.removed_keys.emplace(missing.changes.keys[0].id, LogPoint{5, samples_.id()});
  removals_.note(missing, now_);
  EXPECT_EQ(removals_.positions(), (std::vector<std::int64_t>{5, 6}));
  const Transaction lost = removals_.lost_from(log(4, {}));
  ASSERT_EQ(lost.records.size(), 1u);
  EXPECT_TRUE(lost.records[0].deleted);
  EXPECT_EQ(lost.keys.size(), 1u);
}

TEST_F(RemovalsTest, WhatIsLostStaysNotedWhateverALoadHasRead) {
  const domain::Key key = samples_.key(1);
  note({}, {key}, true);
  note({}, {key}, true);
  const Transaction lost = removals_.lost_from(log(1, {}));
  ASSERT_EQ(lost.keys.size(), 1u);
  Missing loaded;
  loaded.changes.keys = {key, samples_.key(2)};
  loaded.removed_keys.emplace(key.id, LogPoint{1, samples_.id()});
  loaded.removed_keys.emplace(loaded.changes.keys[1].id, LogPoint{1, samples_.id()});
  removals_.note_loaded(loaded, lost, now_);
  EXPECT_EQ(removals_.positions(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(removals_.lost_from(log(1, {})).keys.size(), 2u);
}

TEST_F(RemovalsTest, TheLastOneIsThatOfTheNewestNews) {
  EXPECT_EQ(removals_.last(), std::nullopt);
  const LogPoint first = note({}, {samples_.key(1)}, true);
  note({}, {samples_.key(2)}, false);
  EXPECT_EQ(removals_.last(), first);
  Missing missing;
  missing.changes.keys = {samples_.key(3), samples_.key(4)};
  const LogPoint later{9, samples_.id()};
  missing.removed_keys.emplace(missing.changes.keys[0].id, later);
  missing.removed_keys.emplace(missing.changes.keys[1].id, LogPoint{8, samples_.id()});
  removals_.note(missing, now_);
  EXPECT_EQ(removals_.last(), later);
  const LogPoint other_log{4, samples_.id()};
  removals_.begin_log_at(other_log);
  removals_.note_loaded({}, {}, now_);
  EXPECT_EQ(removals_.last(), other_log);
}

TEST_F(RemovalsTest, ADayLaterTheyAreForgotten) {
  note({}, {samples_.key(1)}, true);
  now_ += Removals::kKept + std::chrono::hours(1);
  note({}, {samples_.key(2)}, true);
  EXPECT_EQ(removals_.positions(), std::vector<std::int64_t>{2});
}

}  // namespace
}  // namespace keywright::store::postgres
