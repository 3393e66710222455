// cluster/usage_exchange.h - when keys were used last, on whichever node.
//
//   UsageExchange exchange(directory.usage().file(), clock);
//   KW_CHECK_OK(exchange.run(connection));        // about once a second, on the feed's thread
//
// Uses of this node are written to key_uses, each key at most once in kCoalesce; those that others
// have written are taken into the cells here, where decide() and the API look. A use is seen on
// another node after kCoalesce and a few seconds at most.
//
// What was written meanwhile is found by transaction ids, not by a counter: a counter that commits
// late would be skipped.
//
// Errors: those of the store. Threading: one thread; cells are atomics. Lifetime: file and clock
// outlive it. Cost: one pass over the cells, one or two queries; a pass is made at most in a
// twentieth of the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "app/usage.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/postgres/connection.h"

namespace keywright::cluster {

class UsageExchange {
 public:
  static constexpr std::chrono::seconds kCoalesce{20};
  static constexpr std::chrono::milliseconds kEvery{1'000};

  // What a process before this one may not have written is at most kLookBack old.
  static constexpr std::chrono::minutes kLookBack{10};

  UsageExchange(app::UsageFile& file, const Clock& clock)
      : UsageExchange(file, clock, clock.now() - kLookBack) {}
  // Uses before `since` are known.
  UsageExchange(app::UsageFile& file, const Clock& clock, Time since)
      : file_(file), clock_(clock), looked_from_(to_unix_milliseconds(since)) {}

  // Does nothing unless it is time.
  Result<void> run(store::postgres::Connection& connection);
  // Before a node leaves: everything that was not written yet.
  Result<void> flush(store::postgres::Connection& connection);

 private:
  struct Known {
    std::int64_t used_at = 0;  // as it stands in the table
    std::chrono::nanoseconds since{};
  };
  struct Use {
    std::int64_t cell = 0;
    std::int64_t used_at = 0;
  };

  std::vector<Use> collect(std::chrono::nanoseconds coalesce);
  Result<void> write(store::postgres::Connection& connection, const std::vector<Use>& uses);
  Result<void> read(store::postgres::Connection& connection);

  app::UsageFile& file_;
  const Clock& clock_;
  std::unordered_map<std::int64_t, Known> known_;  // by cell; those of the last kCoalesce
  std::int64_t looked_from_;                       // uses before it were seen
  std::int64_t read_from_ = 0;                     // transactions before it were read
  std::chrono::nanoseconds next_{};
  bool writes_next_ = true;
};

}  // namespace keywright::cluster
