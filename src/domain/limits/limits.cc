#include "domain/limits/limits.h"

#include <algorithm>
#include <chrono>

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
  std::int64_t now = 0;

  Ticks(const Limit& from, Time time) : Ticks(from) {
    std::int64_t micros = milliseconds_since_epoch(time) * 1000;
    now = per_window == window_micros ? micros : scale(micros, per_window, window_micros);
  }
  explicit Ticks(const Limit& from)
      : limit(std::clamp<std::int64_t>(from.limit, 1, kLimitMax)),
        window_micros(std::clamp<std::int64_t>(from.window_seconds, 1, kWindowSecondsMax) *
                      kMicrosPerSecond),
        per_use(std::max<std::int64_t>(1, window_micros / limit)),
        per_window(per_use * limit) {}

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
  answer.remaining = room / ticks.per_use;
  answer.reset_seconds = ticks.to_seconds(arrival - ticks.now);
  return answer;
}

LimitAnswer answer_fixed(const Limit& from, std::int64_t& state, Time now, std::int64_t cost,
                         bool spend) {
  const std::int64_t limit = std::clamp<std::int64_t>(from.limit, 1, kLimitMax);
  const std::int64_t window = std::clamp<std::int64_t>(from.window_seconds, 1, kWindowSecondsMax);
  const std::int64_t millis = milliseconds_since_epoch(now);
  const std::int64_t number = millis / (window * 1000);
  const std::int64_t left = ceil_divide((number + 1) * window * 1000 - millis, 1000);

  // A window later than now means that the clock was set back: its uses count on.
  const std::int64_t known = state >> kUseBits;
  std::int64_t uses = known >= number ? state & kLimitMax : 0;
  LimitAnswer answer;
  if (cost > limit || uses + cost > limit) {
    answer.retry_after_seconds = std::max<std::int64_t>(1, left);
  } else {
    answer.allowed = true;
    if (spend && cost > 0) {
      uses += cost;
      state = number << kUseBits | uses;
    }
  }
  answer.remaining = std::max<std::int64_t>(0, limit - uses);
  answer.reset_seconds = uses == 0 ? 0 : left;
  return answer;
}

LimitAnswer answer_limit(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost,
                         bool spend) {
  cost = std::max<std::int64_t>(0, cost);
  if (limit.algorithm == LimitAlgorithm::gcra) {
    return answer_gcra(Ticks(limit, now), state, cost, spend, state);
  }
  LimitAnswer answer = answer_fixed(limit, state, now, cost, spend);
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
  return answer_limit(limit, state, now, cost, false);
}

LimitAnswer take(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost) {
  return answer_limit(limit, state, now, cost, true);
}

std::int64_t give_back(const Limit& limit, std::int64_t state, std::int64_t cost) {
  cost = std::clamp<std::int64_t>(cost, 0, kLimitMax);
  if (limit.algorithm == LimitAlgorithm::gcra) {
    const Ticks ticks(limit);
    state = std::max<std::int64_t>(0, state) - std::min(cost, ticks.limit) * ticks.per_use;
    return std::max<std::int64_t>(0, state);
  }
  std::int64_t uses = state & kLimitMax;
  return state - std::min(uses, cost);
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
