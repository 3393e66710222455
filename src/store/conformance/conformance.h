// store/conformance/conformance.h - one suite that every store must pass.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
//                            testing::Values(Engine{"memory", make_memory_store}), engine_name);
//
// The tests are in the *_test.cc files of this folder; a store's room lists them among its own
// TESTS. Each runs on a new, empty store.
//
// Threading: one thread. Lifetime: a StoreUnderTest owns what its store needs.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "store/store.h"

namespace keywright::store {

class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  virtual TestClock& clock() = 0;
  // Closes the store and opens it again on what it has kept; false if it keeps nothing.
  virtual bool reopen() = 0;
  // Changes the reason of a stored event, 1 being the oldest, behind the store's back.
  virtual void tamper_with_event(int number) = 0;
};

struct Engine {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

inline void PrintTo(const Engine& engine, std::ostream* out) { *out << engine.name; }
inline std::string engine_name(const testing::TestParamInfo<Engine>& info) {
  return info.param.name;
}

// Makers of plain, valid objects; tests change what they care about.
class Samples {
 public:
  explicit Samples(const Clock& clock) : clock_(clock), ids_(clock, random_) {}

  Uuid id() { return ids_.next(); }

  domain::Key key(std::int64_t serial) {
    domain::Key key;
    key.id = domain::KeyId::arbitrary(random_);
    key.serial = serial;
    key.kind = 2;
    key.name = "key " + std::to_string(serial);
    key.owner = {domain::OwnerType::user, "019a0000-0000-7000-8000-000000000001"};
    key.organization_id = {organization};
    key.created_by = "user:019a0000-0000-7000-8000-000000000001";
    key.created_at = clock_.now();
    key.versions.push_back(version(1));
    return key;
  }

  domain::KeyVersion version(std::int64_t number) {
    domain::KeyVersion version;
    version.number = number;
    version.digest = random_bytes<32>(random_);
    version.shown = {"kwa_abcdefgh", "", "kwa_abcdefgh…"};
    version.created_at = clock_.now();
    return version;
  }

  domain::AuditEvent event(std::string action) {
    domain::AuditEvent event;
    event.id = ids_.next();
    event.organization_id = {organization};
    event.time = clock_.now();
    event.actor = {"user", "019a0000-0000-7000-8000-000000000001", ""};
    event.action = std::move(action);
    event.outcome = "success";
    return event;
  }

  Record record(RecordType type, std::string body) {
    return {.type = type,
            .id = ids_.next(),
            .organization = organization,
            .parent = {},
            .body = std::move(body)};
  }

  Uuid organization = *Uuid::parse("019a0000-0000-7000-8000-00000000000a");
  Uuid other_organization = *Uuid::parse("019a0000-0000-7000-8000-00000000000b");

 private:
  const Clock& clock_;
  SeededRandom random_{20261120};
  UuidGenerator ids_;
};

// Every field, so that two keys with the same text are the same.
std::string text_of(const domain::Key& key);
std::string text_of(const Record& record);

// What a load delivers, in order.
struct Loaded final : Loader {
  void record(Record record) override { records.push_back(std::move(record)); }
  void key(domain::Key key) override { keys.push_back(std::move(key)); }
  std::vector<Record> records;
  std::vector<domain::Key> keys;
};

class StoreConformance : public testing::TestWithParam<Engine> {
 protected:
  Store& store() { return engine_->store(); }
  TestClock& clock() { return engine_->clock(); }
  StoreUnderTest& engine() { return *engine_; }

  Result<Position> commit(Transaction transaction) {
    return std::move(store().commit({&transaction, 1}).front());
  }
  void put(domain::Key key) {
    Transaction transaction;
    transaction.keys.push_back(std::move(key));
    ASSERT_TRUE(commit(std::move(transaction)).has_value());
  }
  void put(Record record) {
    Transaction transaction;
    transaction.records.push_back({.record = std::move(record)});
    ASSERT_TRUE(commit(std::move(transaction)).has_value());
  }
  void put(domain::AuditEvent event) {
    Transaction transaction;
    transaction.events.push_back(std::move(event));
    ASSERT_TRUE(commit(std::move(transaction)).has_value());
  }
  Loaded load() {
    Loaded loaded;
    EXPECT_TRUE(store().load(loaded).has_value());
    return loaded;
  }

 private:
  std::unique_ptr<StoreUnderTest> engine_ = GetParam().make();

 protected:
  Samples samples{engine_->clock()};
};

}  // namespace keywright::store
