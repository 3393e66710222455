// cluster/limit_exchange.h - moves shares of limits and credits to the nodes that need them.
//
//   LimitExchange exchange(directory, mutex, clock, me);
//   KW_CHECK_OK(exchange.run(connection));        // at each step of the feed, on its thread
//   KW_CHECK_OK(exchange.leave(connection));      // after the last answer
//
// A node spends its share of a limit or of credits without asking (app/shares.h), so what all
// accept together is what was configured, as long as the shares add up. The table `shares` holds
// them for the keys of which some node's share ran low: a row for each node, and one, with a nil
// node, for what nobody has. A node that is in want says so in its row; the others give the pool
// most of what they do not use; who wants takes from it. Whoever gives, gives first and writes
// then; whoever takes, takes after the commit: shares add up at any moment. What a dead node had
// goes to the pool when its row in `nodes` is gone. share_plan.h has the arithmetic.
//
// What no row tells of is divided by the number of nodes. When that changes, divide() adapts what
// this node holds of it; cluster.cc sees to it that a node that joins answers nothing before the
// others have done that.
//
// Credits that were spent are written about once a second, so a node that dies loses the count of
// about a second. Rows of one key are changed under one lock.
//
// Errors: those of the store; run() goes on where it stopped.
// Threading: one thread; takes `mutex` (that of the records) for moments. Cost: a query a second
// when nothing is scarce, else two round trips for up to kGroupsAtOnce keys.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "app/directory.h"
#include "app/shares.h"
#include "base/clock.h"
#include "cluster/share_plan.h"
#include "store/postgres/connection.h"

namespace keywright::cluster {

class LimitExchange {
 public:
  static constexpr std::size_t kGroupsAtOnce = 1'000;

  LimitExchange(app::Directory& directory, std::mutex& mutex, const Clock& clock, const Uuid& me)
      : directory_(directory), mutex_(mutex), clock_(clock), me_(me) {}

  Result<void> run(store::postgres::Connection& connection);
  Result<void> leave(store::postgres::Connection& connection);

  // Of so many nodes this is the one with that rank, from 0.
  void divide(std::int64_t nodes, std::int64_t rank);
  // The next run() reads all rows there are.
  void begin_again() {
    read_from_ = 0;
    next_read_ = {};
  }
  // Drops rows of keys that are gone; what nodes had that are gone goes to the pool.
  static Result<void> trim(store::postgres::Connection& connection, const Uuid& me);

 private:
  using Connection = store::postgres::Connection;
  using Nanoseconds = std::chrono::nanoseconds;

  struct Place {
    std::int64_t serial = 0;
    std::int64_t slot = 0;
    auto operator<=>(const Place&) const = default;
  };
  struct Entry {
    domain::KeyId id;
    Nanoseconds active_at{};
    Nanoseconds wants_until{};
    Nanoseconds agreed_at{};
    bool due = true;  // something is to be done in the table
    bool has_said_want = false;
  };
  // What this node has of it in memory. Only while the mutex is held.
  struct Held {
    const domain::KeyRecord* key = nullptr;  // null: gone
    const domain::Limit* limit = nullptr;    // null: credits
    std::atomic<std::int64_t>* state = nullptr;
    std::atomic<std::int64_t>* word = nullptr;  // flags, too
    app::UsageCell* cell = nullptr;
    app::Shares::Credit* credit = nullptr;
  };
  struct Change {
    Place place;
    std::int64_t spent = 0;
    std::int64_t from = 0;  // parts
    std::int64_t raise = 0;
    bool want = false;
  };
  using Groups = std::map<Place, ShareGroup>;

  app::Shares& shares() const { return *directory_.usage().shares(); }
  void take_noted(Nanoseconds now);
  Result<void> read_changed(Connection& connection);
  void look(Nanoseconds now);
  Result<void> agree(Connection& connection, const std::vector<Place>& places, bool leaving);
  Result<Groups> read(Connection& connection, const std::vector<Place>& places,
                      std::vector<Uuid>& live);
  Result<void> write(Connection& connection, const Groups& groups);

  Held hold(const Place& place, const domain::KeyId& id) const;
  void divide_credits(const domain::KeyRecord& key) const;
  void divide_limit(const domain::KeyRecord& key, std::size_t index, std::int64_t before) const;
  ShareAsk ask(const Held& held, const std::vector<Uuid>& live) const;
  Change plan(const Place& place, ShareGroup& group, const std::vector<Uuid>& live, bool leaving);
  void move_state(const domain::Limit& limit, std::atomic<std::int64_t>& state, std::int64_t from,
                  std::int64_t to) const;
  void lower(const Held& held, std::int64_t from, std::int64_t by) const;
  void raise(const Held& held, const Change& change) const;

  app::Directory& directory_;
  std::mutex& mutex_;
  const Clock& clock_;
  const Uuid me_;
  std::map<Place, Entry> entries_;  // what is scarce, or was a moment ago
  // Keys of whose credits the table tells, and since which epoch.
  std::unordered_map<std::int64_t, std::int64_t> agreed_;
  std::int64_t read_from_ = 0;  // transactions before it were read
  Nanoseconds next_read_{};
};

}  // namespace keywright::cluster
