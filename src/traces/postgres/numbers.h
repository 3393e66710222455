// traces/postgres/numbers.h - numbers that no other process gives a trace. Of this room only.
//
//   KW_CHECK_OK(numbers.reserve(connection, 40, clock.boot_time()));
//   Number number = numbers.next(now);                 // forty times without asking
//
// A number is the millisecond and a counter of 20 bits. Each process takes blocks of 1,024 counters
// from a sequence of the database, and gives a block back unused when it is a minute old, so that
// the sequence has not come around to it meanwhile. Numbers of one process grow.
//
// Errors: those of store/postgres/connection.h.
// Threading: one thread. Cost: a round trip for some thousand numbers.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "store/postgres/connection.h"
#include "traces/trace_row.h"

namespace keywright::traces {

class Numbers {
 public:
  // `boot_time`: now.
  Result<void> reserve(store::postgres::Connection& connection, std::size_t count,
                       std::chrono::nanoseconds boot_time);
  Number next(Time now);
  // After one turned out to be taken.
  void forget() { blocks_.clear(); }

 private:
  struct Block {
    std::int64_t next = 0;
    std::int64_t end = 0;
  };

  std::deque<Block> blocks_;
  std::chrono::nanoseconds taken_at_{};
  Number last_ = 0;
};

}  // namespace keywright::traces
