#include "base/clock.h"

#include <ctime>

namespace keywright {
namespace {

std::chrono::nanoseconds read_clock(clockid_t id) noexcept {
  timespec value{};
  clock_gettime(id, &value);
  return std::chrono::seconds(value.tv_sec) + std::chrono::nanoseconds(value.tv_nsec);
}

}  // namespace

Time SystemClock::now() const noexcept {
  return Time{std::chrono::floor<std::chrono::milliseconds>(read_clock(CLOCK_REALTIME))};
}

std::chrono::nanoseconds SystemClock::boot_time() const noexcept {
  return read_clock(CLOCK_BOOTTIME);
}

void TestClock::advance(std::chrono::milliseconds by) noexcept {
  wall_.store(wall_.load() + by);
  boot_.store(boot_.load() + by);
}

}  // namespace keywright
