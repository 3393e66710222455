// base/log.h - one JSON object for each line, for machines first.
//
//   log_info("key_revoked", {{"key_id", key_id}, {"waited_ms", 3}});
//
//   {"time":"2026-11-20T22:33:51.123Z","level":"info","event":"key_revoked","key_id":"019a...",
//    "waited_ms":3}                                        (on one line)
//
// A logger never makes its caller wait for a reader: a line that a full pipe or socket does not
// take now is dropped and counted, and the count is the first thing said when there is room again.
// Lines are at most kMaxLogLineBytes long, newline included, so that a pipe takes each one whole;
// long strings are cut, and fields that do not fit are left out with "truncated":true. Text that is
// not UTF-8 is written with U+FFFD; a double that is not finite is null. A Secret<T> has no way
// into a field.
// Errors: none are reported; a broken descriptor counts as full.
//
// Threading: any function from any thread.
// Lifetime: fields are read before the call returns; the descriptor is borrowed.
// Cost: below the level one atomic load; otherwise a few µs, one write(2).
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace keywright {

enum class LogLevel : unsigned char { debug, info, warning, error, off };

std::string_view to_string(LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);

inline constexpr std::size_t kMaxLogLineBytes = 4096;
inline constexpr std::size_t kMaxLogStringBytes = 1024;

struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, bool, double>;

  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const std::string& text)
      : name(field_name), value(std::string_view(text)) {}
  LogField(std::string_view field_name, const char* text)
      : name(field_name), value(std::string_view(text)) {}
  LogField(std::string_view field_name, bool flag) : name(field_name), value(flag) {}
  template <std::signed_integral Number>
  LogField(std::string_view field_name, Number number)
      : name(field_name), value(std::int64_t{number}) {}
  template <std::unsigned_integral Number>
  LogField(std::string_view field_name, Number number)
      : name(field_name), value(std::uint64_t{number}) {}
  LogField(std::string_view field_name, double number) : name(field_name), value(number) {}
  template <class T>
  LogField(std::string_view field_name, const Secret<T>& secret) = delete;

  std::string_view name;
  Value value;
};

using LogFields = std::initializer_list<LogField>;

class Logger {
 public:
  Logger(int descriptor, LogLevel level, const Clock& clock);
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const noexcept {
    return level >= level_.load(std::memory_order_relaxed);
  }
  void set_level(LogLevel level) noexcept { level_.store(level, std::memory_order_relaxed); }

  void write(LogLevel level, std::string_view event, LogFields fields);

  // Lines lost since the start.
  std::uint64_t dropped_lines() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  void report_dropped_lines();
  bool send_line(std::string_view line);
  std::size_t send_now(std::string_view bytes);

  const Clock& clock_;
  std::atomic<LogLevel> level_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  int descriptor_;
  bool is_socket_;
  std::uint64_t reported_ = 0;
  std::string unsent_;  // the end of a line a socket took only in part
};

// The process's logger: standard error, level info, until set otherwise.
Logger& process_logger();

inline void log_info(std::string_view event, LogFields fields = {}) {
  process_logger().write(LogLevel::info, event, fields);
}
inline void log_warning(std::string_view event, LogFields fields = {}) {
  process_logger().write(LogLevel::warning, event, fields);
}
inline void log_error(std::string_view event, LogFields fields = {}) {
  process_logger().write(LogLevel::error, event, fields);
}

}  // namespace keywright
