// api/admission/open_exchanges.h - what is open on behalf of a caller, and is cut when he may not
// have it any more.
//
//   class Relay final : public admission::OpenExchange {
//     void on_refused(const Error& why) override { ... }     // answer 401, or close the stream
//   };
//   Relay relay(exchange.loop, directory, clock, {caller, "service", service_id});
//   ...                                                      // looked at until it is destroyed
//   app::Barrier barrier(&admission::look_at_open_exchanges);
//
// A request that goes to an upstream, a stream, a tunnel: each io thread keeps a list of its own.
// It is decided anew, from values, when records have moved (the barrier runs
// look_at_open_exchanges() on every io thread before the change's call returns), and by a sweep
// each kSweepEvery, so that an expiry, an idle end or the end of an overlap cuts too. The sweep
// counts a stream as a use of its key, so a key does not become idle while something is open.
//
// Threading: an OpenExchange belongs to the io thread (the loop) where it was made.
// Lifetime: directory and clock outlive it; destroying it takes it off the list, also inside
//   on_refused() and on_sweep() of any.
// Cost: a list node, and one decide() when the answer begins. While nothing is open nothing runs. A
//   change costs one decide() for each exchange that is open on the thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "app/caller.h"
#include "app/directory.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/server.h"

namespace keywright::admission {

inline constexpr std::chrono::milliseconds kSweepEvery{500};

// Who came, and what he was let through to.
struct Standing {
  app::Caller caller;
  domain::ResourceType resource_type = domain::ResourceType::none;  // none: no resource
  std::string resource_id;               // its UUID: a new one under the same slug is another one
  std::vector<std::string> permissions;  // beside those the resource asks for
};

// Would he be let through now? Spends nothing. Errors: those of app::still_admitted.
Result<void> still_stands(const app::Directory& directory, const Standing& standing, Time now);

class OpenExchange {
 public:
  OpenExchange(net::Loop& loop, const app::Directory& directory, const Clock& clock,
               Standing standing);
  OpenExchange(const OpenExchange&) = delete;
  OpenExchange& operator=(const OpenExchange&) = delete;

  const Standing& standing() const { return standing_; }
  // Right before the first byte of an answer. Asks the clock too: a key may have expired without
  // any record having moved.
  Result<void> check_again();

 protected:
  virtual ~OpenExchange();

  // Not allowed any more; called once. Must not block.
  virtual void on_refused(const Error& why) = 0;
  // Each kSweepEvery: for deadlines, which then need no timers.
  virtual void on_sweep(net::Ticks) {}

 private:
  friend class OpenList;
  enum class Use : unsigned char { same, another };
  void look(Use use);

  const app::Directory& directory_;
  const Clock& clock_;
  Standing standing_;
  std::uint64_t epoch_;  // of the records by which it was let through, or last looked at
  bool refused_ = false;
  OpenExchange* next_ = nullptr;
  OpenExchange* previous_ = nullptr;
};

// Decides everything anew that is open on this io thread, if records moved since.
void look_at_open_exchanges();

}  // namespace keywright::admission
