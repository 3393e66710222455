// Many checks beside changes: no check that begins after a removal returned accepts what it
// removed. Short by default; KEYWRIGHT_STRESS_MS says how long. Meant for ThreadSanitizer, too.
#include <chrono>
#include <cstdlib>

#include <gtest/gtest.h>

#include "app/records_test.h"
#include "domain/keys/lifecycle.h"

namespace keywright::app {
namespace {

using namespace domain;

constexpr std::size_t kTokens = 4096;
constexpr int kReaders = 2;

std::chrono::milliseconds duration() {
  const char* text = std::getenv("KEYWRIGHT_STRESS_MS");
  return std::chrono::milliseconds(text == nullptr ? 1500 : std::atoi(text));
}

class Stress : public RecordsTest<SystemClock> {
 protected:
  // One token and what has been promised about it.
  struct Issued {
    std::string token;
    std::atomic<bool> ended{false};  // the call that ended it has returned
  };

  Stress() : issued(kTokens) {
    for (std::size_t i = 0; i < kTokens; ++i) issued[i].token = "token-" + std::to_string(i);
    const auto made = committer.run([&](Change& change) -> Result<void> {
      organization = {{change.new_id()}, "Acme", change.now};
      change.put(organization);
      for (std::uint8_t i = 0; i < 8; ++i) {
        User user;
        user.id = {change.new_id()};
        user.email = std::to_string(i) + "@acme.test";
        change.put(user);
        users.push_back(user.id);
        memberships.push_back(
            {{change.new_id()}, organization.id, user.id, Role::member, true, change.now});
        change.put_membership(memberships.back());
      }
      return {};
    });
    EXPECT_TRUE(made.has_value());
  }

  // -- an io thread: looks, all the time

  void look() {
    thread_local std::uint64_t state = 0x9e3779b97f4a7c15ull + reader_number++;
    const std::size_t known = issued_count.load(std::memory_order_acquire);
    if (known == 0) return;
    const KeyRecord* held = nullptr;
    std::uint32_t held_cell = 0;
    for (int i = 0; i < 64; ++i) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      const Issued& one = issued[(state >> 33) % known];
      const bool ended = one.ended.load(std::memory_order_acquire);
      const Decision decision = decide(one.token, {}, directory, clock.now());
      note(decision.outcome == Outcome::valid, ended);
      if (i % 8 == 0) note(admitted(one.token), ended);
      if (held == nullptr && decision.key != nullptr) {
        held = decision.key;
        held_cell = held->cell;
      }
    }
    // Whatever happened meanwhile: until this thread passes a barrier the record stays as it was.
    if (held != nullptr && (held->cell != held_cell || held->text->name() != "key")) {
      violations.fetch_add(1, std::memory_order_relaxed);
    }
    std::size_t seen = 0;
    directory.table<Project>().for_each(
        [&](const Project& project) { seen += project.name.size(); });
    if (seen == 1) violations.fetch_add(1, std::memory_order_relaxed);  // no name has one letter
    std::this_thread::yield();  // to the writer, where there are fewer cores than threads
  }

  void note(bool accepted, bool ended) {
    looks.fetch_add(1, std::memory_order_relaxed);
    if (!accepted) return;
    accepts.fetch_add(1, std::memory_order_relaxed);
    if (ended) violations.fetch_add(1, std::memory_order_relaxed);
  }

  // As a face does it, with a second look.
  bool admitted(std::string_view token) const {
    const auto caller =
        admit(directory, {Carrier::bearer, token, false}, Audience::rest, {}, clock.now());
    if (!caller) return false;
    return still_admitted(directory, *caller, clock.now()).has_value();
  }

  // -- the writer: makes, rotates, ends

  KeyVersion next_version(Change& change) {
    KeyVersion version;
    version.cell = change.new_key_serial();
    version.digest = directory.digest_of(issued[next_token].token);
    version.created_at = change.now;
    return version;
  }
  void publish_token() { issued_count.store(++next_token, std::memory_order_release); }

  struct Living {
    domain::Key key;
    std::vector<std::size_t> tokens;
    std::size_t owner = 0;
  };

  void run(const ChangeWork& work) {
    const auto done = committer.run(work);
    if (!done) violations.fetch_add(1);
  }

  void create() {
    Living made;
    made.owner = random_below(random, users.size());
    run([&](Change& change) -> Result<void> {
      made.key.id = KeyId::arbitrary(change.random());
      made.key.serial = change.new_key_serial();
      made.key.kind = shipped_kinds().named("access")->number;
      made.key.name = "key";
      made.key.owner = {OwnerType::user, users[made.owner].to_string()};
      made.key.organization_id = organization.id;
      made.key.created_at = change.now;
      if (made.key.serial % 3 == 0) made.key.policy.limits = {{"l", 1'000'000, 1}};
      made.key.versions = {next_version(change)};
      change.put_key(made.key);
      if (next_token % 16 != 0) return {};
      Project project;
      project.id = {change.new_id()};
      project.name = "project";
      change.put(project);
      return {};
    });
    made.tokens = {next_token};
    publish_token();
    living.push_back(std::move(made));
  }

  void rotate_one(Living& one) {
    run([&](Change& change) -> Result<void> {
      domain::rotate(one.key, next_version(change), 0, change.now);
      change.removes_access();
      change.put_key(one.key);
      return {};
    });
    for (const std::size_t token : one.tokens) issued[token].ended.store(true);
    one.tokens.push_back(next_token);
    publish_token();
  }

  void revoke_one(std::size_t index) {
    Living one = std::move(living[index]);
    living.erase(living.begin() + static_cast<std::ptrdiff_t>(index));
    run([&](Change& change) -> Result<void> {
      domain::revoke(one.key, "over", change.now);
      change.removes_access();
      change.put_key(one.key);
      return {};
    });
    for (const std::size_t token : one.tokens) issued[token].ended.store(true);
  }

  // A person leaves, with every key of theirs, and another one comes.
  void remove_owner() {
    const std::size_t leaving = random_below(random, users.size());
    run([&](Change& change) -> Result<void> {
      change.erase_membership(memberships[leaving]);
      change.erase<User>(users[leaving].value);
      change.removes_access();
      return {};
    });
    std::erase_if(living, [&](const Living& one) {
      if (one.owner != leaving) return false;
      for (const std::size_t token : one.tokens) issued[token].ended.store(true);
      return true;
    });
    run([&](Change& change) -> Result<void> {
      User user;
      user.id = {change.new_id()};
      change.put(user);
      users[leaving] = user.id;
      memberships[leaving] = {{change.new_id()}, organization.id, user.id, Role::member, true,
                              change.now};
      change.put_membership(memberships[leaving]);
      return {};
    });
  }

  Barrier barrier;
  Committer committer{tools, clock, barrier};

  Organization organization;
  std::vector<UserId> users;
  std::vector<Membership> memberships;
  std::vector<Issued> issued;
  std::vector<Living> living;
  std::size_t next_token = 0;
  std::atomic<std::size_t> issued_count{0};
  std::atomic<std::uint64_t> reader_number{0};
  std::atomic<std::uint64_t> looks{0};
  std::atomic<std::uint64_t> accepts{0};
  std::atomic<std::uint64_t> violations{0};
};

TEST_F(Stress, NoCheckThatBeginsAfterARemovalReturnedAccepts) {
  std::vector<std::unique_ptr<IoThread>> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(std::make_unique<IoThread>([this] { look(); }));
    barrier.add(*readers.back());
  }
  const auto end = clock.boot_time() + duration();
  int ended = 0;
  while (clock.boot_time() < end && next_token < kTokens && violations == 0) {
    const std::uint64_t dice = random_below(random, 100);
    if (living.size() < 8 || dice < 35) {
      create();
    } else if (dice < 65) {
      rotate_one(living[random_below(random, living.size())]);
      ++ended;
    } else if (dice < 97) {
      revoke_one(random_below(random, living.size()));
      ++ended;
    } else {
      remove_owner();
      ++ended;
    }
  }
  barrier.disband();
  for (auto& reader : readers) reader->stop();
  committer.stop();
  EXPECT_EQ(violations, 0u);
  EXPECT_GT(ended, 0);
  EXPECT_GT(accepts, 0u);
  RecordProperty("looks", std::to_string(looks));
  RecordProperty("removals", ended);
  // What is left is what is alive.
  for (const Living& one : living) {
    const std::string& token = issued[one.tokens.back()].token;
    EXPECT_EQ(decide(token, {}, directory, clock.now()).outcome, Outcome::valid);
  }
  for (std::size_t i = 0; i < next_token; ++i) {
    if (!issued[i].ended) continue;
    EXPECT_NE(decide(issued[i].token, {}, directory, clock.now()).outcome, Outcome::valid);
  }
}

}  // namespace
}  // namespace keywright::app
