#include "store/memory/memory_store.h"

#include "store/conformance/conformance.h"

namespace keywright::store {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return store_; }
  TestClock& clock() override { return clock_; }
  bool reopen() override { return false; }
  void tamper_with_event(int number) override {
    AuditFilter all;
    Page page{.limit = 1};
    for (std::uint64_t behind = store_.verify_audit()->events;; --behind) {
      auto listed = store_.list_audit(all, page);
      if (behind == static_cast<std::uint64_t>(number)) {
        domain::AuditEvent event = listed->items.at(0);
        event.reason += "!";
        store_.tamper_with_event(behind, event);
        return;
      }
      page.after = listed->next;
    }
  }

 private:
  TestClock clock_;
  MemoryStore store_{clock_};
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values(Engine{
                             "memory", [] { return std::make_unique<MemoryUnderTest>(); }}),
                         engine_name);

class MemoryStoreFaults : public testing::Test {
 protected:
  TestClock clock_;
  MemoryStore store_{clock_};
  Samples samples_{clock_};
};

TEST_F(MemoryStoreFaults, TheChosenCommitFailsAndEveryOneAfterIt) {
  const Transaction transaction;
  store_.fail_commit(2);
  EXPECT_TRUE(store_.commit({&transaction, 1})[0].has_value());
  for (int i = 0; i < 2; ++i) {
    auto results = store_.commit({&transaction, 1});
    ASSERT_FALSE(results[0].has_value());
    EXPECT_EQ(results[0].error().code(), Code::unavailable);
  }
  EXPECT_FALSE(store_.writable());
  EXPECT_EQ(store_.position(), 1u);
}

TEST_F(MemoryStoreFaults, AFullDiskTakesRemovalsOnly) {
  store_.set_disk_full(true);
  std::vector<Transaction> group(3);
  group[0].keys.push_back(samples_.key(1));
  group[1].keys.push_back(samples_.key(2));
  group[1].removes_access = true;
  auto results = store_.commit(group);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].error().code(), Code::storage_full);
  EXPECT_EQ(*results[1], 1u);
  EXPECT_EQ(results[2].error().code(), Code::storage_full);
  EXPECT_FALSE(store_.writable());
  store_.set_disk_full(false);
  EXPECT_TRUE(store_.writable());
  EXPECT_TRUE(store_.commit(group)[0].has_value());
}

}  // namespace
}  // namespace keywright::store
