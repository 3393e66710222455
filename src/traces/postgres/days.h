// traces/postgres/days.h - the partitions of the tables: one for each day. Of this room only.
//
//   KW_CHECK_OK(days.ensure(connection, day_of(number)));
//
// Errors: those of store/postgres/connection.h.
// Threading: one thread. Cost: nothing for a day that was asked for before.
#pragma once

#include <cstdint>
#include <set>

#include "store/postgres/connection.h"
#include "traces/trace_row.h"

namespace keywright::traces {

using Day = std::int64_t;  // since 1970

inline constexpr std::int64_t kDayMilliseconds = 86'400'000;
constexpr Day day_of(Time time) { return to_unix_milliseconds(time) / kDayMilliseconds; }
constexpr Day day_of(Number number) { return (number >> kCounterBits) / kDayMilliseconds; }
constexpr Number first_number_of_day(Day day) { return (day * kDayMilliseconds) << kCounterBits; }

class Days {
 public:
  // Makes it, unless somebody did. Not within a transaction.
  Result<void> ensure(store::postgres::Connection& connection, Day day);
  // Somebody dropped one.
  void forget() { known_.clear(); }

 private:
  std::set<Day> known_;
};

}  // namespace keywright::traces
