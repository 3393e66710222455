// forwarding/lane.h - the traces of one platform, on their way to one address. Of this room only.
//
//   Lane lane(tools, settings, state);
//   const Lane::Rest rest = co_await lane.send_some();   // until there is nothing, or a failure
//
// One message after the other, in the order in which they were stored. What arrived is forgotten in
// groups, so a server that is killed sends up to kUnsavedMax messages again: at least once. A
// message that is refused for good becomes a dead letter and the next one goes on; one that fails
// for now holds up those behind it, for a day; then it is a dead letter, too.
//
// Where several processes share the store, one at a time has the lane: it begins where the one
// before it ended, and gives the lane back when there is nothing to send.
//
// Threading: the forwarder's loop. Lifetime: tools outlive the lane; a lane must not be destroyed
// while send_some() runs, unless the loop has ended. Cost: the body of one message at a time.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "app/trace_forwarding.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/task.h"
#include "crypto/keyring.h"
#include "forwarding/retry.h"
#include "forwarding/works.h"
#include "http/client.h"
#include "net/loop.h"
#include "traces/trace_store.h"

namespace keywright::forwarding {

// What is kept of how it goes.
struct LaneState {
  std::int64_t delivered = 0;
  std::int64_t failures = 0;  // in a row
  std::optional<Time> failing_since;
  std::optional<Time> last_success_at;
  std::optional<Time> last_error_at;
  std::optional<std::string> last_error;
  std::optional<Time> next_attempt_at;  // after a failure
};
KW_DESCRIBE(LaneState, field<&LaneState::delivered>("delivered", ""),
            field<&LaneState::failures>("failures", ""),
            field<&LaneState::failing_since>("failing_since", ""),
            field<&LaneState::last_success_at>("last_success_at", ""),
            field<&LaneState::last_error_at>("last_error_at", ""),
            field<&LaneState::last_error>("last_error", ""),
            field<&LaneState::next_attempt_at>("next_attempt_at", ""))

struct LaneOptions {
  std::chrono::milliseconds give_up_after = std::chrono::hours(24);      // a message
  std::chrono::milliseconds disable_after = std::chrono::hours(5 * 24);  // a receiver
  std::string user_agent = "Keywright";
};

// What every lane works with.
struct LaneTools {
  traces::TraceStore& store;
  Works& works;
  net::Loop& loop;
  http::Client& client;
  const crypto::Keyring& keyring;
  const Clock& clock;
  Random& random;
  LaneOptions options;
};

class Lane {
 public:
  // What send_some() leaves: nothing to do; more; or a wait.
  struct Rest {
    bool more = false;
    std::optional<std::chrono::milliseconds> wait;
  };

  Lane(LaneTools& tools, app::Forwarding settings, LaneState state);

  void apply(app::Forwarding settings);
  // Tried again at once: what was wrong may be mended.
  void forgive() { single_until_ = 0; }

  Task<Rest> send_some();
  // An example; nothing of it is kept.
  Task<app::ForwardingTest> send_example(http::Client& client);

  // Writes down how far it got, if that is not written yet; `always`: and how it goes.
  void save(bool always = false);

  const app::Forwarding& settings() const { return settings_; }
  const LaneState& state() const { return state_; }
  std::int64_t done_until() const { return done_until_; }
  // Whether this process is the one that knows how it goes.
  bool is_ours() const { return is_ours_; }
  domain::PlatformId platform() const { return settings_.platform_id; }

 private:
  struct Parcel {
    std::vector<traces::Queued> rows;
    http::ClientRequest request{"POST", ""};
    bool gzip = false;
  };

  Result<bool> claim();
  Task<void> give_back();
  Task<Rest> send_messages();
  Result<void> fill();
  Result<std::optional<Parcel>> next_parcel();
  Result<Parcel> pack(std::vector<traces::Queued> rows, std::vector<traces::TraceToSend> traces);
  http::ClientRequest make_request(std::string body, std::string_view content_type,
                                   std::int64_t hops) const;
  void sign(http::ClientRequest& request, const std::string& id) const;
  // Bodies that cannot be read or said are given up without an attempt.
  Task<std::optional<Rest>> handle(Parcel parcel, Verdict verdict);
  Task<bool> bury(traces::Queued row, std::int64_t status, std::string problem);
  Rest fail_for_now(const Verdict& verdict);
  void note_error(std::string_view problem);
  void disable(std::string_view reason);
  void pop(std::size_t count);
  std::string state_text() const;

  LaneTools& tools_;
  app::Forwarding settings_;
  LaneState state_;
  Secret<std::string> secret_;
  Secret<std::string> previous_secret_;
  std::vector<std::pair<std::string, Secret<std::string>>> headers_;
  std::deque<traces::Queued> rows_;  // read, not sent yet
  bool is_ours_ = false;
  std::int64_t done_until_ = 0;
  std::int64_t saved_until_ = 0;
  std::int64_t single_until_ = 0;  // up to there one trace in each request
  bool takes_gzip_ = true;         // until the receiver refuses it
  std::int64_t attempts_ = 0;      // of the first message that waits
  std::optional<Time> waiting_since_;
};

}  // namespace keywright::forwarding
