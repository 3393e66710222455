// base/time.h - one kind of instant, and its text form.
//
//   format_rfc3339(now)                                   -> "2026-11-20T22:33:51.123Z"
//   KW_TRY(Time at, parse_rfc3339("2026-11-20T23:33:51+01:00"));
//
// Shapes: UTC milliseconds since 1970, without leap seconds. Text is always written in UTC with
// three fraction digits, so that text order is time order. Read: a full date and time with "Z" or
// an offset, "T" and "Z" in either case, any number of fraction digits (those after the third are
// cut).
// Errors: invalid_argument/invalid_time. Refused on purpose: a space instead of "T", 24:00, a
// missing offset, a leap second (":60" names an instant that this scale does not have), and
// instants that leave the years 0000 to 9999 once converted to UTC.
// Threading: pure functions.
// Cost: about 100 ns; formatting allocates one string.
// Source: RFC 3339.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keywright {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

// The first and last instants that have a text form. Others are written as the nearer of the two.
inline constexpr Time kEarliestTime{std::chrono::milliseconds{-62'167'219'200'000}};
inline constexpr Time kLatestTime{std::chrono::milliseconds{253'402'300'799'999}};

constexpr std::int64_t to_unix_milliseconds(Time time) { return time.time_since_epoch().count(); }
constexpr Time from_unix_milliseconds(std::int64_t milliseconds) {
  return Time{std::chrono::milliseconds{milliseconds}};
}

std::string format_rfc3339(Time time);
void append_rfc3339(std::string& out, Time time);

Result<Time> parse_rfc3339(std::string_view text);

}  // namespace keywright
