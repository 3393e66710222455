#include "base/random.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sys/random.h>

namespace keywright {

namespace {

void fill_from_kernel(std::span<std::byte> out) {
  while (!out.empty()) {
    ssize_t taken = getrandom(out.data(), out.size(), 0);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(taken));
  }
}

// One system call for many ids, or for the characters of a token. What was given out is wiped.
constexpr std::size_t kPooledBytesMax = 16;

struct Pool {
  std::array<std::byte, 512> bytes{};
  std::size_t used = bytes.size();
};
thread_local Pool pool;

}  // namespace

void SystemRandom::fill(std::span<std::byte> out) {
  if (out.size() > kPooledBytesMax) return fill_from_kernel(out);
  if (pool.bytes.size() - pool.used < out.size()) {
    fill_from_kernel(pool.bytes);
    pool.used = 0;
  }
  const auto given = std::span(pool.bytes).subspan(pool.used, out.size());
  std::ranges::copy(given, out.begin());
  std::ranges::fill(given, std::byte{0});
  pool.used += out.size();
}

void SeededRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    mixed ^= mixed >> 31;
    std::size_t size = out.size() < sizeof(mixed) ? out.size() : sizeof(mixed);
    std::memcpy(out.data(), &mixed, size);
    out = out.subspan(size);
  }
}

std::uint64_t random_below(Random& random, std::uint64_t bound) {
  if (bound == 0) return 0;
  // The lowest 2^64 mod bound values would make small results likelier than large ones.
  std::uint64_t unfair = (0 - bound) % bound;
  for (;;) {
    std::uint64_t value = 0;
    random.fill(std::as_writable_bytes(std::span(&value, 1)));
    if (value >= unfair) return value % bound;
  }
}

}  // namespace keywright
