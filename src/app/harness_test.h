// app/harness_test.h - a whole application in memory, driven the way a face drives it.
//
//   Harness h;                                          // "Acme" with an owner who is signed in
//   std::string admin = h.sign_up("ann@acme.test", "admin");              // a session token
//   Answer made = h.call("keys.create", admin, R"({"kind":"access","name":"CI"})");
//   made.text("key");                                   // the secret
//   h.call("keys.get", admin, "", {{"id", made.text("id")}}).code();      // Code, when refused
//
// For tests only. Time stands still until h.clock is moved. Threading: one thread, beside the
// committer's own; there are no io threads, so workers run in place.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "app/operation.h"
#include "app/passwords.h"
#include "app/setup_link.h"
#include "app/slow_hashes.h"
#include "app/throttle.h"
#include "store/memory/memory_store.h"

namespace keywright::app {

inline constexpr std::string_view kTestPassword = "correct horse battery";

// SeededRandom for the threads of a test: the same bytes, in whatever order they are asked for.
class SharedRandom final : public Random {
 public:
  explicit SharedRandom(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::byte> out) override {
    const std::lock_guard lock(mutex_);
    random_.fill(out);
  }

 private:
  std::mutex mutex_;
  SeededRandom random_;
};

// An io thread as the server has them: runs what is posted, one piece at a time. With `idle` it
// runs that between two pieces instead of waiting.
class IoThread final : public Scheduler {
 public:
  explicit IoThread(std::function<void()> idle = {});
  ~IoThread() { stop(); }
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void post(std::function<void()> work) override;
  void stop();  // after what was posted

 private:
  void loop();

  std::function<void()> idle_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

// Holds the writer inside a change, so that what is submitted meanwhile becomes one group.
class HeldWriter {
 public:
  explicit HeldWriter(Committer& committer);
  ~HeldWriter();
  HeldWriter(const HeldWriter&) = delete;
  HeldWriter& operator=(const HeldWriter&) = delete;

 private:
  struct Latches {
    std::latch entered{1};
    std::latch leave{1};
  };
  std::shared_ptr<Latches> latches_ = std::make_shared<Latches>();  // the writer may be the last
};

// What an operation answered.
class Answer {
 public:
  Answer(Result<std::string> body, Reply reply)
      : body_(std::move(body)), reply_(std::move(reply)) {}

  bool ok() const { return body_.has_value(); }
  const std::string& body() const { return *body_; }
  const Error& error() const { return body_.error(); }
  const Reply& reply() const { return reply_; }
  // "ok", or the reason of the error.
  std::string reason() const { return ok() ? "ok" : error().reason(); }
  // 200 when it went well.
  int status() const;
  // The field at "owner.id" or "items.0.name": text as it is, "null" for null, "" if there is none,
  // anything else as JSON.
  std::string text(std::string_view path) const;
  std::size_t size(std::string_view path) const;  // of the array or object there

 private:
  Result<std::string> body_;
  Reply reply_;
};

// An operation under way.
class StartedCall {
 public:
  Answer get();

 private:
  friend class Harness;
  struct State {
    Call call;
    std::vector<std::pair<std::string, std::string>> values;
    std::vector<json::Parameter> parameters;
    std::string body;
    std::string path;
    std::promise<Result<std::string>> done;
  };
  std::unique_ptr<State> state_ = std::make_unique<State>();
};

struct CallOptions {
  std::string idempotency_key = {};
  std::string if_match = {};
  std::string address = "192.0.2.10";
};

class Harness {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  using Options = CallOptions;

  Harness();
  ~Harness();

  // As the REST face does it: admits the token ("" = none), then looks or runs.
  Answer call(std::string_view operation, std::string_view token, std::string_view body = "",
              const Parameters& parameters = {}, const Options& options = {}) {
    return start(operation, token, body, parameters, options).get();
  }
  // The same without waiting: a change has been submitted when this returns.
  StartedCall start(std::string_view operation, std::string_view token, std::string_view body = "",
                    const Parameters& parameters = {}, const Options& options = {});

  // Runs a change as the server itself.
  Result<Committed> change(const ChangeWork& work) { return committer.run(work); }

  // A person of the first organization who signed in; returns the session token.
  std::string sign_up(const std::string& email, const std::string& role);
  std::string sign_in(const std::string& email, std::string_view password = kTestPassword);
  std::string user_id(std::string_view email) const;
  // Creates something and returns its id; fails the test if that is refused.
  std::string create(std::string_view operation, std::string_view token, std::string_view body,
                     const Parameters& parameters = {});
  Answer verify(std::string_view caller, std::string_view token, std::string_view more = "");
  // The code that decide() gives, asked by the first organization's owner.
  std::string code_of(std::string_view token, std::string_view more = "");

  // Every stored audit event of the installation, oldest first.
  std::vector<domain::AuditEvent> events();

  // Who asks, found out as a face does it.
  Result<void> admit_to(Call& call, std::string_view token, const std::string& address);

  TestClock clock;
  SharedRandom random{7};
  crypto::Keyring keyring;
  store::MemoryStore store{clock};
  Directory directory;
  Settings settings;
  UuidGenerator ids{clock, random};
  Barrier barrier;
  Committer committer;
  Workers readers{0, 16};
  Workers hashing{0, 16};
  SignInThrottle throttle;
  SlowHashes slow_hashes;
  SetupLink setup_link;
  App app;

  domain::OrganizationId organization;
  std::string owner;  // session token of owner@acme.test
};

std::unique_ptr<UsageFile> test_usage_file();

}  // namespace keywright::app
