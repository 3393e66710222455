// forwarding/forwarder.h - sends traces on: every platform that is forwarded, on one thread.
//
//   Forwarder forwarder(store, keyring, clock, random, {.allowed_upstreams = allowed});
//   KW_CHECK_OK(forwarder.start());              // before the first trace is stored
//   reader.set_forwarding(&forwarder);           // operations find it (app/trace_forwarding.h)
//   ...
//   forwarder.stop();                            // before the store stops
//
// Each platform has a lane of its own, so a receiver that is slow or gone holds up nobody else; a
// few are busy at once, the others take turns. What is to be sent is read from the outbox of the
// trace store (traces/outbox.h), which is also the cursor. Addresses are looked at when they are
// dialled, as the gateway does (app/upstream.h): a name that leads into the server's own network
// leads nowhere.
//
// Where several processes share the trace store, each platform is sent by one of them at a time;
// what is asked for (settings, state, dead letters) comes from the store, so all say the same.
//
// Errors: those of traces/trace_store.h.
// Threading: as app/trace_forwarding.h; start and stop from one thread.
// Lifetime: store, keyring, clock and random outlive it. Cost: one thread, which also reads.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/companion.h"
#include "base/ip.h"
#include "forwarding/lane.h"

namespace keywright::forwarding {

struct ForwarderOptions {
  std::vector<Cidr> allowed_upstreams;
  LaneOptions lane;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{15'000};
  std::chrono::milliseconds test_timeout{5'000};
};

struct ForwarderTotals {
  std::uint64_t delivered = 0;
  std::uint64_t failures = 0;  // in a row, of all lanes together
  std::size_t platforms = 0;
};

class Forwarder final : public app::TraceForwarding {
 public:
  Forwarder(traces::TraceStore& store, const crypto::Keyring& keyring, const Clock& clock,
            Random& random, ForwarderOptions options);
  ~Forwarder() override;
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  Result<void> start();
  void stop();

  std::vector<domain::PlatformId> platforms() const;
  // Of a platform that is gone: without waiting until it is written.
  void forget(domain::PlatformId platform);
  ForwarderTotals totals() const;

  Result<std::optional<app::Forwarding>> find(domain::PlatformId platform) override;
  Result<app::ForwardingState> state(domain::PlatformId platform) override;
  Result<void> put(const app::Forwarding& forwarding) override;
  Result<void> remove(domain::PlatformId platform) override;
  Result<app::DeadTracePage> dead_letters(domain::PlatformId platform, std::string_view cursor,
                                          int limit) override;
  Result<std::int64_t> redrive(domain::PlatformId platform,
                               const std::optional<std::string>& id) override;
  void test(domain::PlatformId platform,
            std::function<void(Result<app::ForwardingTest>)> done) override;

 private:
  // What other threads see of a lane.
  struct Seen {
    app::Forwarding settings;
    LaneState state;
    std::int64_t done_until = 0;
    std::optional<Time> next_attempt_at;
    bool is_ours = true;  // false: another process knows better
  };
  // A lane and what it is doing; the loop's thread only.
  struct Place {
    std::unique_ptr<Lane> lane;
    Companion work;
    net::TimerId timer = net::TimerId::none;
    bool is_ready = false;  // stands in ready_
    bool is_working = false;
    bool poked = false;  // while it worked
    bool removed = false;
  };
  struct Trial {
    Companion work;
    std::function<void(Result<app::ForwardingTest>)> done;  // empty: it was told
  };

  http::ClientOptions client_options(std::chrono::milliseconds request_timeout) const;
  Result<std::optional<Seen>> look_up(domain::PlatformId platform);
  void take(app::Forwarding settings, LaneState state);
  void refresh();
  void let_go(domain::PlatformId platform);
  void poke(Place& place);
  void wake(Place& place);  // also out of a wait
  void pump();
  Companion work(Place& place);
  void rest(Place& place, Lane::Rest rest);
  void show(const Place& place, std::optional<Time> next_attempt_at);
  void begin_trial(domain::PlatformId platform, std::shared_ptr<Trial> trial);
  Companion try_out(Lane& lane, Trial* trial);

  traces::TraceStore& store_;
  const Clock& clock_;
  const ForwarderOptions options_;
  net::LoopGroup loops_{1};
  net::Loop& loop_ = loops_[0];
  http::Client client_;
  http::Client trial_client_;
  Works works_;
  LaneTools tools_;
  std::map<domain::PlatformId, Place> places_;
  std::deque<domain::PlatformId> ready_;
  std::vector<std::shared_ptr<Trial>> trials_;
  std::size_t working_ = 0;
  mutable std::mutex seen_mutex_;
  std::map<domain::PlatformId, Seen> seen_;
  std::mutex put_mutex_;  // settings are written one after the other
};

}  // namespace keywright::forwarding
