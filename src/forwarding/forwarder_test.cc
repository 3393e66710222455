#include "forwarding/forwarder.h"

#include <filesystem>
#include <future>

#include <gtest/gtest.h>

#include "json/codec.h"
#include "traces/native.h"
#include "traces/sqlite_trace_store.h"

namespace keywright::forwarding {
namespace {

// Receivers are real in tests/integration/test_forwarding.py; here is what needs none.
class ForwarderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("keywright-forwarder-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    std::filesystem::remove_all(folder_);
    auto keyring = crypto::Keyring::create_file(folder_ / "digest.key", clock_, random_);
    if (!keyring) {
      std::filesystem::create_directories(folder_);
      keyring = crypto::Keyring::create_file(folder_ / "digest.key", clock_, random_);
    }
    ASSERT_TRUE(keyring);
    keyring_.emplace(std::move(*keyring));
    open();
  }
  void TearDown() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    auto store =
        traces::SqliteTraceStore::open(folder_ / "traces", {.free_bytes_min = 0}, clock_, random_);
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    forwarder_ =
        std::make_unique<Forwarder>(*store_, *keyring_, clock_, random_, ForwarderOptions());
    ASSERT_TRUE(forwarder_->start());
  }
  void close() {
    if (forwarder_) forwarder_->stop();
    if (store_) store_->stop();
    forwarder_.reset();
    store_.reset();
  }

  app::Forwarding to(const std::string& url) {
    app::Forwarding forwarding;
    forwarding.platform_id = platform_;
    forwarding.url = url;
    forwarding.created_at = forwarding.updated_at = clock_.now();
    return forwarding;
  }
  void put_trace() {
    traces::TraceWrite write;
    write.platform = platform_;
    write.status = "accepted";
    write.body = traces::pack("{\"data\":{}}");
    std::vector<traces::TraceWrite> writes;
    writes.push_back(std::move(write));
    std::promise<void> done;
    store_->submit(std::move(writes), [&](auto) { done.set_value(); });
    done.get_future().wait();
  }
  app::ForwardingState state() { return forwarder_->state(platform_).value(); }

  std::filesystem::path folder_;
  TestClock clock_;
  SystemRandom random_;
  UuidGenerator ids_{clock_, random_};
  domain::PlatformId platform_{ids_.next()};
  std::optional<crypto::Keyring> keyring_;
  std::unique_ptr<traces::TraceStore> store_;
  std::unique_ptr<Forwarder> forwarder_;
};

TEST_F(ForwarderTest, SettingsAndTheQueueAreThereAfterARestart) {
  app::Forwarding forwarding = to("http://127.0.0.1:1/");
  forwarding.enabled = false;
  forwarding.header_names = {"x-a"};
  ASSERT_TRUE(forwarder_->put(forwarding));
  put_trace();
  put_trace();
  for (int round = 0; round < 2; ++round) {
    const auto found = forwarder_->find(platform_).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(json::encode(*found), json::encode(forwarding));
    EXPECT_EQ(state().queued, 2);
    close();
    open();
  }
  ASSERT_TRUE(forwarder_->remove(platform_));
  EXPECT_FALSE(forwarder_->find(platform_).value());
  EXPECT_FALSE(forwarder_->state(platform_));
}

// The address is looked at when it is dialled: a name could have become it since it was set.
TEST_F(ForwarderTest, AnAddressOfTheOwnNetworkIsNeverDialled) {
  ASSERT_TRUE(forwarder_->put(to("http://127.0.0.1:1/")));
  put_trace();
  while (state().failures == 0) std::this_thread::yield();
  EXPECT_NE(state().last_error.value().find("not allowed"), std::string::npos);
  EXPECT_TRUE(state().next_attempt_at);
  std::promise<app::ForwardingTest> tested;
  forwarder_->test(platform_, [&](auto result) { tested.set_value(std::move(result).value()); });
  const app::ForwardingTest test = tested.get_future().get();
  EXPECT_FALSE(test.delivered);
  EXPECT_NE(test.error.value().find("not allowed"), std::string::npos);
}

TEST_F(ForwarderTest, APlatformThatIsNotForwardedHasNothingToTest) {
  std::promise<Result<app::ForwardingTest>> tested;
  forwarder_->test(platform_, [&](auto result) { tested.set_value(std::move(result)); });
  EXPECT_EQ(tested.get_future().get().error().code(), Code::not_found);
}

TEST_F(ForwarderTest, AMessageThatFailsForADayIsADeadLetter) {
  ASSERT_TRUE(forwarder_->put(to("http://127.0.0.1:1/")));
  put_trace();
  while (state().failures == 0) std::this_thread::yield();
  clock_.advance(std::chrono::hours(25));
  ASSERT_TRUE(forwarder_->redrive(platform_, std::nullopt));  // wakes it before its time
  while (state().dead_letters == 0) std::this_thread::yield();
  const auto page = forwarder_->dead_letters(platform_, "", 10).value();
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.items[0].attempts, 2);
  EXPECT_EQ(page.items[0].status, std::nullopt);
  EXPECT_FALSE(forwarder_->dead_letters(platform_, "x", 10));
}

TEST_F(ForwarderTest, AReceiverThatFailsForFiveDaysIsLeftAlone) {
  ASSERT_TRUE(forwarder_->put(to("http://127.0.0.1:1/")));
  put_trace();
  put_trace();
  while (state().failures == 0) std::this_thread::yield();
  clock_.advance(std::chrono::hours(25));
  ASSERT_TRUE(forwarder_->redrive(platform_, std::nullopt));
  while (state().dead_letters == 0) std::this_thread::yield();
  clock_.advance(std::chrono::hours(24 * 5));
  ASSERT_TRUE(forwarder_->redrive(platform_, std::nullopt));
  while (forwarder_->find(platform_).value()->enabled) std::this_thread::yield();
  EXPECT_EQ(forwarder_->find(platform_).value()->disabled_reason, "failing");
  EXPECT_GT(state().queued, 0);
}

}  // namespace
}  // namespace keywright::forwarding
