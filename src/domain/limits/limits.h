// domain/limits/limits.h - rate limits and credits as pure arithmetic.
//
//   std::int64_t state = 0;
//   LimitAnswer a = take(limit, state, now, cost);   // changes `state` only if a.allowed
//
// GCRA ("gcra", ITU-T I.371: one timestamp, a smooth rate with a burst of `limit`) and fixed
// windows aligned to the Unix epoch ("fixed"). The state of one limit is one 64-bit integer, so
// that callers can keep it in an atomic. 0 is the state of a limit never used.
//   gcra:  the theoretical arrival time since the epoch, in ticks of window / (limit * k): of one
//          microsecond where the limit divides the window so, else of less than two
//   fixed: the window's number in the upper 40 bits, uses in the lower 24 (limit <= 16,777,215)
//
// Credits: `remaining` falls by `cost` with each accepted check, and is raised to `amount` at each
// refill boundary (UTC midnight; Monday; first of the month).
//
// A clock set back locks nobody out for longer than a window: a time in the state later than one
// window from now counts as just that. Costs below 0 count as 0; cost 0 is always allowed.
//
// Threading: pure functions. Cost: a few instructions, no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "json/describe.h"

namespace keywright::domain {

enum class LimitAlgorithm : unsigned char { gcra, fixed };
KW_DESCRIBE_ENUM(LimitAlgorithm, gcra, fixed)

struct Limit {
  std::string name;
  std::int64_t limit = 0;
  std::int64_t window_seconds = 0;
  LimitAlgorithm algorithm = LimitAlgorithm::gcra;
  bool operator==(const Limit&) const = default;
};
KW_DESCRIBE(Limit,
            field<&Limit::name>("name", "Shown in answers and headers.", required, max_length(64),
                                non_blank),
            field<&Limit::limit>("limit", "Uses in one window.", required, minimum(1),
                                 maximum(16777215)),
            field<&Limit::window_seconds>("window_seconds", "Length of the window in seconds.",
                                          required, minimum(1), maximum(31536000)),
            field<&Limit::algorithm>("algorithm", "How uses are counted."))

enum class RefillInterval : unsigned char { daily, weekly, monthly };
KW_DESCRIBE_ENUM(RefillInterval, daily, weekly, monthly)

struct Refill {
  std::int64_t amount = 0;
  RefillInterval interval = RefillInterval::monthly;
  bool operator==(const Refill&) const = default;
};
KW_DESCRIBE(Refill,
            field<&Refill::amount>("amount", "What `remaining` is raised to.", required, minimum(1),
                                   maximum(1000000000000)),
            field<&Refill::interval>("interval", "How often, at UTC midnight.", required))

struct LimitAnswer {
  bool allowed = false;
  std::int64_t remaining = 0;            // uses that would be accepted right now
  std::int64_t reset_seconds = 0;        // until the full limit is there again, rounded up
  std::int64_t retry_after_seconds = 0;  // refused: until `cost` would pass, at least 1
};

// Looks without spending.
LimitAnswer peek(const Limit& limit, std::int64_t state, Time now, std::int64_t cost);

// Spends if allowed: `state` is the new value then, and is left alone otherwise.
LimitAnswer take(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost);

// The state after `cost` uses were given back (a later limit refused the same check).
std::int64_t give_back(const Limit& limit, std::int64_t state, std::int64_t cost);

// The last refill boundary at or before `now`, and the first after it.
Time refill_boundary(RefillInterval interval, Time now);
Time next_refill_boundary(RefillInterval interval, Time now);

// What is left at `now` of `remaining` as it stood at `as_of`: raised to the refill's amount if a
// boundary lies between, never lowered.
std::int64_t refilled(std::int64_t remaining, const std::optional<Refill>& refill, Time as_of,
                      Time now);

}  // namespace keywright::domain
