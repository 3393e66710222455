#include "traces/sqlite_trace_store.h"

#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <filesystem>

#include "store/sqlite/sqlite.h"
#include "store/sqlite/wal_check.h"
#include "traces/conformance/conformance.h"

namespace keywright::traces {
namespace {

class Folder final : public Place {
 public:
  Folder() { std::filesystem::remove_all(path_); }
  ~Folder() override { std::filesystem::remove_all(path_); }

  Result<std::unique_ptr<TraceStore>> open(std::int64_t spans_per_trace_max, const Clock& clock,
                                           Random& random) override {
    return open({.free_bytes_min = 0, .spans_per_trace_max = spans_per_trace_max}, clock, random);
  }
  Result<std::unique_ptr<TraceStore>> open(StoreOptions options, const Clock& clock,
                                           Random& random) const {
    KW_TRY(auto store, SqliteTraceStore::open(path_, options, clock, random));
    return store;
  }

  std::filesystem::path file() const { return path_ / "traces.db"; }
  std::string read() const {
    std::ifstream in(file(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
  }
  void copy(const Folder& other) const {
    std::filesystem::remove_all(path_);
    std::filesystem::copy(other.path_, path_);
  }
  // Nothing else is there then.
  void replace(const std::string& bytes) const {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    std::ofstream(file(), std::ios::binary) << bytes;
  }
  void run(store::Sql sql) const {
    auto database = store::Database::open(file(), store::Database::Access::read_write, "").value();
    const auto done = database.run(sql);
    ASSERT_TRUE(done) << done.error().internal();
  }

 private:
  const std::filesystem::path path_ =
      // In memory where there is such a place: no test relies on what a sync does there.
      (std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                           : std::filesystem::temp_directory_path()) /
      ("keywright-traces-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
};

const Engine kSqlite{"sqlite", [] { return std::make_unique<Folder>(); }};

INSTANTIATE_TEST_SUITE_P(Stores, TraceStoreConformance, testing::Values(kSqlite), engine_name);
INSTANTIATE_TEST_SUITE_P(Stores, OutboxConformance, testing::Values(kSqlite), engine_name);

TEST(SqliteTraceStore, WithoutRoomNothingIsTakenAndReadingGoesOn) {
  TestClock clock;
  SeededRandom random{5};
  const Samples samples{clock};
  Folder folder;
  auto store = folder.open({.free_bytes_min = 0}, clock, random).value();
  const StoredTrace stored = put_in(*store, samples.native("{}"));
  store.reset();
  store = folder.open({.free_bytes_min = ~std::uint64_t{0}}, clock, random).value();
  std::vector<TraceWrite> writes;
  writes.push_back(samples.native("{}"));
  const auto refused = submit_to(*store, std::move(writes));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::storage_full);
  EXPECT_GT(refused.error().retry_after_seconds(), 0);
  EXPECT_TRUE(store->get(samples.project, stored.id, "", 10).value());
}

// A closed store with some traces, and what it answers as long as it is not damaged.
class DamagedStore : public testing::Test {
 protected:
  void SetUp() override {
    auto store = open().value();
    for (int i = 0; i < 30; i += 5) put_some(*store, i);
    for (const Uuid& id : ids_) whole_[id] = told(store->get(samples_.project, id, "", 3));
    const Page page = store->list(everything()).value();
    for (const TraceRow& row : page.rows) rows_[row.id] = told(row);
    store.reset();
    bytes_ = folder_.read();
  }

  void put_some(TraceStore& store, int first) {
    std::vector<TraceWrite> writes;
    for (int i = first; i < first + 5; ++i) {
      const std::string number = std::to_string(i);
      const std::string text = "{\"i\":" + number + std::string(i * 100, ' ') + "}";
      writes.push_back(samples_.native(text, i % 3 == 0 ? "" : "run-" + number));
      writes.push_back(samples_.otlp(std::string(30, 'a') + number, {"1", "2", "3", "4"}, "root"));
      writes.back().contexts.front() = "{\"resource\":{\"i\":" + number + "}}";
    }
    const std::vector<StoredTrace> all = submit_to(store, std::move(writes)).value();
    for (const StoredTrace& stored : all) {
      ids_.push_back(stored.id);
    }
    clock_.advance(std::chrono::milliseconds(50));
  }

  Result<std::unique_ptr<TraceStore>> open() {
    return folder_.open({.free_bytes_min = 0}, clock_, random_);
  }
  Query everything() const { return {.project = samples_.project, .limit = 1000}; }

  static std::string told(const TraceRow& row) {
    std::ostringstream text;
    text << row.number << ' ' << row.id.to_string() << ' ' << row.project.to_string() << ' '
         << row.platform.to_string() << ' ' << static_cast<int>(row.source) << ' '
         << row.external_id << '|' << row.name << '|' << row.status << '|' << row.key_id << '|'
         << row.routed_by << '|' << join_warnings(row.warnings) << '|' << row.span_count << ' '
         << row.size_bytes << ' ' << row.revision << ' ' << to_unix_milliseconds(row.updated_at);
    return text.str();
  }
  static std::string told(const Result<std::optional<WholeTrace>>& trace) {
    if (!trace) return "error";
    if (!*trace) return "none";
    std::string text = told((*trace)->row) + (*trace)->body.value_or("") + (*trace)->next_spans;
    for (const std::string& span : (*trace)->spans) text += span;
    return text;
  }

  // Every answer is the right one, or an error.
  void expect_no_wrong_answer() {
    auto store = open();
    if (!store) return;
    for (const Uuid& id : ids_) {
      const std::string answer = told((*store)->get(samples_.project, id, "", 3));
      if (answer == "none") ++lost_;
      if (answer == "none" || answer == "error") continue;
      EXPECT_EQ(answer, whole_[id]);
      ++right_;
    }
    const auto page = (*store)->list(everything());
    if (!page) return;
    std::set<Uuid> seen;
    for (const TraceRow& row : page->rows) {
      EXPECT_EQ(told(row), rows_[row.id]);
      EXPECT_TRUE(seen.insert(row.id).second);
    }
  }

  TestClock clock_;
  SeededRandom random_{5};
  Samples samples_{clock_};
  Folder folder_;
  std::vector<Uuid> ids_;
  std::map<Uuid, std::string> whole_, rows_;
  std::string bytes_;  // of the file
  std::size_t right_ = 0, lost_ = 0;
};

TEST_F(DamagedStore, FlippedBitsAreNeverServed) {
  SeededRandom places{11};
  for (int round = 0; round < 60; ++round) {
    std::string damaged = bytes_;
    for (int flips = 1 << (round % 8); flips > 0; --flips) {
      const auto drawn = random_bytes<8>(places);
      std::size_t place = 0;
      std::memcpy(&place, drawn.data(), sizeof(place));
      damaged[place / 8 % damaged.size()] ^= static_cast<char>(1 << (place % 8));
    }
    folder_.replace(damaged);
    expect_no_wrong_answer();
  }
  EXPECT_GT(right_, ids_.size());  // it was not all errors
  EXPECT_LE(lost_, 2u);            // gone from the table and from its index
}

TEST_F(DamagedStore, EachColumnOfATraceIsLookedAtAndAListGoesOnWithoutIt) {
  constexpr store::Sql kChanges[] = {
      "UPDATE traces SET project = zeroblob(16) WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET platform = randomblob(16) WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET source = 1 WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET external_id = 'x' WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET name = 'x' WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET status = 'accgpted' WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET key_id = 'x' WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET routed_by = 'x' WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET warnings = 'x' WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET span_count = 1 WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET size_bytes = 1 WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET revision = 7 WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET updated_at = 1 WHERE rowid = (SELECT min(rowid) FROM traces)",
      "UPDATE traces SET row_check = NULL WHERE rowid = (SELECT min(rowid) FROM traces)"};
  for (const store::Sql& change : kChanges) {
    folder_.replace(bytes_);
    folder_.run(change);
    auto store = open().value();
    const auto whole = store->get(samples_.project, ids_.front(), "", 10);
    ASSERT_FALSE(whole) << change.text();
    EXPECT_EQ(whole.error().reason(), "trace_damaged");
    EXPECT_EQ(store->list(everything()).value().rows.size(), ids_.size() - 1) << change.text();
    EXPECT_GE(store->damaged(), 1u);
  }
}

TEST_F(DamagedStore, WhatBelongsToAnotherTraceOrIsMissingIsAnError) {
  constexpr store::Sql kChanges[] = {
      "UPDATE bodies SET (size, checksum, compressed, body, row_check) = (SELECT size, checksum, "
      "compressed, body, row_check FROM bodies WHERE rowid = (SELECT max(rowid) FROM bodies))",
      "DELETE FROM bodies",
      "UPDATE spans SET trace = (SELECT max(trace) FROM spans), span_id = span_id || trace",
      "UPDATE spans SET start = 0 WHERE span_id = '3'",
      "UPDATE spans SET span_id = '7' WHERE span_id = '3'",
      "UPDATE spans SET context = (SELECT max(id) FROM contexts)",
      "DELETE FROM spans WHERE span_id = '4'",
      "DELETE FROM contexts"};
  for (const store::Sql& change : kChanges) {
    folder_.replace(bytes_);
    folder_.run(change);
    auto store = open().value();
    const bool is_native = std::string_view(change.text()).find("bodies") != std::string::npos;
    const Uuid& id = ids_[is_native ? 0 : 1];
    const auto whole = store->get(samples_.project, id, "", 3);
    ASSERT_FALSE(whole) << change.text();
    EXPECT_EQ(whole.error().reason(), "trace_damaged");
  }
}

TEST_F(DamagedStore, ATraceThatItsIndexDoesNotFindIsFoundByItsNumber) {
  folder_.run(
      "PRAGMA writable_schema = 1; UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM "
      "sqlite_master WHERE name = 'sqlite_autoindex_bodies_1' UNION SELECT rootpage FROM "
      "sqlite_master WHERE name = 'dead_letters_by_trace') WHERE name = "
      "'sqlite_autoindex_traces_1'");
  auto store = open().value();
  EXPECT_EQ(told(store->get(samples_.project, ids_.front(), "", 3)), whole_[ids_.front()]);
}

TEST_F(DamagedStore, WhatJoinsADamagedTraceIsRefusedAndNothingElse) {
  folder_.run("UPDATE traces SET name = 'x' WHERE external_id = 'run-1'");
  auto store = open().value();
  std::promise<bool> refused, taken;
  const auto submit = [&](const std::string& external_id, std::promise<bool>& answer) {
    std::vector<TraceWrite> writes;
    writes.push_back(samples_.native("{\"new\":1}", external_id));
    store->submit(std::move(writes), [&](const auto& stored) { answer.set_value(bool{stored}); });
  };
  submit("run-1", refused);
  submit("run-new", taken);
  EXPECT_FALSE(refused.get_future().get());
  EXPECT_TRUE(taken.get_future().get());
}

TEST_F(DamagedStore, ADamagedLogIsNoticed) {
  auto store = open().value();
  for (int i = 0; i < 5; ++i) put_in(*store, samples_.native("{}"));
  Folder killed;
  const std::uint64_t before = store::damaged_wals();
  killed.copy(folder_);
  EXPECT_TRUE(killed.open({.free_bytes_min = 0}, clock_, random_));
  EXPECT_EQ(store::damaged_wals(), before);
  killed.copy(folder_);
  std::filesystem::resize_file(killed.file().native() + "-wal",
                               std::filesystem::file_size(killed.file().native() + "-wal") / 2);
  EXPECT_TRUE(killed.open({.free_bytes_min = 0}, clock_, random_));
  EXPECT_EQ(store::damaged_wals(), before + 1);
}

TEST_F(DamagedStore, WhatWasWrittenWithoutChecksIsShownAndGetsThemWhenItChanges) {
  folder_.run(
      "ALTER TABLE traces DROP COLUMN row_check; ALTER TABLE bodies DROP COLUMN row_check; "
      "ALTER TABLE spans DROP COLUMN row_check; DROP TABLE unchecked; DROP INDEX "
      "errors_by_project; "
      "DROP INDEX errors_by_platform; PRAGMA user_version = 2");
  auto store = open().value();
  for (const Uuid& id : ids_) {
    EXPECT_EQ(told(store->get(samples_.project, id, "", 3)), whole_[id]);
  }
  EXPECT_EQ(store->list(everything()).value().rows.size(), ids_.size());
  put_in(*store, samples_.native("{\"new\":1}", "run-1"));
  put_in(*store, samples_.otlp(std::string(30, 'a') + "0", {"5"}));
  EXPECT_EQ(store->get(samples_.project, ids_[1], "", 10).value()->spans.size(), 5u);
  const StoredTrace fresh = put_in(*store, samples_.native("{}"));
  store.reset();
  folder_.run("UPDATE traces SET status = 'x'");
  store = open().value();
  EXPECT_FALSE(store->get(samples_.project, ids_[2], "", 10));  // it was changed since
  EXPECT_FALSE(store->get(samples_.project, fresh.id, "", 10));
  EXPECT_TRUE(store->get(samples_.project, ids_.back(), "", 10));
}

}  // namespace
}  // namespace keywright::traces
