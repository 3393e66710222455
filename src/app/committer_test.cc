// The one writer: groups, order, failure, and that nothing returns before it is in force.
#include "app/committer.h"

#include <atomic>
#include <future>
#include <latch>
#include <utility>

#include <gtest/gtest.h>

#include "app/records_test.h"
#include "base/task.h"

namespace keywright::app {
namespace {

using domain::Project;

// A MemoryStore that counts what reaches it.
class CountingStore final : public store::Store {
 public:
  explicit CountingStore(const Clock& clock) : memory(clock) {}

  std::vector<Result<store::Position>> commit(std::span<const store::Transaction> group) override {
    groups.push_back(group.size());
    return memory.commit(group);
  }
  Result<std::optional<store::IdempotentAnswer>> find_idempotent(std::string_view caller,
                                                                 std::string_view key) override {
    return memory.find_idempotent(caller, key);
  }
  Result<void> load(store::Loader& loader) override { return memory.load(loader); }
  store::Position position() override { return memory.position(); }
  std::int64_t next_key_serial() override { return memory.next_key_serial(); }
  std::int64_t next_user_serial() override { return memory.next_user_serial(); }
  Result<std::optional<std::string>> setting(std::string_view name) override {
    return memory.setting(name);
  }
  Result<void> set_setting(std::string_view name, std::string_view value) override {
    return memory.set_setting(name, value);
  }
  Result<store::PageOf<store::Record>> list_records(const store::RecordFilter& filter,
                                                    const store::Page& page) override {
    return memory.list_records(filter, page);
  }
  Result<std::optional<domain::Key>> get_key(const domain::KeyId& id) override {
    return memory.get_key(id);
  }
  Result<store::PageOf<domain::Key>> list_keys(const store::KeyFilter& filter,
                                               const store::Page& page) override {
    return memory.list_keys(filter, page);
  }
  Result<store::PageOf<domain::AuditEvent>> list_audit(const store::AuditFilter& filter,
                                                       const store::Page& page) override {
    return memory.list_audit(filter, page);
  }
  Result<store::AuditVerification> verify_stretch(const store::AuditStretch& stretch) override {
    return memory.verify_stretch(stretch);
  }
  Result<void> backup(const std::string& path,
                      const std::function<void(int, int)>& progress) override {
    return memory.backup(path, progress);
  }
  bool writable() override { return memory.writable(); }

  store::MemoryStore memory;
  std::vector<std::size_t> groups;  // how many transactions each commit held
};

class CommitterTest : public RecordsTest<TestClock, CountingStore> {
 protected:
  using Done = std::future<Result<Committed>>;

  // Submits without waiting, in order: from a thread that has no loop the coroutine runs up to the
  // queue at once.
  Done submit(ChangeWork work) {
    auto done = std::make_shared<std::promise<Result<Committed>>>();
    Done future = done->get_future();
    start_detached(submit_into(committer, std::move(work), std::move(done)));
    return future;
  }
  static Task<void> submit_into(Committer& committer, ChangeWork work,
                                std::shared_ptr<std::promise<Result<Committed>>> done) {
    auto result = co_await committer.submit(work);
    done->set_value(std::move(result));
  }

  static Project project(std::uint8_t number, std::string name) {
    Project made;
    made.id.value.bytes[15] = number;
    made.name = std::move(name);
    return made;
  }
  static ChangeWork put(std::uint8_t number, std::string name) {
    return [=](Change& change) -> Result<void> {
      change.put(project(number, name));
      return {};
    };
  }
  // "" when there is none.
  std::string name_of(std::uint8_t number) const {
    const auto* found = directory.find<Project>(project(number, "").id.value);
    return found == nullptr ? "" : found->name;
  }

  Barrier barrier;
  Committer committer{tools, clock, barrier};
};

TEST_F(CommitterTest, ChangesThatWaitTogetherShareOneCommit) {
  std::vector<Done> done;
  {
    const HeldWriter held(committer);
    for (std::uint8_t i = 1; i <= 50; ++i) done.push_back(submit(put(i, "p")));
  }
  std::set<store::Position> positions;
  for (Done& one : done) {
    const auto result = one.get();
    ASSERT_TRUE(result.has_value());
    positions.insert(result->position);
  }
  EXPECT_EQ(store.groups, std::vector<std::size_t>{50});
  EXPECT_EQ(positions.size(), 50u);
  EXPECT_EQ(name_of(50), "p");
}

TEST_F(CommitterTest, AChangeSeesTheOnesBeforeItInItsGroup) {
  Done first, second;
  std::string seen;
  std::size_t listed = 0;
  {
    const HeldWriter held(committer);
    first = submit(put(1, "first"));
    second = submit([&](Change& change) -> Result<void> {
      seen = change.find<Project>(project(1, "").id.value)->name;
      change.put(project(1, "second"));
      change.for_each<Project>([&](const Project& one) { listed += one.name == "second" ? 1 : 9; });
      return {};
    });
  }
  ASSERT_TRUE(first.get().has_value());
  ASSERT_TRUE(second.get().has_value());
  EXPECT_EQ(seen, "first");
  EXPECT_EQ(listed, 1u);  // once, as it is now
  EXPECT_EQ(name_of(1), "second");
  EXPECT_EQ(store.groups, std::vector<std::size_t>{2});
}

TEST_F(CommitterTest, WhatAGroupDeletedIsGoneForTheRestOfIt) {
  ASSERT_TRUE(committer.run(put(1, "old")).has_value());
  Done deleted, after;
  bool found = true;
  int listed = 0;
  {
    const HeldWriter held(committer);
    deleted = submit([&](Change& change) -> Result<void> {
      change.erase<Project>(project(1, "").id.value);
      return {};
    });
    after = submit([&](Change& change) -> Result<void> {
      found = change.find<Project>(project(1, "").id.value) != nullptr;
      change.put(project(2, "mine"));
      change.erase<Project>(project(2, "").id.value);
      change.for_each<Project>([&](const Project&) { ++listed; });
      return {};
    });
  }
  ASSERT_TRUE(deleted.get().has_value());
  ASSERT_TRUE(after.get().has_value());
  EXPECT_FALSE(found);
  EXPECT_EQ(listed, 0);
}

TEST_F(CommitterTest, AnErrorLeavesNothingBehind) {
  Done refused, after;
  bool seen = true;
  {
    const HeldWriter held(committer);
    refused = submit([&](Change& change) -> Result<void> {
      change.put(project(1, "never"));
      return fail(Code::conflict, "no", "No.");
    });
    after = submit([&](Change& change) -> Result<void> {
      seen = change.find<Project>(project(1, "").id.value) != nullptr;
      return {};
    });
  }
  EXPECT_EQ(refused.get().error().reason(), "no");
  EXPECT_EQ(after.get()->position, 0u);
  EXPECT_FALSE(seen);
  EXPECT_EQ(name_of(1), "");
  EXPECT_TRUE(store.groups.empty());
}

TEST_F(CommitterTest, AFailedCommitRejectsAllOfItsGroupAndPublishesNothing) {
  const std::uint64_t epoch = directory.epoch();
  Done before, first, repeated, second;
  {
    const HeldWriter held(committer);
    store.memory.fail_commit(1);
    before = submit([](Change&) -> Result<void> { return {}; });
    first = submit(put(1, "a"));
    // Finds its work done by the one before it, and writes nothing.
    repeated = submit([&](Change& change) -> Result<void> {
      if (change.find<Project>(project(1, "").id.value) == nullptr) std::abort();
      return {};
    });
    second = submit(put(2, "b"));
  }
  EXPECT_TRUE(before.get().has_value());
  EXPECT_EQ(first.get().error().code(), Code::unavailable);
  EXPECT_EQ(repeated.get().error().code(), Code::unavailable);
  EXPECT_EQ(second.get().error().code(), Code::unavailable);
  EXPECT_EQ(name_of(1) + name_of(2), "");
  EXPECT_EQ(directory.epoch(), epoch);
}

TEST_F(CommitterTest, OnAFullDiskOnlyWhatRemovesAccessIsDone) {
  ASSERT_TRUE(committer.run(put(1, "victim")).has_value());
  store.memory.set_disk_full(true);
  Done created, removed, repeated;
  {
    const HeldWriter held(committer);
    created = submit(put(2, "new"));
    removed = submit([&](Change& change) -> Result<void> {
      change.erase<Project>(project(1, "").id.value);
      change.removes_access();
      return {};
    });
    repeated = submit([](Change& change) -> Result<void> {
      return change.find<Project>(project(2, "").id.value) != nullptr
                 ? Result<void>()
                 : fail(Code::internal, "not_seen", "");
    });
  }
  EXPECT_EQ(created.get().error().code(), Code::storage_full);
  EXPECT_TRUE(removed.get().has_value());
  EXPECT_EQ(repeated.get().error().code(), Code::storage_full);
  EXPECT_EQ(name_of(1) + name_of(2), "");
  EXPECT_EQ(store.groups, (std::vector<std::size_t>{1, 2}));
}

TEST_F(CommitterTest, AnAnswerUnderAnIdempotencyKeyIsFoundWithinItsGroup) {
  Done first, second;
  std::string found;
  {
    const HeldWriter held(committer);
    first = submit([](Change& change) -> Result<void> {
      change.transaction.idempotent_answer = store::IdempotentAnswer{
          "user:1", "k", "hash", 201, "{}", change.now + std::chrono::hours{1}};
      return {};
    });
    second = submit([&](Change& change) -> Result<void> {
      KW_TRY(const auto answer, change.find_answer("user:1", "k"));
      found = answer ? answer->request_hash : "none";
      return {};
    });
  }
  ASSERT_TRUE(first.get().has_value());  // stored, though it wrote nothing else
  ASSERT_TRUE(second.get().has_value());
  EXPECT_EQ(found, "hash");
  EXPECT_TRUE(store.find_idempotent("user:1", "k")->has_value());
}

TEST_F(CommitterTest, AChangeIsDoneOnlyAfterEveryIoThreadPassedTheBarrier) {
  IoThread io;
  barrier.add(io);
  std::latch leave(1);
  std::atomic<bool> finished = false;
  io.post([&] {
    leave.wait();
    finished = true;
  });
  Done done = submit(put(1, "published"));
  while (name_of(1).empty()) std::this_thread::yield();  // durable and visible, but not done
  EXPECT_EQ(done.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  leave.count_down();
  ASSERT_TRUE(done.get().has_value());
  EXPECT_TRUE(finished.load());
  barrier.disband();
}

TEST_F(CommitterTest, AGroupOfEventsAloneDisturbsNoIoThread) {
  std::latch leave(1);
  IoThread io;
  barrier.add(io);
  io.post([&] { leave.wait(); });
  const std::uint64_t before = directory.epoch();
  const ChangeWork tell = [](Change& change) -> Result<void> {
    domain::AuditEvent event;
    event.action = "mcp.call";
    change.audit(std::move(event));
    return {};
  };
  const auto told = submit(tell).get();  // though the io thread passes no barrier
  ASSERT_TRUE(told.has_value());
  EXPECT_NE(told->position, 0u);
  EXPECT_EQ(directory.epoch(), before) << "nothing that is open has to be decided anew";
  leave.count_down();
  barrier.disband();
}

TEST_F(CommitterTest, WhatMayWaitSharesCommitsAndIsNeverLost) {
  std::atomic<int> told = 0;
  for (int i = 0; i < 100; ++i) {
    committer.post_soon([&](Change& change) -> Result<void> {
      domain::AuditEvent event;
      event.action = "mcp.call";
      change.audit(std::move(event));
      ++told;
      return {};
    });
  }
  ASSERT_TRUE(committer.run(put(1, "at once")).has_value());
  committer.stop();
  EXPECT_EQ(told.load(), 100);
  EXPECT_EQ(store.verify_audit()->events, 100u);
  EXPECT_LT(store.groups.size(), 100u);
}

TEST_F(CommitterTest, WhatMayWaitIsStoredWithTheNextChangeEvenIfThatIsRefused) {
  const auto tell = [](Change& change) -> Result<void> {
    domain::AuditEvent event;
    event.action = "mcp.call";
    change.audit(std::move(event));
    return {};
  };
  for (std::uint64_t i = 1; i <= 20; ++i) {
    committer.post_soon(tell);
    EXPECT_FALSE(
        committer
            .run([](Change&) -> Result<void> { return fail(Code::conflict, "nothing_to_do", ""); })
            .has_value());
    EXPECT_EQ(store.verify_audit()->events, i);
  }
}

TEST_F(CommitterTest, ARepeatedRemovalIsNotDoneBeforeTheFirstIsInForce) {
  ASSERT_TRUE(committer.run(put(1, "victim")).has_value());
  IoThread io;
  barrier.add(io);
  std::latch leave(1);
  std::atomic<bool> finished = false;
  const ChangeWork remove = [](Change& change) -> Result<void> {
    if (change.find<Project>(project(1, "").id.value) == nullptr) return {};
    change.erase<Project>(project(1, "").id.value);
    change.removes_access();
    return {};
  };
  Done first, same_group, next_group;
  {
    const HeldWriter held(committer);
    io.post([&] {
      leave.wait();
      finished = true;
    });
    first = submit(remove);
    same_group = submit(remove);
  }
  while (!name_of(1).empty()) std::this_thread::yield();
  next_group = submit(remove);
  for (Done* one : {&first, &same_group, &next_group}) {
    EXPECT_EQ(one->wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  }
  leave.count_down();
  EXPECT_NE(first.get()->position, 0u);
  EXPECT_EQ(same_group.get()->position, 0u);
  EXPECT_EQ(next_group.get()->position, 0u);
  EXPECT_TRUE(finished.load());
  barrier.disband();
}

Task<void> remove_and_put(Committer& committer, std::uint8_t number, std::atomic<int>& strays,
                          std::latch& done) {
  Scheduler* home = Scheduler::current();
  for (int i = 0; i < 200; ++i) {
    const ChangeWork work = [&](Change& change) -> Result<void> {
      Project one;
      one.id.value.bytes[15] = number;
      one.name = std::to_string(i);
      change.put(one);
      change.removes_access();
      return {};
    };
    const auto result = co_await committer.submit(work);
    if (!result || Scheduler::current() != home) ++strays;
  }
  done.count_down();
}

TEST_F(CommitterTest, RevokersOnTwoIoThreadsDoNotWaitForEachOtherForEver) {
  std::latch done(4);
  std::atomic<int> strays = 0;  // callers that did not come back to their own thread
  IoThread left;
  IoThread right;
  barrier.add(left);
  barrier.add(right);
  for (std::uint8_t i = 0; i < 4; ++i) {
    (i % 2 == 0 ? left : right).post([&, i] {
      start_detached(remove_and_put(committer, i, strays, done));
    });
  }
  done.wait();
  EXPECT_EQ(strays, 0);
  EXPECT_EQ(name_of(0) + name_of(1) + name_of(2) + name_of(3), "199199199199");
  barrier.disband();
  committer.stop();  // it may still be handing over to a thread that ends now
}

TEST_F(CommitterTest, StopFinishesWhatIsQueuedAndRefusesWhatComesLater) {
  std::vector<Done> done;
  std::thread stopper;
  {
    const HeldWriter held(committer);
    for (std::uint8_t i = 1; i <= 10; ++i) done.push_back(submit(put(i, "p")));
    stopper = std::thread([&] { committer.stop(); });
  }
  stopper.join();
  for (Done& one : done) EXPECT_TRUE(one.get().has_value());
  const auto late = committer.run(put(11, "late"));
  EXPECT_EQ(late.error().code(), Code::unavailable);
  EXPECT_EQ(late.error().retry_after_seconds(), 1);
  EXPECT_EQ(name_of(10) + name_of(11), "p");
}

// A group has at most 512 changes, so that the first of very many need not wait for the last.
TEST_F(CommitterTest, ALongQueueIsWrittenInSeveralGroups) {
  std::vector<Done> done;
  {
    const HeldWriter held(committer);
    for (int i = 0; i < 600; ++i) done.push_back(submit(put(1, std::to_string(i))));
  }
  for (Done& one : done) ASSERT_TRUE(one.get().has_value());
  EXPECT_EQ(store.groups, (std::vector<std::size_t>{512, 88}));
  EXPECT_EQ(name_of(1), "599");
}

// A log that others write to, as far as the writer sees it.
class OthersLog final : public SharedLog {
 public:
  Result<bool> begin() override {
    if (on_begin) std::exchange(on_begin, {})();
    return moved;
  }
  void end() override {}
  void when_applied(Wait, std::function<void(Result<int> nodes)> done) override { done(1); }

  std::function<void()> on_begin;  // while the first turn is waited for
  bool moved = false;
};

TEST_F(CommitterTest, WhatArrivesWhileOthersHaveTheirTurnsIsOfTheSameGroup) {
  OthersLog log;
  std::vector<Done> done;
  std::function<void()> more;
  log.on_begin = [&] { more(); };
  Committer shared(tools, clock, barrier, &log);
  const auto submit_shared = [&](std::uint8_t number) {
    auto promise = std::make_shared<std::promise<Result<Committed>>>();
    done.push_back(promise->get_future());
    start_detached(submit_into(shared, put(number, "p"), std::move(promise)));
  };
  more = [&] {
    submit_shared(2);
    submit_shared(3);
  };
  ASSERT_TRUE(shared.run(put(1, "p")).has_value());
  for (Done& one : done) ASSERT_TRUE(one.get().has_value());
  EXPECT_EQ(store.groups, std::vector<std::size_t>{3});
}

TEST_F(CommitterTest, WhatOthersChangedPassesTheBarrierAlsoIfNothingIsWritten) {
  class OneThread final : public Scheduler {
   public:
    void post(std::function<void()> work) override {
      ++posts;
      work();
    }
    std::atomic<int> posts = 0;
  } thread;
  barrier.add(thread);
  OthersLog log;
  Committer shared(tools, clock, barrier, &log);
  const ChangeWork refused = [](Change&) -> Result<void> {
    return fail(Code::conflict, "no", "No.");
  };
  EXPECT_FALSE(shared.run(refused).has_value());
  EXPECT_EQ(thread.posts, 0);
  log.moved = true;
  EXPECT_FALSE(shared.run(refused).has_value());
  EXPECT_EQ(thread.posts, 1);
  shared.stop();
  barrier.disband();
}

}  // namespace
}  // namespace keywright::app
