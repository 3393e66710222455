// HashIndex, ObjectTable and KeyTable against plain containers.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/key_table.h"
#include "app/object_table.h"
#include "base/random.h"
#include "domain/keys/lifecycle.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::KeyRecord;

constexpr Time kNow = TestClock::kStart;

// -- HashIndex

TEST(HashIndex, FindsExactlyWhatAMultimapFinds) {
  SeededRandom random(1);
  Reclaimer reclaimer;
  HashIndex index(reclaimer);
  std::map<std::uint32_t, std::uint32_t> model;  // number -> hash
  std::uint32_t next = 1;
  const auto holds = [&](std::uint32_t hash, std::uint32_t number) {
    return index.find(hash, [&](std::uint32_t n) { return n == number; }) == number;
  };
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t dice = random_below(random, 10);
    // Few hashes, so that many entries share one; the ends of the range are among them.
    const auto drawn = static_cast<std::uint32_t>(random_below(random, 200));
    const std::uint32_t hash = drawn < 2 ? 0xffffffff * drawn : drawn * 0x9e3779b1u;
    if (dice < 6 || model.empty()) {
      index.insert(hash, next);
      model[next++] = hash;
      continue;
    }
    const auto chosen =
        std::next(model.begin(), static_cast<std::ptrdiff_t>(random_below(random, model.size())));
    const auto [number, old_hash] = *chosen;
    model.erase(chosen);
    if (dice < 8) {
      index.erase(old_hash, number);
      ASSERT_FALSE(holds(old_hash, number));
    } else {
      index.replace(old_hash, number, next);
      ASSERT_FALSE(holds(old_hash, number));
      model[next++] = old_hash;
    }
    if (step % 100 == 0) reclaimer.free_all();
  }
  EXPECT_EQ(index.size(), model.size());
  for (const auto& [number, hash] : model) ASSERT_TRUE(holds(hash, number));
  EXPECT_EQ(index.find(0x12345678, [](std::uint32_t) { return true; }), 0u);
}

TEST(HashIndex, StaysAtLeastAThirdFullWhileItGrows) {
  SeededRandom random(2);
  Reclaimer reclaimer;
  HashIndex index(reclaimer);
  for (std::uint32_t number = 1; number <= 100'000; ++number) {
    index.insert(static_cast<std::uint32_t>(random_below(random, 1ull << 32)), number);
    if (number >= 64) ASSERT_LE(index.bytes(), number * 8 * 100 / 35 + 8) << number;
  }
}

TEST(HashIndex, MakesNoRoomForWhatWasErased) {
  Reclaimer reclaimer;
  HashIndex index(reclaimer);
  for (std::uint32_t round = 1; round <= 10'000; ++round) {
    index.insert(round * 0x9e3779b1u, round);
    index.erase(round * 0x9e3779b1u, round);
    reclaimer.free_all();
  }
  EXPECT_EQ(index.size(), 0u);
  EXPECT_LE(index.bytes(), 1024u);
}

// -- ObjectTable

Uuid some_id(Random& random) { return Uuid::version7(kNow, random); }

TEST(ObjectTable, HoldsWhatAMapHoldsAndNeverGivesASlotAway) {
  SeededRandom random(3);
  Reclaimer reclaimer;
  ObjectTable<int> table(reclaimer);
  std::map<Uuid, std::optional<int>> model;  // empty: was erased
  std::map<Uuid, domain::Slot> slots;
  for (int step = 0; step < 20'000; ++step) {
    const bool fresh = model.empty() || random_below(random, 10) < 3;
    const Uuid id = fresh
                        ? some_id(random)
                        : std::next(model.begin(),
                                    static_cast<std::ptrdiff_t>(random_below(random, model.size())))
                              ->first;
    if (!fresh && random_below(random, 3) == 0) {
      table.erase(id);
      model[id].reset();
    } else {
      const domain::Slot slot = table.put(id, std::make_unique<const int>(step));
      const auto [known, first] = slots.try_emplace(id, slot);
      ASSERT_EQ(known->second, slot);
      model[id] = step;
    }
    if (step % 500 == 0) reclaimer.free_all();
  }
  std::set<domain::Slot> distinct;
  std::size_t live = 0;
  for (const auto& [id, value] : model) {
    ASSERT_TRUE(distinct.insert(slots.at(id)).second);
    ASSERT_EQ(table.slot_of(id), slots.at(id));
    const int* found = table.find(id);
    ASSERT_EQ(found, table.at(slots.at(id)));
    ASSERT_EQ(found == nullptr, !value.has_value());
    if (value) ASSERT_EQ(*found, *value);
    live += value.has_value() ? 1 : 0;
  }
  std::size_t visited = 0;
  table.for_each([&](int) { ++visited; });
  EXPECT_EQ(visited, live);
  EXPECT_EQ(table.find(some_id(random)), nullptr);
  EXPECT_EQ(table.at(domain::kNoSlot), nullptr);
}

TEST(ObjectTable, AReplacedRecordIsReadableUntilItIsFreed) {
  SeededRandom random(4);
  Reclaimer reclaimer;
  ObjectTable<std::string> table(reclaimer);
  const Uuid id = some_id(random);
  table.put(id, std::make_unique<const std::string>("before, in a block of its own on the heap"));
  const std::string* before = table.find(id);
  table.put(id, std::make_unique<const std::string>("after"));
  EXPECT_EQ(*before, "before, in a block of its own on the heap");
  EXPECT_EQ(*table.find(id), "after");
  reclaimer.free_all();
  EXPECT_EQ(*table.find(id), "after");
}

// -- KeyTable

class KeyTableTest : public testing::Test {
 protected:
  Key new_key() {
    Key key;
    key.id = domain::KeyId::arbitrary(random);
    key.serial = ++serial;
    key.name = "key number " + std::to_string(serial);
    key.owner = {domain::OwnerType::external, "customer-" + std::to_string(serial)};
    key.created_at = kNow;
    key.versions = {new_version()};
    key.versions.front().number = 1;
    return key;
  }
  domain::KeyVersion new_version() {
    domain::KeyVersion version;
    version.cell = ++serial;
    random.fill(std::as_writable_bytes(std::span(version.digest)));
    version.created_at = kNow;
    return version;
  }
  domain::KeyVersion slow_version(std::string prefix) {
    domain::KeyVersion version = new_version();
    version.digest = {};
    version.slow_prefix = std::move(prefix);
    version.sealed_slow_hash = "sealed";
    return version;
  }
  Key slow_key(std::string prefix) {
    Key key = new_key();
    key.versions = {slow_version(std::move(prefix))};
    return key;
  }
  void put(const Key& key) { table.put(key, {7, domain::kNoSlot, 9}); }

  std::vector<domain::KeyId> slow_candidates(std::string_view token) {
    std::vector<domain::KeyId> found;
    table.for_each_slow(token, [&](const domain::KeyId& id) {
      found.push_back(id);
      return true;
    });
    return found;
  }

  // All that a check reads of the key is as the key says.
  void expect_same(const Key& key) {
    const KeyRecord* record = table.find(key.id);
    ASSERT_NE(record, nullptr);
    for (const domain::KeyVersion& version : key.versions) {
      ASSERT_NE(record, nullptr);
      ASSERT_EQ(record->id, key.id);
      ASSERT_EQ(record->digest, version.digest);
      ASSERT_EQ(record->version_number, version.number);
      ASSERT_EQ(record->state, key.state);
      ASSERT_EQ(record->organization, 7u);
      ASSERT_EQ(record->keyspace, 9u);
      ASSERT_EQ(record->text->name(), key.name);
      ASSERT_EQ(record->text->external_owner(), key.owner.id);
      ASSERT_EQ(static_cast<const domain::Policy&>(*record->policy), key.policy);
      ASSERT_EQ(record->limits == 0, key.policy.limits.empty());
      if (version.slow_prefix.empty()) ASSERT_EQ(table.find(version.digest), record);
      record = table.previous(*record);
    }
    ASSERT_EQ(record, nullptr);
  }

  domain::Policy random_policy() {
    domain::Policy policy;
    const std::uint64_t dice = random_below(random, 6);
    if (dice & 1) policy.scope = domain::Scope{false, {"a", std::to_string(dice)}, "thing"};
    if (dice & 2) policy.limits = {{"burst", 10 + static_cast<std::int64_t>(dice), 60}};
    if (dice & 4) policy.permissions.emplace();
    return policy;
  }

  SeededRandom random{5};
  std::int64_t serial = 0;
  Reclaimer reclaimer;
  LimitCells limit_cells;
  KeyTable table{reclaimer, limit_cells};
};

TEST_F(KeyTableTest, HoldsWhatAMapHolds) {
  std::map<domain::KeyId, Key> model;
  std::vector<crypto::Sha256> dead;
  for (int step = 0; step < 6000; ++step) {
    if (model.empty() || random_below(random, 10) < 3) {
      Key key = new_key();
      key.policy = random_policy();
      put(key);
      model[key.id] = key;
      continue;
    }
    const auto chosen =
        std::next(model.begin(), static_cast<std::ptrdiff_t>(random_below(random, model.size())));
    Key& key = chosen->second;
    switch (random_below(random, 6)) {
      case 0: key.name = std::string(random_below(random, 60), 'n'); break;
      case 1: domain::rotate(key, new_version(), 60, kNow); break;
      case 2: domain::revoke(key, "done", kNow); break;
      case 3: key.policy = random_policy(); break;
      case 4:  // its oldest secret is forgotten
        if (key.versions.size() > 1) {
          dead.push_back(key.versions.back().digest);
          key.versions.pop_back();
        }
        break;
      case 5:
        for (const auto& version : key.versions) dead.push_back(version.digest);
        table.erase(key.id);
        ASSERT_EQ(table.find(key.id), nullptr);
        model.erase(chosen);
        if (random_below(random, 4) == 0) reclaimer.free_all();
        continue;
    }
    put(key);
    expect_same(key);
    if (random_below(random, 20) == 0) reclaimer.free_all();
  }
  reclaimer.free_all();
  EXPECT_EQ(table.size(), model.size());
  for (const auto& [id, key] : model) expect_same(key);
  for (const crypto::Sha256& digest : dead) ASSERT_EQ(table.find(digest), nullptr);
}

// More keys than places were made for: all chunks of home pages fill up, and the rest lies behind.
TEST_F(KeyTableTest, KeysFindTheirHomesTheHomesOfOthersOrNone) {
  table.reserve(1000);
  std::vector<Key> keys;
  for (int i = 0; i < 20'000; ++i) put(keys.emplace_back(new_key()));
  for (const Key& key : keys) expect_same(key);
  for (std::size_t i = 0; i < keys.size(); i += 2) table.erase(keys[i].id);
  reclaimer.free_all();
  for (std::size_t i = 0; i < keys.size(); i += 2) put(keys[i] = new_key());
  for (Key& key : keys) {
    key.name += ", changed";
    put(key);
    expect_same(key);
  }
  reclaimer.free_all();
  for (const Key& key : keys) expect_same(key);
  std::size_t visited = 0;
  table.for_each([&](const KeyRecord&) { ++visited; });
  EXPECT_EQ(visited, keys.size());
}

TEST_F(KeyTableTest, AReplacedRecordIsReadableUntilItIsFreed) {
  Key key = new_key();
  put(key);
  const KeyRecord* before = table.find(key.id);
  key.name = "another name, long enough for a block of its own";
  put(key);
  EXPECT_EQ(before->text->name(), "key number 1");
  EXPECT_NE(table.find(key.id), before);
  reclaimer.free_all();
  EXPECT_EQ(table.find(key.id)->text->name(), key.name);
}

TEST_F(KeyTableTest, EqualPoliciesAreStoredOnceAndFreedWithTheirLastKey) {
  Key first = new_key();
  Key second = new_key();
  first.policy.permissions = second.policy.permissions = {{"read", "write"}};
  put(first);
  put(second);
  EXPECT_EQ(table.find(first.id)->policy, table.find(second.id)->policy);
  EXPECT_EQ(table.policies(), 1u);
  first.policy.permissions = {{"read write"}};  // the same letters, another list
  put(first);
  EXPECT_NE(table.find(first.id)->policy, table.find(second.id)->policy);
  reclaimer.free_all();
  EXPECT_EQ(table.policies(), 2u);
  second.policy.permissions.reset();  // absent is not empty
  first.policy.permissions.emplace();
  put(first);
  put(second);
  reclaimer.free_all();
  EXPECT_EQ(table.policies(), 2u);
  table.erase(first.id);
  reclaimer.free_all();
  EXPECT_EQ(table.policies(), 1u);
}

TEST_F(KeyTableTest, RotationAndEditsKeepTheStateOfLimits) {
  Key key = new_key();
  key.policy.limits = {{"a", 5, 60}, {"b", 50, 3600}};
  put(key);
  const std::uint32_t cells = table.find(key.id)->limits;
  limit_cells.at(cells).store(41);
  domain::rotate(key, new_version(), 60, kNow);
  key.name = "renamed";
  put(key);
  reclaimer.free_all();
  const KeyRecord* record = table.find(key.id);
  EXPECT_EQ(record->limits, cells);
  EXPECT_EQ(table.previous(*record)->limits, cells);
  EXPECT_EQ(limit_cells.at(cells).load(), 41);
}

TEST_F(KeyTableTest, OtherLimitsStartAfreshAndOldCellsWaitForTheBarrier) {
  Key key = new_key();
  key.policy.limits = {{"a", 5, 60}};
  put(key);
  const std::uint32_t old_cell = table.find(key.id)->limits;
  limit_cells.at(old_cell).store(41);
  key.policy.limits = {{"a", 6, 60}};
  put(key);
  EXPECT_NE(table.find(key.id)->limits, old_cell);
  EXPECT_EQ(limit_cells.at(table.find(key.id)->limits).load(), 0);
  Key other = new_key();
  other.policy.limits = {{"c", 1, 1}};
  put(other);
  EXPECT_NE(table.find(other.id)->limits, old_cell);  // a reader may still count there
  reclaimer.free_all();
  Key third = new_key();
  third.policy.limits = {{"d", 1, 1}};
  put(third);
  EXPECT_EQ(table.find(third.id)->limits, old_cell);
  EXPECT_EQ(limit_cells.at(old_cell).load(), 0);
}

TEST_F(KeyTableTest, ImportedSlowHashesAreFoundByTheirPrefixUntilTheyAreUpgraded) {
  EXPECT_FALSE(table.has_slow());
  Key key = slow_key("legacy_");
  Key same = slow_key("legacy_");
  Key longer = slow_key("legacy_live_");
  for (const Key& one : {key, same, longer}) put(one);
  EXPECT_TRUE(table.has_slow());
  EXPECT_EQ(table.slow_count("legacy_"), 2u);
  EXPECT_EQ(slow_candidates("legacy_live_secret").size(), 3u);
  EXPECT_EQ(slow_candidates("legacy_test_secret").size(), 2u);
  EXPECT_TRUE(slow_candidates("legac").empty());
  EXPECT_TRUE(slow_candidates("other_live_secret").empty());
  key.versions.front() = new_version();
  put(key);
  reclaimer.free_all();
  EXPECT_EQ(table.slow_count("legacy_"), 1u);
  EXPECT_EQ(slow_candidates("legacy_x"), std::vector{same.id});
  EXPECT_EQ(table.find(key.versions.front().digest)->id, key.id);
  domain::revoke(same, "", kNow);
  put(same);
  EXPECT_EQ(table.slow_count("legacy_"), 0u);
  EXPECT_TRUE(slow_candidates("legacy_x").empty());
}

TEST_F(KeyTableTest, ASlowHashThatIsRotatedOutIsTriedWhileItOverlaps) {
  Key key = slow_key("legacy_");
  put(key);
  domain::rotate(key, new_version(), 60, kNow);
  put(key);
  EXPECT_EQ(slow_candidates("legacy_x"), std::vector{key.id});
  key.name = "renamed";
  put(key);
  reclaimer.free_all();
  EXPECT_EQ(slow_candidates("legacy_x"), std::vector{key.id});
  EXPECT_EQ(table.slow_count("legacy_"), 1u);
  table.erase(key.id);
  reclaimer.free_all();
  EXPECT_TRUE(slow_candidates("legacy_x").empty());

  Key at_once = slow_key("legacy_");
  put(at_once);
  domain::rotate(at_once, new_version(), 0, kNow);
  put(at_once);
  EXPECT_EQ(table.slow_count("legacy_"), 0u);
  EXPECT_TRUE(slow_candidates("legacy_x").empty());
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KEYWRIGHT_MEMORY_HAS_A_SHADOW  // of many times its size, which would be counted, too
#endif
#endif
#ifndef KEYWRIGHT_MEMORY_HAS_A_SHADOW
// 20-byte names, 100 policies, a tenth of them with a listed scope; with the usage cell. Takes
// seconds: KEYWRIGHT_LONG=1.
TEST_F(KeyTableTest, AMillionKeysTakeAtMost250BytesEach) {
  if (std::getenv("KEYWRIGHT_LONG") == nullptr) GTEST_SKIP() << "set KEYWRIGHT_LONG=1";
  constexpr std::size_t kKeys = 1'000'000;
  std::vector<domain::Policy> policies(100);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    policies[i].permissions = {{"service." + std::to_string(i)}};
    if (i % 10 == 0) policies[i].scope = domain::Scope{false, {"a", "b", "c"}, "thing"};
  }
  const auto resident_bytes = [] {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  };
  Key key = new_key();
  key.owner = {domain::OwnerType::user, "0190a3f5-c0d2-7c41-9f7a-3b1d6a0c52e8"};
  key.name = std::string(20, 'k');
  const std::size_t before = resident_bytes();
  for (std::size_t i = 0; i < kKeys; ++i) {
    key.id = domain::KeyId::arbitrary(random);
    key.serial = static_cast<std::int64_t>(i + 1);
    key.policy = policies[i % policies.size()];
    random.fill(std::as_writable_bytes(std::span(key.versions.front().digest)));
    put(key);
  }
  reclaimer.free_all();
  const double each = static_cast<double>(resident_bytes() - before) / kKeys + sizeof(UsageCell);
  std::printf("memory for each of %zu keys: %.1f bytes\n", kKeys, each);
  EXPECT_LE(each, 250);
}
#endif

}  // namespace
}  // namespace keywright::app
