// app/records_test.h - for tests: the records of an installation where nothing is yet.
//
//   class Mine : public RecordsTest<> {};                    // a TestClock and a MemoryStore
//   class MyCommits : public RecordsTest<TestClock, CountingStore> {};
//
// Whoever wants operations, people and sign-ins takes a Harness (app/harness_test.h).
//
// Threading: as each part says. Lifetime: of one test.
#pragma once

#include <gtest/gtest.h>

#include "app/change.h"
#include "app/directory.h"
#include "app/harness_test.h"
#include "store/memory/memory_store.h"

namespace keywright::app {

template <class ItsClock = TestClock, class ItsStore = store::MemoryStore>
class RecordsTest : public testing::Test {
 protected:
  ItsClock clock;
  SharedRandom random{21};
  crypto::Keyring keyring = crypto::Keyring::generate(clock, random);
  ItsStore store{clock};
  Directory directory{keyring, test_usage_file(), clock.now()};
  Settings settings;
  UuidGenerator ids{clock, random};
  ChangeTools tools{directory, store, random, ids, settings};
};

}  // namespace keywright::app
