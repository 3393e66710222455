// base/random.h - where randomness comes from.
//
//   SystemRandom random;
//   auto nonce = random_bytes<24>(random);
//
//   SeededRandom random(7);                // tests: the same bytes on every run
//
// Errors: none. A system that cannot give random bytes ends the process: going on without them
// would mean keys that can be guessed.
// Threading: SystemRandom from any thread; SeededRandom from one thread.
// Cost: one getrandom(2) call for each fill of over 16 bytes, and one for many shorter ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace keywright {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

// A predictable sequence (SplitMix64). Never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) noexcept : state_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::uint64_t state_;
};

template <std::size_t Size>
std::array<std::uint8_t, Size> random_bytes(Random& random) {
  std::array<std::uint8_t, Size> bytes;
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

// Uniform over [0, bound); bound 0 answers 0.
std::uint64_t random_below(Random& random, std::uint64_t bound);

}  // namespace keywright
