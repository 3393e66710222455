#include "base/log.h"

#include <cmath>
#include <limits>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/text.h"

namespace keywright {
namespace {

// The two ends of a pipe or of a stream socket; the test reads what the logger writes.
class Channel {
 public:
  explicit Channel(bool socket) {
    int made = socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) : pipe(ends_);
    if (made != 0) std::abort();
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Channel() {
    close_reader();
    close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  std::string read_all() {
    std::string text;
    char buffer[4096];
    for (ssize_t taken; (taken = read(ends_[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(taken));
    }
    return text;
  }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('\n', at);
    if (end == text.npos) end = text.size();
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

class Log : public testing::Test {
 protected:
  std::string logged(LogFields fields) {
    logger_.write(LogLevel::info, "e", fields);
    return channel_.read_all();
  }

  TestClock clock_{from_unix_milliseconds(0)};
  Channel channel_{false};
  Logger logger_{channel_.writer(), LogLevel::info, clock_};
};

TEST_F(Log, ALineIsOneObjectWithTypedFields) {
  EXPECT_EQ(logged({{"text", "x"},
                    {"string", std::string("y")},
                    {"whole", -3},
                    {"large", std::numeric_limits<std::uint64_t>::max()},
                    {"flag", true},
                    {"real", 1.5}}),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"e\","
            "\"text\":\"x\",\"string\":\"y\",\"whole\":-3,\"large\":18446744073709551615,"
            "\"flag\":true,\"real\":1.5}\n");
}

TEST_F(Log, NumbersThatJsonLacksAreNull) {
  EXPECT_NE(logged({{"a", std::nan("")}, {"b", HUGE_VAL}}).find("\"a\":null,\"b\":null"),
            std::string::npos);
}

TEST_F(Log, NoTextCanBreakOutOfItsString) {
  std::string line = logged({{"t", "a\"b\\c\nd\x01\x7F"}});
  EXPECT_NE(line.find(R"("t":"a\"b\\c\u000ad\u0001\u007f")"), std::string::npos) << line;
  EXPECT_EQ(lines_of(line).size(), 1U);
}

TEST_F(Log, BytesThatAreNotUtf8AreReplaced) {
  std::string line = logged({{"t", "a\xFF\xC3"}});
  EXPECT_TRUE(is_valid_utf8(line));
  EXPECT_NE(line.find("\"a\xEF\xBF\xBD\xEF\xBF\xBD\""), std::string::npos);
}

TEST_F(Log, ALineNeverExceedsWhatAPipeTakesWhole) {
  std::string large(3'000, '\x01');
  std::string line = logged({{"a", large}, {"b", large}, {"small", 1}});
  EXPECT_LE(line.size(), kMaxLogLineBytes);
  EXPECT_NE(line.find("\"small\":1"), std::string::npos);
  EXPECT_TRUE(line.ends_with("\"truncated\":true}\n"));
}

TEST_F(Log, LongStringsAreCutBetweenCharacters) {
  std::string text(kMaxLogStringBytes - 1, 'x');
  std::string line = logged({{"t", text + "\xE2\x82\xAC"}});
  EXPECT_LT(line.size(), kMaxLogStringBytes + 200);
  EXPECT_TRUE(is_valid_utf8(line));
}

TEST_F(Log, LinesBelowTheLevelAreNotWritten) {
  logger_.write(LogLevel::debug, "quiet", {});
  EXPECT_EQ(channel_.read_all(), "");
  logger_.set_level(LogLevel::debug);
  logger_.write(LogLevel::debug, "loud", {});
  EXPECT_NE(channel_.read_all().find("loud"), std::string::npos);
  logger_.set_level(LogLevel::off);
  logger_.write(LogLevel::error, "quiet", {});
  EXPECT_EQ(channel_.read_all(), "");
}

TEST_F(Log, ASecretHasNoWayIn) {
  static_assert(!std::is_constructible_v<LogField, std::string_view, const Secret<std::string>&>);
  static_assert(std::is_constructible_v<LogField, std::string_view, const std::string&>);
}

class FullLog : public testing::TestWithParam<bool> {};

TEST_P(FullLog, DropsAndCountsInsteadOfWaiting) {
  TestClock clock;
  Channel channel(GetParam());
  Logger logger(channel.writer(), LogLevel::info, clock);
  std::string filler(900, 'x');
  std::uint64_t written = 0;
  for (; logger.dropped_lines() < 5 && written < 100'000; ++written) {
    logger.write(LogLevel::info, "fill", {{"filler", filler}, {"number", written}});
  }
  ASSERT_EQ(logger.dropped_lines(), 5U);
  std::string seen = channel.read_all();
  logger.write(LogLevel::info, "after", {});
  seen += channel.read_all();

  std::vector<std::string> lines = lines_of(seen);
  ASSERT_EQ(lines.size(), written - 5 + 2);
  for (const std::string& line : lines) EXPECT_TRUE(line.starts_with('{') && line.ends_with('}'));
  EXPECT_NE(lines[lines.size() - 2].find("\"event\":\"log_lines_dropped\",\"count\":5"),
            std::string::npos);
  EXPECT_NE(lines.back().find("after"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(PipeAndSocket, FullLog, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Socket" : "Pipe"; });

TEST(LogWithoutReader, IsDroppedWithoutASignal) {
  TestClock clock;
  for (bool socket : {false, true}) {
    Channel channel(socket);
    channel.close_reader();
    Logger logger(channel.writer(), LogLevel::info, clock);
    logger.write(LogLevel::info, "lost", {});
    EXPECT_EQ(logger.dropped_lines(), 1U);
  }
  Logger closed(-1, LogLevel::info, clock);
  closed.write(LogLevel::info, "lost", {});
  EXPECT_EQ(closed.dropped_lines(), 1U);
}

TEST_F(Log, LinesOfTwoThreadsDoNotMix) {
  auto write_some = [&] {
    for (int i = 0; i < 100; ++i) logger_.write(LogLevel::info, "e", {{"i", i}});
  };
  std::thread other(write_some);
  write_some();
  other.join();
  auto lines = lines_of(channel_.read_all());
  EXPECT_EQ(lines.size() + logger_.dropped_lines(), 200U);
  for (const std::string& line : lines) EXPECT_TRUE(line.starts_with('{') && line.ends_with('}'));
}

TEST(LogLevel, NamesAreReadBack) {
  for (LogLevel level :
       {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::off}) {
    EXPECT_EQ(parse_log_level(to_string(level)).value(), level);
  }
  EXPECT_FALSE(parse_log_level("INFO"));
}

}  // namespace
}  // namespace keywright
