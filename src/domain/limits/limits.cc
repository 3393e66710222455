#include "domain/limits/limits.h"

#include <algorithm>
#include <chrono>

#include "domain/limits/share.h"

namespace keywright::domain {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kLimitMax = 16'777'215;
constexpr std::int64_t kWindowSecondsMax = 31'536'000;
constexpr int kUseBits = 24;

__extension__ typedef __int128 Int128;

std::int64_t ceil_divide(std::int64_t value, std::int64_t divisor) {
  return value <= 0 ? 0 : (value - 1) / divisor + 1;
}

// value * factor / divisor, exact where the product needs more than 64 bits; rounded down or up.
std::int64_t scale(std::int64_t value, std::int64_t factor, std::int64_t divisor) {
  return static_cast<std::int64_t>(static_cast<Int128>(value) * factor / divisor);
}
std::int64_t scale_up(std::int64_t value, std::int64_t factor, std::int64_t divisor) {
  return static_cast<std::int64_t>((static_cast<Int128>(value) * factor + divisor - 1) / divisor);
}

std::int64_t milliseconds_since_epoch(Time now) {
  return std::max<std::int64_t>(0, now.time_since_epoch().count());
}

// Time in ticks, of which each use takes a whole number and the window a whole number: so a window
// holds `limit` uses exactly, for any limit. A tick is one microsecond where `limit` divides the
// window in microseconds, and else less than two.
struct Ticks {
  std::int64_t limit;
  std::int64_t window_micros;
  std::int64_t per_use;
  std::int64_t per_window;
  std::int64_t per_use_of_whole;
  std::int64_t limit_here;  // uses in the window with a share of it
  std::int64_t now = 0;

  Ticks(const Limit& from, Time time) : Ticks(from) {
    std::int64_t micros = milliseconds_since_epoch(time) * 1000;
    now = per_window == window_micros ? micros : scale(micros, per_window, window_micros);
  }
  Ticks(const Limit& from, Time time, std::int64_t parts) : Ticks(from, time) {
    if (parts == kWholeShare) return;
    per_use = std::min(scale_up(per_use, kWholeShare, parts), per_window);
    limit_here = per_window / per_use;
  }
  explicit Ticks(const Limit& from)
      : limit(std::clamp<std::int64_t>(from.limit, 1, kLimitMax)),
        window_micros(std::clamp<std::int64_t>(from.window_seconds, 1, kWindowSecondsMax) *
                      kMicrosPerSecond),
        per_use(std::max<std::int64_t>(1, window_micros / limit)),
        per_window(per_use * limit),
        per_use_of_whole(per_use),
        limit_here(limit) {}

  // Rounded up, so that whoever waits that long has waited long enough.
  std::int64_t to_seconds(std::int64_t ticks) const {
    if (ticks <= 0) return 0;
    return ceil_divide(scale_up(ticks, window_micros, per_window), kMicrosPerSecond);
  }
};

LimitAnswer answer_gcra(const Ticks& ticks, std::int64_t arrival, std::int64_t cost, bool spend,
                        std::int64_t& state) {
  // Neither a clock set back nor a changed limit may lock a key out for longer than one window.
  arrival = std::clamp(arrival, ticks.now, ticks.now + ticks.per_window);
  LimitAnswer answer;
  std::int64_t room = ticks.per_window - (arrival - ticks.now);
  if (cost > ticks.limit) {
    answer.retry_after_seconds = std::max<std::int64_t>(1, ticks.to_seconds(ticks.per_window));
  } else if (cost > ticks.limit_here) {
    answer.retry_after_seconds = 1;  // until then the others may have given some of theirs
  } else if (cost * ticks.per_use > room) {
    answer.retry_after_seconds =
        std::max<std::int64_t>(1, ticks.to_seconds(cost * ticks.per_use - room));
  } else {
    answer.allowed = true;
    if (spend && cost > 0) {
      arrival += cost * ticks.per_use;
      room -= cost * ticks.per_use;
      state = arrival;
    }
  }
  answer.remaining = room / ticks.per_use_of_whole;
  answer.reset_seconds = ticks.to_seconds(arrival - ticks.now);
  return answer;
}

std::int64_t fixed_limit(const Limit& from, std::int64_t parts) {
  const std::int64_t limit = std::clamp<std::int64_t>(from.limit, 1, kLimitMax);
  if (parts == kWholeShare) return limit;
  return std::max<std::int64_t>(1, scale(limit, parts, kWholeShare));
}

LimitAnswer answer_fixed(const Limit& from, std::int64_t& state, Time now, std::int64_t cost,
                         bool spend, std::int64_t parts) {
  const std::int64_t limit = fixed_limit(from, parts);
  const std::int64_t window = std::clamp<std::int64_t>(from.window_seconds, 1, kWindowSecondsMax);
  const std::int64_t millis = milliseconds_since_epoch(now);
  const std::int64_t number = millis / (window * 1000);
  const std::int64_t left = ceil_divide((number + 1) * window * 1000 - millis, 1000);

  // A window later than now means that the clock was set back: its uses count on.
  const std::int64_t known = state >> kUseBits;
  std::int64_t uses = known >= number ? state & kLimitMax : 0;
  LimitAnswer answer;
  if (cost > limit || uses + cost > limit) {
    const bool fits_the_whole = parts != kWholeShare && cost > limit && cost <= from.limit;
    answer.retry_after_seconds = fits_the_whole ? 1 : std::max<std::int64_t>(1, left);
  } else {
    answer.allowed = true;
    if (spend && cost > 0) {
      uses += cost;
      state = number << kUseBits | uses;
    }
  }
  answer.remaining = std::max<std::int64_t>(0, limit - uses);
  if (parts != kWholeShare) {
    answer.remaining = scale(answer.remaining, fixed_limit(from, kWholeShare), limit);
  }
  answer.reset_seconds = uses == 0 ? 0 : left;
  return answer;
}

LimitAnswer answer_limit(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost,
                         bool spend, std::int64_t parts) {
  cost = std::max<std::int64_t>(0, cost);
  if (limit.algorithm == LimitAlgorithm::gcra) {
    return answer_gcra(Ticks(limit, now, parts), state, cost, spend, state);
  }
  LimitAnswer answer = answer_fixed(limit, state, now, cost, spend, parts);
  // No uses are asked for, so none can be refused, even where the limit was lowered below them.
  if (cost == 0) {
    answer.allowed = true;
    answer.retry_after_seconds = 0;
  }
  return answer;
}

std::chrono::sys_days boundary_day(RefillInterval interval, std::chrono::sys_days day) {
  using namespace std::chrono;
  switch (interval) {
    case RefillInterval::daily: return day;
    case RefillInterval::weekly: return day - (weekday(day) - Monday);
    case RefillInterval::monthly: {
      year_month_day date(day);
      return sys_days(date.year() / date.month() / 1);
    }
  }
  return day;
}

}  // namespace

LimitAnswer peek(const Limit& limit, std::int64_t state, Time now, std::int64_t cost) {
  return answer_limit(limit, state, now, cost, false, kWholeShare);
}

LimitAnswer peek(const Limit& limit, std::int64_t state, Time now, std::int64_t cost,
                 std::int64_t parts) {
  return answer_limit(limit, state, now, cost, false, parts);
}

LimitAnswer take(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost) {
  return answer_limit(limit, state, now, cost, true, kWholeShare);
}

LimitAnswer take(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost,
                 std::int64_t parts) {
  return answer_limit(limit, state, now, cost, true, parts);
}

std::int64_t give_back(const Limit& limit, std::int64_t state, std::int64_t cost) {
  return give_back(limit, state, cost, kWholeShare);
}

std::int64_t give_back(const Limit& limit, std::int64_t state, std::int64_t cost,
                       std::int64_t parts) {
  cost = std::clamp<std::int64_t>(cost, 0, kLimitMax);
  if (limit.algorithm == LimitAlgorithm::gcra) {
    const Ticks ticks(limit, Time{}, parts);
    state = std::max<std::int64_t>(0, state) - std::min(cost, ticks.limit_here) * ticks.per_use;
    return std::max<std::int64_t>(0, state);
  }
  std::int64_t uses = state & kLimitMax;
  return state - std::min(uses, cost);
}

std::int64_t unused_parts(const Limit& limit, std::int64_t state, Time now, std::int64_t parts) {
  if (limit.algorithm == LimitAlgorithm::gcra) {
    const Ticks ticks(limit, now);
    const std::int64_t backlog = std::clamp<std::int64_t>(state - ticks.now, 0, ticks.per_window);
    return scale(ticks.per_window - backlog, parts, ticks.per_window);
  }
  const std::int64_t here = fixed_limit(limit, parts);
  const LimitAnswer answer = answer_fixed(limit, state, now, 0, false, parts);
  return scale(std::min(answer.remaining, limit.limit), parts, std::max(limit.limit, here));
}

std::int64_t with_share(const Limit& limit, std::int64_t state, Time now, std::int64_t parts,
                        std::int64_t new_parts) {
  if (limit.algorithm != LimitAlgorithm::gcra) return state;
  const Ticks ticks(limit, now);
  const std::int64_t backlog = std::clamp<std::int64_t>(state - ticks.now, 0, ticks.per_window);
  if (backlog == 0) return state;
  return ticks.now + std::min(scale_up(backlog, parts, new_parts), ticks.per_window);
}

Time refill_boundary(RefillInterval interval, Time now) {
  return boundary_day(interval, std::chrono::floor<std::chrono::days>(now));
}

Time next_refill_boundary(RefillInterval interval, Time now) {
  using namespace std::chrono;
  sys_days start = boundary_day(interval, floor<days>(now));
  switch (interval) {
    case RefillInterval::daily: return start + days(1);
    case RefillInterval::weekly: return start + days(7);
    case RefillInterval::monthly: {
      year_month_day date(start);
      return sys_days((date.year() / date.month() + months(1)) / 1);
    }
  }
  return start;
}

std::int64_t refilled(std::int64_t remaining, const std::optional<Refill>& refill, Time as_of,
                      Time now) {
  if (!refill || refill_boundary(refill->interval, now) <= as_of) return remaining;
  return std::max(remaining, refill->amount);
}

}  // namespace keywright::domain
