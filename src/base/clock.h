// base/clock.h - where the time comes from; the only reader of the machine's clocks.
//
//   bool is_expired = record.expires_at <= clock.now();
//
//   TestClock clock;                       // starts at TestClock::kStart, moves only when told
//   clock.advance(std::chrono::hours{1});
//
// now() is the wall clock: it may jump. boot_time() only goes forward and also counts the time the
// machine was suspended: measure waits and leases with it.
//
// Threading: all functions may be called from any thread.
// Lifetime: a clock outlives its users.
// Cost: about 20 ns each.
#pragma once

#include <atomic>
#include <chrono>

#include "base/time.h"

namespace keywright {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const noexcept = 0;
  virtual std::chrono::nanoseconds boot_time() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const noexcept override;
  std::chrono::nanoseconds boot_time() const noexcept override;
};

class TestClock final : public Clock {
 public:
  static constexpr Time kStart = from_unix_milliseconds(1'795'000'000'000);  // 2026-11-18T11:06:40Z

  explicit TestClock(Time start = kStart) noexcept : wall_(start.time_since_epoch()) {}

  Time now() const noexcept override { return Time{wall_.load()}; }
  std::chrono::nanoseconds boot_time() const noexcept override { return boot_.load(); }

  // Moves both clocks, as time does.
  void advance(std::chrono::milliseconds by) noexcept;
  // Moves only the wall clock, as an operator or NTP does.
  void set_wall_clock(Time time) noexcept { wall_.store(time.time_since_epoch()); }

 private:
  std::atomic<std::chrono::milliseconds> wall_;
  std::atomic<std::chrono::nanoseconds> boot_{std::chrono::hours{1}};
};

}  // namespace keywright
