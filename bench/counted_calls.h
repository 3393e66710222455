// bench/counted_calls.h - how often this thread has allocated and locked.
//
//   const CountedCalls before = counted_calls();
//   ...
//   const CountedCalls made = counted_calls() - before;
//
// An executable that links counted_calls.cc puts itself before malloc and before the locking
// functions of pthreads, for the standard library and every other shared library too.
//
// Threading: any thread; each has its own counters. Cost: one addition for each such call.
#pragma once

#include <cstdint>

namespace keywright::bench {

struct CountedCalls {
  std::uint64_t allocations = 0;
  std::uint64_t locks = 0;

  CountedCalls operator-(const CountedCalls& earlier) const {
    return {allocations - earlier.allocations, locks - earlier.locks};
  }
};

CountedCalls counted_calls();

}  // namespace keywright::bench
