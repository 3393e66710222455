// What a commit promises: all or nothing, in order, seen at once.
#include "store/conformance/conformance.h"

namespace keywright::store {
namespace {

TEST_P(StoreConformance, AnEmptyStoreHasNothing) {
  EXPECT_EQ(store().position(), 0u);
  EXPECT_TRUE(load().records.empty());
  EXPECT_TRUE(load().keys.empty());
  EXPECT_EQ(store().verify_audit()->events, 0u);
  EXPECT_TRUE(store().verify_audit()->intact);
  EXPECT_TRUE(store().commit({}).empty());
}

TEST_P(StoreConformance, PositionsGrowByOneForEachTransaction) {
  std::vector<Transaction> group(3);
  for (auto& transaction : group) transaction.events.push_back(samples.event("test.done"));
  const auto results = store().commit(group);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(*results[0], 1u);
  EXPECT_EQ(*results[2], 3u);
  EXPECT_EQ(store().position(), 3u);
  EXPECT_EQ(*commit({}), 4u);
}

TEST_P(StoreConformance, LaterTransactionsOfAGroupWin) {
  Record record = samples.record(RecordType::project, R"({"name":"first"})");
  std::vector<Transaction> group(3);
  group[0].records.push_back({.record = record});
  record.body = R"({"name":"second"})";
  group[1].records.push_back({.record = record, .deleted = true});
  group[2].records.push_back({.record = record});
  for (const auto& result : store().commit(group)) EXPECT_TRUE(result.has_value());
  ASSERT_EQ(load().records.size(), 1u);
  EXPECT_EQ(load().records[0].body, R"({"name":"second"})");
}

TEST_P(StoreConformance, AGroupThatCannotBeStoredLeavesNothing) {
  std::vector<Transaction> group(3);
  group[0].keys.push_back(samples.key(1));
  group[0].events.push_back(samples.event("key.create"));
  group[0].records.push_back({.record = samples.record(RecordType::target, "{}")});
  group[1].keys.push_back(samples.key(2));
  group[1].keys.back().versions.clear();
  group[2].keys.push_back(samples.key(3));
  for (const auto& result : store().commit(group)) EXPECT_FALSE(result.has_value());
  EXPECT_EQ(store().position(), 0u);
  EXPECT_TRUE(load().keys.empty());
  EXPECT_TRUE(load().records.empty());
  EXPECT_EQ(store().verify_audit()->events, 0u);

  put(samples.event("after.it"));
  EXPECT_TRUE(store().verify_audit()->intact);
  EXPECT_EQ(store().position(), 1u);
}

TEST_P(StoreConformance, OneSerialIsOneKey) {
  const domain::Key first = samples.key(1);
  put(first);
  Transaction other_id;
  other_id.keys.push_back(samples.key(1));
  EXPECT_FALSE(commit(other_id).has_value());
  Transaction other_serial;
  other_serial.keys.push_back(first);
  other_serial.keys.back().serial = 2;
  EXPECT_FALSE(commit(other_serial).has_value());
  ASSERT_EQ(load().keys.size(), 1u);
  EXPECT_EQ(text_of(load().keys[0]), text_of(first));
}

TEST_P(StoreConformance, WhatWasCommittedIsReadAtOnce) {
  for (std::int64_t serial = 1; serial <= 50; ++serial) {
    const domain::Key key = samples.key(serial);
    put(key);
    auto read = store().get_key(key.id);
    ASSERT_TRUE(read.has_value() && read->has_value());
    EXPECT_EQ(text_of(**read), text_of(key));
  }
  EXPECT_EQ(*store().get_key(samples.key(99).id), std::nullopt);
}

TEST_P(StoreConformance, ReopeningKeepsEverything) {
  const domain::Key key = samples.key(store().next_key_serial());
  const Record record = samples.record(RecordType::user, R"({"serial":1})");
  const std::int64_t user_serial = store().next_user_serial();
  put(key);
  put(record);
  put(samples.event("user.create"));
  ASSERT_TRUE(store().set_setting("name", "value").has_value());
  const crypto::Sha256 head = store().verify_audit()->head;
  if (!engine().reopen()) GTEST_SKIP() << "keeps nothing by design";

  EXPECT_EQ(store().position(), 3u);
  ASSERT_EQ(load().keys.size(), 1u);
  EXPECT_EQ(text_of(load().keys[0]), text_of(key));
  ASSERT_EQ(load().records.size(), 1u);
  EXPECT_EQ(text_of(load().records[0]), text_of(record));
  EXPECT_EQ(*store().setting("name"), "value");
  EXPECT_EQ(store().verify_audit()->head, head);
  EXPECT_GT(store().next_key_serial(), key.serial);
  EXPECT_GT(store().next_user_serial(), user_serial);
}

TEST_P(StoreConformance, SerialsAreGivenOutOnce) {
  EXPECT_EQ(store().next_key_serial(), 1);
  EXPECT_EQ(store().next_key_serial(), 2);
  EXPECT_EQ(store().next_user_serial(), 1);
  EXPECT_EQ(store().next_user_serial(), 2);
}

TEST_P(StoreConformance, SettingsAreKeptAndReplaced) {
  EXPECT_EQ(*store().setting("a"), std::nullopt);
  ASSERT_TRUE(store().set_setting("a", "1").has_value());
  ASSERT_TRUE(store().set_setting("b", "").has_value());
  ASSERT_TRUE(store().set_setting("a", std::string("2\0x", 3)).has_value());
  EXPECT_EQ(*store().setting("a"), std::string("2\0x", 3));
  EXPECT_EQ(*store().setting("b"), "");
  EXPECT_EQ(*store().setting("c"), std::nullopt);
}

TEST_P(StoreConformance, AnAnswerIsFoundUntilItExpires) {
  IdempotentAnswer answer{.caller = "user:1",
                          .key = "retry-1",
                          .request_hash = "00ff",
                          .status = 201,
                          .body = R"({"id":"x"})",
                          .expires_at = clock().now() + std::chrono::hours(24)};
  Transaction transaction;
  transaction.idempotent_answer = answer;
  ASSERT_TRUE(commit(transaction).has_value());

  auto found = store().find_idempotent("user:1", "retry-1");
  ASSERT_TRUE(found.has_value() && found->has_value());
  EXPECT_EQ((*found)->request_hash, "00ff");
  EXPECT_EQ((*found)->status, 201);
  EXPECT_EQ((*found)->body, answer.body);
  EXPECT_EQ((*found)->expires_at, answer.expires_at);
  EXPECT_FALSE(store().find_idempotent("user:2", "retry-1")->has_value());
  EXPECT_FALSE(store().find_idempotent("user:1", "retry-2")->has_value());

  clock().advance(std::chrono::hours(24));
  EXPECT_FALSE(store().find_idempotent("user:1", "retry-1")->has_value());
  answer.body = "new";
  answer.expires_at = clock().now() + std::chrono::hours(1);
  transaction.idempotent_answer = answer;
  ASSERT_TRUE(commit(transaction).has_value());
  EXPECT_EQ((*store().find_idempotent("user:1", "retry-1"))->body, "new");
}

TEST_P(StoreConformance, WritableWhenNothingIsWrong) { EXPECT_TRUE(store().writable()); }

}  // namespace
}  // namespace keywright::store
