// traces/trace_row.h - a trace as its row tells of it.
//
// A trace's number is the millisecond in which it was received, and a counter within it: numbers
// grow with time, so they are the order of every list, its cursor, and the index for "received
// between". `id` is what the outside sees.
//
// Threading: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "traces/received.h"

namespace keywright::traces {

using Number = std::int64_t;

inline constexpr int kCounterBits = 20;
// Of times after the year 2248, that year.
inline constexpr std::int64_t kLatestMillisecond = (std::int64_t{1} << 43) - 1;
constexpr Number first_number_of(Time time) {
  return std::min(to_unix_milliseconds(time), kLatestMillisecond) << kCounterBits;
}
constexpr Time time_of(Number number) { return from_unix_milliseconds(number >> kCounterBits); }

// What the check of a row (traces/row_check.h) says of it.
enum class Soundness : unsigned char {
  sound,
  unchecked,  // written by a Keywright that knew no checks
  damaged,
};

struct TraceRow {
  Number number = 0;
  Uuid id;
  domain::ProjectId project;
  domain::PlatformId platform;
  Source source = Source::native;
  std::string external_id;
  std::string name;
  std::string status;
  std::string key_id;
  std::string routed_by;
  std::vector<std::string> warnings;
  std::int64_t span_count = 0;
  std::int64_t size_bytes = 0;
  std::int64_t revision = 1;
  Time created_at;
  Time updated_at;
  Soundness soundness = Soundness::sound;
};

// How many projects have their unrouted traces kept.
inline constexpr int kUnroutedProjectsMax = 1000;

// Warnings as they lie in their column.
std::string join_warnings(const std::vector<std::string>& warnings);
std::vector<std::string> split_warnings(std::string_view text);

// Where a page goes on. Errors: invalid_argument/invalid_cursor.
Result<Number> parse_cursor(std::string_view text);

inline ByteView bytes_of(const Uuid& id) { return {id.bytes.data(), id.bytes.size()}; }

}  // namespace keywright::traces
