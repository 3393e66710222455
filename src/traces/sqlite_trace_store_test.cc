#include "traces/sqlite_trace_store.h"

#include <filesystem>

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

 private:
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() /
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

}  // namespace
}  // namespace keywright::traces
