#include "base/time.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace keywright {
namespace {

std::string normalised(std::string_view text) {
  auto time = parse_rfc3339(text);
  return time ? format_rfc3339(*time) : "refused";
}

TEST(Rfc3339, WritesUtcWithMilliseconds) {
  EXPECT_EQ(format_rfc3339(from_unix_milliseconds(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(from_unix_milliseconds(951'782'400'007)), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(format_rfc3339(from_unix_milliseconds(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, OffsetsAreConverted) {
  EXPECT_EQ(normalised("2026-11-20T23:33:51+01:00"), "2026-11-20T22:33:51.000Z");
  EXPECT_EQ(normalised("2026-01-01T00:15:00+05:45"), "2025-12-31T18:30:00.000Z");
  EXPECT_EQ(normalised("2026-11-20T22:33:51-23:59"), "2026-11-21T22:32:51.000Z");
  EXPECT_EQ(normalised("2026-11-20T22:33:51-00:00"), "2026-11-20T22:33:51.000Z");
}

TEST(Rfc3339, FractionsAreCutToMilliseconds) {
  EXPECT_EQ(normalised("2026-11-20T22:33:51.1Z"), "2026-11-20T22:33:51.100Z");
  EXPECT_EQ(normalised("2026-11-20T22:33:51.123999999999999999Z"), "2026-11-20T22:33:51.123Z");
  EXPECT_EQ(normalised("1969-12-31T23:59:59.9999Z"), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(normalised("2026-11-20T22:33:51.Z"), "refused");
  EXPECT_EQ(normalised("2026-11-20T22:33:51,5Z"), "refused");
}

TEST(Rfc3339, LettersMayBeLowerCase) {
  EXPECT_EQ(normalised("2026-11-20t22:33:51z"), "2026-11-20T22:33:51.000Z");
}

TEST(Rfc3339, LeapSecondsAreRefused) {
  EXPECT_EQ(normalised("2016-12-31T23:59:60Z"), "refused");
  EXPECT_NE(parse_rfc3339("2016-12-31T23:59:60Z").error().detail().find("59"), std::string::npos);
}

TEST(Rfc3339, DaysAndTimesThatDoNotExistAreRefused) {
  for (std::string_view text :
       {"2026-11-20T24:00:00Z", "2026-11-20T22:60:00Z", "2026-11-20T22:33:61Z",
        "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-11-20T22:33:51+24:00", "2026-11-20T22:33:51+01:60"}) {
    EXPECT_EQ(normalised(text), "refused") << text;
  }
  EXPECT_EQ(normalised("2000-02-29T00:00:00Z"), "2000-02-29T00:00:00.000Z");
}

TEST(Rfc3339, OtherShapesAreRefused) {
  for (std::string_view text :
       {"", "2026", "2026-11-20", "2026-11-20T22:33:51", "2026-11-20 22:33:51Z",
        "2026-11-20T22:33Z", "2026-11-20T22:33:51+0100", "2026-11-20T22:33:51+01",
        "26-11-20T22:33:51Z", "2026-11-20T22:33:51Z ", " 2026-11-20T22:33:51Z",
        "+2026-11-20T22:33:51Z", "2026-11-20T22:33:51ZZ", "2026-1-20T22:33:51Z",
        "2026-11-20T-2:33:51Z", "1790000000"}) {
    EXPECT_EQ(normalised(text), "refused") << text;
  }
  EXPECT_EQ(normalised(std::string_view("2026-11-20T22:33:51Z\0", 21)), "refused");
}

TEST(Rfc3339, TheFourDigitYearsAreTheLimit) {
  EXPECT_EQ(normalised("9999-12-31T23:59:59.999Z"), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(normalised("0000-01-01T00:00:00Z"), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(normalised("9999-12-31T23:59:59-00:01"), "refused");
  EXPECT_EQ(normalised("0000-01-01T00:00:00+00:01"), "refused");
  EXPECT_EQ(parse_rfc3339("9999-12-31T23:59:59.999Z").value(), kLatestTime);
  EXPECT_EQ(parse_rfc3339("0000-01-01T00:00:00Z").value(), kEarliestTime);
}

TEST(Rfc3339, TimesBeyondTheLimitsAreWrittenAsTheLimit) {
  EXPECT_EQ(format_rfc3339(Time::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(Time::min()), "0000-01-01T00:00:00.000Z");
}

TEST(Rfc3339, ReadsBackWhatItWrote) {
  for (std::int64_t milliseconds = -62'167'219'200'000; milliseconds < 253'402'300'799'999;
       milliseconds += 1'234'567'890'123) {
    Time time = from_unix_milliseconds(milliseconds);
    EXPECT_EQ(parse_rfc3339(format_rfc3339(time)).value(), time);
  }
}

TEST(TestClock, MovesOnlyWhenTold) {
  TestClock clock;
  Time start = clock.now();
  auto boot = clock.boot_time();
  EXPECT_EQ(clock.now(), start);
  clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(clock.now() - start, std::chrono::seconds(5));
  EXPECT_EQ(clock.boot_time() - boot, std::chrono::seconds(5));
  clock.set_wall_clock(start - std::chrono::hours(1));
  EXPECT_EQ(clock.now(), start - std::chrono::hours(1));
  EXPECT_EQ(clock.boot_time() - boot, std::chrono::seconds(5));
}

TEST(SystemClock, BootTimeNeverGoesBack) {
  SystemClock clock;
  auto before = clock.boot_time();
  EXPECT_GT(before.count(), 0);
  EXPECT_GE(clock.boot_time(), before);
  EXPECT_GT(clock.now(), parse_rfc3339("2025-01-01T00:00:00Z").value());
}

}  // namespace
}  // namespace keywright
