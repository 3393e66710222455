#include "base/time.h"

#include <algorithm>

#include "base/text.h"

namespace keywright {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

void put_digits(char* at, int value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Reads from the front of the text; the first thing that does not fit makes it fail for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  int digits(int width) {
    int value = 0;
    for (int i = 0; i < width; ++i) {
      if (failed_ || text_.empty() || !is_ascii_digit(text_.front())) {
        failed_ = true;
        return 0;
      }
      value = value * 10 + (take() - '0');
    }
    return value;
  }

  void expect(char lower_case) {
    if (!accept(lower_case)) failed_ = true;
  }

  bool accept(char lower_case) {
    if (failed_ || text_.empty() || ascii_lower(text_.front()) != lower_case) return false;
    text_.remove_prefix(1);
    return true;
  }

  // ".123456" -> 123; nothing -> 0.
  int fraction_milliseconds() {
    if (!accept('.')) return 0;
    if (text_.empty() || !is_ascii_digit(text_.front())) failed_ = true;
    int value = 0;
    int place = 100;
    while (!failed_ && !text_.empty() && is_ascii_digit(text_.front())) {
      value += (take() - '0') * place;
      place /= 10;
    }
    return value;
  }

  bool at_end() const { return !failed_ && text_.empty(); }

 private:
  char take() {
    char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }

  std::string_view text_;
  bool failed_ = false;
};

auto refuse(std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_time", detail);
}

}  // namespace

void append_rfc3339(std::string& out, Time time) {
  time = std::clamp(time, kEarliestTime, kLatestTime);
  auto day = std::chrono::floor<days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  char text[] = "0000-00-00T00:00:00.000Z";
  put_digits(text, static_cast<int>(date.year()), 4);
  put_digits(text + 5, static_cast<int>(static_cast<unsigned>(date.month())), 2);
  put_digits(text + 8, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  put_digits(text + 11, static_cast<int>(clock.hours().count()), 2);
  put_digits(text + 14, static_cast<int>(clock.minutes().count()), 2);
  put_digits(text + 17, static_cast<int>(clock.seconds().count()), 2);
  put_digits(text + 20, static_cast<int>(clock.subseconds().count()), 3);
  out.append(text, sizeof text - 1);
}

std::string format_rfc3339(Time time) {
  std::string out;
  out.reserve(24);
  append_rfc3339(out, time);
  return out;
}

Result<Time> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  int year = reader.digits(4);
  reader.expect('-');
  int month = reader.digits(2);
  reader.expect('-');
  int day = reader.digits(2);
  reader.expect('t');
  int hour = reader.digits(2);
  reader.expect(':');
  int minute = reader.digits(2);
  reader.expect(':');
  int second = reader.digits(2);
  int millisecond = reader.fraction_milliseconds();
  int offset_sign = 0;
  int offset_hour = 0;
  int offset_minute = 0;
  if (!reader.accept('z')) {
    offset_sign = reader.accept('-') ? -1 : 1;
    if (offset_sign > 0) reader.expect('+');
    offset_hour = reader.digits(2);
    reader.expect(':');
    offset_minute = reader.digits(2);
  }
  if (!reader.at_end()) {
    return refuse("Not a date and time of the form 2026-11-20T22:33:51Z or ...51.123+01:00.");
  }

  std::chrono::year_month_day date{std::chrono::year{year},
                                   std::chrono::month{static_cast<unsigned>(month)},
                                   std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return refuse("The calendar has no such day.");
  if (second == 60) return refuse("Leap seconds (second 60) are not supported; write second 59.");
  if (hour > 23 || minute > 59 || second > 59) return refuse("The day has no such time.");
  if (offset_hour > 23 || offset_minute > 59) return refuse("There is no such offset from UTC.");

  Time time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
              std::chrono::minutes(minute) + std::chrono::seconds(second) +
              milliseconds(millisecond);
  time -= offset_sign * (std::chrono::hours(offset_hour) + std::chrono::minutes(offset_minute));
  if (time < kEarliestTime || time > kLatestTime) {
    return refuse("The time lies outside the years 0000 to 9999 in UTC.");
  }
  return time;
}

}  // namespace keywright
