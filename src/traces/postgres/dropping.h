// traces/postgres/dropping.h - old traces, dropped a few at a time while no sender waits. Of this
// room only.
//
//   dropping.begin(retention);
//   while (dropping.under_way() && nobody_waits) dropping.step(connection);
//
// One process at a time: it holds a lock of its session, and others that begin find nothing to do.
// Days that no project keeps any more go as whole partitions, others row by row. Partitions of
// today, of yesterday and of days to come stay even when they are empty: somebody may be about to
// write there.
//
// Errors: logged; what is left is dropped the next time.
// Threading: one thread. Cost: a step is a transaction over some hundred traces.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "store/postgres/connection.h"
#include "traces/postgres/days.h"
#include "traces/trace_store.h"

namespace keywright::traces {

class PostgresDropping {
 public:
  explicit PostgresDropping(const Clock& clock) : clock_(clock) {}

  bool under_way() const { return state_ != State::resting; }
  void begin(Retention retention);
  // Only what belongs to no forwarding any more.
  void sweep();
  void step(store::postgres::Connection& connection);
  // The connection is gone, and with it the lock.
  void stop() {
    state_ = State::resting;
    has_lock_ = false;
  }

 private:
  using Connection = store::postgres::Connection;
  enum class State : unsigned char {
    resting,
    locking,
    days,
    rows,
    empty_days,
    sweeping,
    unlocking
  };

  Result<void> advance(Connection& connection);
  Result<void> lock(Connection& connection);
  Result<void> unlock(Connection& connection);
  Result<void> find_days(Connection& connection);
  Result<void> drop_day(Connection& connection);
  Result<void> find_projects(Connection& connection);
  Result<void> drop_rows(Connection& connection);
  Result<void> drop_empty_day(Connection& connection);
  Day first_day_that_stays() const { return day_of(clock_.now()) - 1; }

  const Clock& clock_;
  State state_ = State::resting;
  bool has_lock_ = false;
  std::optional<Retention> retention_;  // null: only a sweep
  std::deque<Day> days_;
  std::deque<std::pair<domain::ProjectId, Time>> projects_;
};

// One trace with all that belongs to it, within a transaction. False: the project has none of this
// id.
Result<bool> drop_trace(store::postgres::Connection& connection, domain::ProjectId project,
                        const Uuid& id);

}  // namespace keywright::traces
