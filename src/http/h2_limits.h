// http/h2_limits.h - what one HTTP/2 connection may ask of the server.
//
//   Budget resets(kResetBudget, kResetsPerSecond);
//   if (!resets.spend()) end_with(ENHANCE_YOUR_CALM);
//   resets.earn(1);                                        // a request that was answered
//
// HTTP/2 lets a client make work for a few bytes: open and reset streams (CVE-2023-44487), provoke
// the server into resetting them (CVE-2025-8671), send SETTINGS, PING, PRIORITY or empty DATA. Each
// of these spends from a budget that time and honest requests fill again; who has spent it gets
// GOAWAY with ENHANCE_YOUR_CALM. The sizes of heads, bodies and times are those of HTTP/1.1
// (ServerLimits).
//
// Threading: plain objects.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace keywright::http::h2 {

inline constexpr std::uint32_t kMaxStreams = 128;
// Streams that were reset while their handlers still run; more are refused.
inline constexpr std::size_t kMaxStreamsAtWork = 2 * kMaxStreams;
inline constexpr std::uint32_t kStreamWindow = 64 * 1024 - 1;
inline constexpr std::int32_t kConnectionWindow = 1024 * 1024;
// Of bodies larger than a stream's window: so much of them is gathered at the same time.
inline constexpr std::uint64_t kGatheredBytes = 8 * 1024 * 1024;
// Of a request whose answer is complete already; then its stream is reset with NO_ERROR.
inline constexpr std::uint64_t kDiscardedBytes = 8 * 1024 * 1024;
inline constexpr std::chrono::milliseconds kDiscardingTime{1000};
inline constexpr std::size_t kMaxContinuations = 8;
// A header list this many times over the limit is not listened to any more, and costs a reset.
inline constexpr std::size_t kHeadPatience = 4;
inline constexpr std::size_t kOutputFull = 64 * 1024;      // no more DATA is put behind this
inline constexpr std::size_t kOutputOverdue = 256 * 1024;  // nothing more is read behind this
inline constexpr std::size_t kReadBytes = 64 * 1024;

inline constexpr double kResetBudget = 500;
inline constexpr double kResetsPerSecond = 20;
inline constexpr double kFrameBudget = 1000;
inline constexpr double kFramesPerSecond = 200;

class Budget {
 public:
  Budget(double most, double per_second) : left_(most), most_(most), per_second_(per_second) {}
  bool spend(double amount = 1) { return (left_ -= amount) >= 0; }
  void earn(double amount) { left_ = std::min(most_, left_ + amount); }
  void pass(std::chrono::nanoseconds time) {
    earn(per_second_ * std::chrono::duration<double>(time).count());
  }

 private:
  double left_;
  double most_;
  double per_second_;
};

}  // namespace keywright::http::h2
