// store/postgres/reader.h - what is read back: lists for people, and everything at a start.
//
//   ReaderPool pool(url, 4);
//   return pool.read([&](Connection& connection) { return get_key(connection, id); });
//
// Connections are made when they are needed and kept; one that breaks is made anew by the next
// read. While PostgreSQL is gone, reads fail at once between two attempts to reach it, and while
// somebody who asks it all the time says that it is gone.
//
// Errors: those of connection.h and of store.h.
// Threading: the pool from any thread, the functions as their connection. Lifetime: the clock
// outlives pool and opener. Cost: one round trip.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/postgres/connection.h"
#include "store/postgres/log.h"
#include "store/store.h"

namespace keywright::store::postgres {

Result<PageOf<Record>> list_records(Connection& connection, const RecordFilter& filter,
                                    const Page& page);
Result<std::optional<domain::Key>> get_key(Connection& connection, const domain::KeyId& id);
Result<PageOf<domain::Key>> list_keys(Connection& connection, const KeyFilter& filter,
                                      const Page& page);
Result<PageOf<domain::AuditEvent>> list_audit(Connection& connection, const AuditFilter& filter,
                                              const Page& page);
Result<AuditVerification> verify_audit(Connection& connection, const AuditStretch& stretch = {});
// Everything, as it is at one point of the log, and once more what took access away since then.
struct Loaded {
  LogPoint point;
  Missing removals;
};
Result<Loaded> load(Connection& connection, Loader& loader, Time removals_since);

// Opens a connection, unless the last attempt failed a moment ago.
class Opener {
 public:
  Opener(const Secret<std::string>& url, const Timeouts& timeouts, const Clock& clock)
      : url_(url.clone()), timeouts_(timeouts), clock_(clock) {}

  Result<std::unique_ptr<Connection>> open();

 private:
  const Secret<std::string> url_;
  const Timeouts timeouts_;
  const Clock& clock_;
  std::mutex mutex_;
  std::chrono::nanoseconds not_before_{};  // boot time
  std::chrono::milliseconds pause_{0};
};

// A connection that was closed while it was idle fails this soon; one without an answer does not.
inline constexpr std::chrono::milliseconds kSoon{500};

class ReaderPool {
 public:
  ReaderPool(const Secret<std::string>& url, int connections, const Clock& clock)
      : clock_(clock), opener_(url, {}, clock), free_(connections) {}

  template <class Read>
  auto read(Read&& read) -> decltype(read(std::declval<Connection&>())) {
    KW_TRY(std::unique_ptr<Connection> connection, borrow());
    const auto started = clock_.boot_time();
    auto result = read(*connection);
    const bool soon = clock_.boot_time() - started < kSoon;
    if (!result && connection->is_broken() && soon) {  // it may have been idle for long: once more
      give_back(nullptr);
      KW_TRY(connection, borrow());
      result = read(*connection);
    }
    give_back(std::move(connection));
    return result;
  }

  // Gone: reads fail at once, and so do those that wait for a connection or an answer. Any thread.
  void note_gone(bool is_gone);
  const std::atomic<bool>& is_gone() const { return is_gone_; }

 private:
  Result<std::unique_ptr<Connection>> borrow();
  void give_back(std::unique_ptr<Connection> connection);

  const Clock& clock_;
  Opener opener_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int free_;
  std::atomic<bool> is_gone_{false};
};

}  // namespace keywright::store::postgres
