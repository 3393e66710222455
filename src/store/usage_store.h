// store/usage_store.h - how often keys were used, by minute, hour and day; kept apart from keys.
//
//   KW_CHECK_OK(store.add(minute, counts));                        // all of them, or none
//   KW_TRY(auto rows, store.read(serials, UsageStep::hour, from, to));
//   KW_CHECK_OK(store.drop_old(now));
//
// What is added to a minute is added to its hour and its day as well. Steps are those of UTC.
// Minutes are kept for 26 hours, hours for 35 days, days for two years.
//
// Shapes: `reason` 0 is an accepted use; other numbers are the caller's own.
// Errors: storage_full, unavailable/...; the key store is not touched by any of this.
// Threading: add and drop_old by one thread, read by any; a read does not wait for a write.
// Cost: add writes three rows for each count; read looks up each step of each key, in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "json/describe.h"

namespace keywright::store {

enum class UsageStep : unsigned char { minute, hour, day };
KW_DESCRIBE_ENUM(UsageStep, minute, hour, day)

inline constexpr UsageStep kUsageSteps[] = {UsageStep::minute, UsageStep::hour, UsageStep::day};

constexpr std::chrono::milliseconds length_of(UsageStep step) {
  switch (step) {
    case UsageStep::minute: return std::chrono::minutes{1};
    case UsageStep::hour: return std::chrono::hours{1};
    case UsageStep::day: break;
  }
  return std::chrono::days{1};
}

constexpr std::chrono::milliseconds kept_for(UsageStep step) {
  switch (step) {
    case UsageStep::minute: return std::chrono::hours{26};
    case UsageStep::hour: return std::chrono::days{35};
    case UsageStep::day: break;
  }
  return std::chrono::days{731};
}

// Steps since 1970, and when one begins.
constexpr std::int64_t number_of(UsageStep step, Time at) {
  const std::int64_t length = length_of(step).count();
  const std::int64_t since = to_unix_milliseconds(at);
  return since / length - (since % length < 0 ? 1 : 0);
}
constexpr Time begin_of(UsageStep step, std::int64_t number) {
  return from_unix_milliseconds(number * length_of(step).count());
}
constexpr Time begin_of(UsageStep step, Time at) { return begin_of(step, number_of(step, at)); }

struct UsageCount {
  std::int64_t serial = 0;  // of the key
  std::int64_t reason = 0;
  std::int64_t count = 0;
};

struct UsageRow {
  Time at;  // when the step begins
  std::int64_t serial = 0;
  std::int64_t reason = 0;
  std::int64_t count = 0;
};

class UsageStore {
 public:
  virtual ~UsageStore() = default;
  virtual Result<void> add(Time minute, std::span<const UsageCount> counts) = 0;
  // Steps that begin in [from, to), in no particular order.
  virtual Result<std::vector<UsageRow>> read(std::span<const std::int64_t> serials, UsageStep step,
                                             Time from, Time to) = 0;
  // Some of what has been kept for long enough; all of it after a few calls.
  virtual Result<void> drop_old(Time now) = 0;
};

}  // namespace keywright::store
