#include "base/log.h"

#include <cerrno>
#include <cmath>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/text.h"

namespace keywright {
namespace {

constexpr std::string_view kTruncatedEnd = ",\"truncated\":true}\n";
constexpr std::size_t kFieldRoom = kMaxLogLineBytes - kTruncatedEnd.size();

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::string_view rest = text.substr(0, kMaxLogStringBytes);
  while (!rest.empty()) {
    std::size_t length = utf8_sequence_length(rest);
    unsigned char first = static_cast<unsigned char>(rest.front());
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      length = 1;
    } else if (first == '"' || first == '\\') {
      out += '\\';
      out += rest.front();
    } else if (first < 0x20 || first == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", first);
    } else {
      out += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  if (text.size() > kMaxLogStringBytes) out += "\xE2\x80\xA6";
  out += '"';
}

struct ValueWriter {
  std::string& out;

  void operator()(std::string_view text) const { append_json_string(out, text); }
  void operator()(std::int64_t number) const {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
  void operator()(std::uint64_t number) const {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
  void operator()(bool flag) const { out += flag ? "true" : "false"; }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      fmt::format_to(std::back_inserter(out), "{}", number);
    } else {
      out += "null";
    }
  }
};

std::string make_line(Time time, LogLevel level, std::string_view event, LogFields fields) {
  std::string line;
  line.reserve(256);
  line += "{\"time\":\"";
  append_rfc3339(line, time);
  line += "\",\"level\":\"";
  line += to_string(level);
  line += "\",\"event\":";
  append_json_string(line, event.substr(0, 128));
  bool truncated = false;
  for (const LogField& field : fields) {
    std::size_t before = line.size();
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    std::visit(ValueWriter{line}, field.value);
    if (line.size() > kFieldRoom) {
      line.resize(before);
      truncated = true;
    }
  }
  line += truncated ? kTruncatedEnd : "}\n";
  return line;
}

bool is_socket(int descriptor) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
    case LogLevel::off: return "off";
  }
  return "off";
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (LogLevel level :
       {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::off}) {
    if (text == to_string(level)) return level;
  }
  return fail(Code::invalid_argument, "invalid_log_level",
              "The log level is one of debug, info, warning, error, off.");
}

Logger::Logger(int descriptor, LogLevel level, const Clock& clock)
    : clock_(clock), level_(level), descriptor_(descriptor), is_socket_(is_socket(descriptor)) {}

void Logger::write(LogLevel level, std::string_view event, LogFields fields) {
  if (!enabled(level) || level == LogLevel::off) return;
  std::string line = make_line(clock_.now(), level, event, fields);
  std::lock_guard lock(mutex_);
  report_dropped_lines();
  if (!send_line(line)) dropped_.fetch_add(1, std::memory_order_relaxed);
}

void Logger::report_dropped_lines() {
  std::uint64_t dropped = dropped_lines();
  if (dropped == reported_) return;
  std::string line = make_line(clock_.now(), LogLevel::warning, "log_lines_dropped",
                               {{"count", dropped - reported_}});
  if (send_line(line)) reported_ = dropped;
}

// A line is taken whole or not at all, as far as the reader is concerned: what a socket did not
// take of it goes out before anything else does.
bool Logger::send_line(std::string_view line) {
  if (!unsent_.empty()) {
    unsent_.erase(0, send_now(unsent_));
    if (!unsent_.empty()) return false;
  }
  std::size_t taken = send_now(line);
  if (taken == 0) return false;
  unsent_ = line.substr(taken);
  return true;
}

// The descriptor may be shared with other processes, so it is not made non-blocking: sockets are
// told so for each call, and a pipe that poll() finds writable takes a whole page.
std::size_t Logger::send_now(std::string_view bytes) {
  if (!is_socket_) {
    pollfd ready{descriptor_, POLLOUT, 0};
    if (poll(&ready, 1, 0) != 1 || (ready.revents & (POLLOUT | POLLERR)) != POLLOUT) return 0;
  }
  for (;;) {
    ssize_t taken = is_socket_
                        ? send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                        : ::write(descriptor_, bytes.data(), bytes.size());
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno != EINTR) return 0;
  }
}

Logger& process_logger() {
  static SystemClock clock;
  // Never destroyed: other static objects may still log while the process ends.
  static Logger& logger = *new Logger(STDERR_FILENO, LogLevel::info, clock);
  return logger;
}

}  // namespace keywright
