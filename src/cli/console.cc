#include "cli/console.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace keywright::cli {

namespace {

// What a signal handler has to put back: written before the flag is raised.
termios saved_terminal;
std::atomic<bool> echo_is_off = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // so that a handler may use it

void restore_echo() {
  if (!echo_is_off.exchange(false)) return;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_terminal);
}

extern "C" void end_by_signal(int signal) {
  if (echo_is_off) {
    restore_echo();
    const ssize_t ignored = write(STDERR_FILENO, "\n", 1);
    static_cast<void>(ignored);
  }
  _exit(128 + signal);
}

void turn_echo_off() {
  if (tcgetattr(STDIN_FILENO, &saved_terminal) != 0) return;
  termios silent = saved_terminal;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  echo_is_off = true;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

std::size_t terminal_width(const Environment& environment) {
  constexpr std::size_t kDefault = 80;
  std::size_t columns = 0;
  if (const auto text = environment("COLUMNS")) {
    std::from_chars(text->data(), text->data() + text->size(), columns);
  }
  winsize size{};
  if (columns == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  return columns == 0 ? kDefault : columns;
}

}  // namespace

void handle_interrupts() {
  struct sigaction action{};
  action.sa_handler = end_by_signal;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

Console Console::system(const Environment& environment) {
  Console console;
  console.in_is_terminal_ = isatty(STDIN_FILENO) == 1;
  console.out_is_terminal_ = isatty(STDOUT_FILENO) == 1;
  console.err_is_terminal_ = isatty(STDERR_FILENO) == 1;
  console.width_ = terminal_width(environment);
  const auto says = [&](const char* name) { return environment(name).value_or(""); };
  const bool unwanted = !says("NO_COLOR").empty() || says("TERM") == "dumb";
  const std::string force = says("CLICOLOR_FORCE");
  const bool forced = !force.empty() && force != "0" && says("NO_COLOR").empty();
  console.out_color_ = forced || (console.out_is_terminal_ && !unwanted);
  console.err_color_ = forced || (console.err_is_terminal_ && !unwanted);
  return console;
}

void Console::choose_color(ColorChoice choice) {
  if (choice == ColorChoice::automatic) return;
  out_color_ = err_color_ = choice == ColorChoice::always;
}

void Console::out(std::string_view text) {
  if (!output_failed_ && !write_all(STDOUT_FILENO, text)) output_failed_ = true;
}

void Console::err(std::string_view text) { write_all(STDERR_FILENO, text); }

std::string Console::out_styled(std::string_view text, std::string_view style) const {
  return out_color_ ? fmt::format("\x1b[{}m{}\x1b[0m", style, text) : std::string(text);
}

std::string Console::err_styled(std::string_view text, std::string_view style) const {
  return err_color_ ? fmt::format("\x1b[{}m{}\x1b[0m", style, text) : std::string(text);
}

Expected<std::string> Console::read_line() {
  constexpr std::size_t kLongestLine = 64 * 1024;
  std::string line;
  for (char c = 0; line.size() < kLongestLine;) {
    const ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (!line.empty()) return line;
      return failed({ExitCode::interrupted, "the input ended before an answer was given"});
    }
    if (c == '\n') return line;
    line.push_back(c);
  }
  return misused("the line is too long");
}

Expected<std::string> Console::prompt(std::string_view question) {
  err(question);
  auto line = read_line();
  if (!line) return line;
  return std::string(trim(*line));
}

Expected<Secret<std::string>> Console::prompt_secret(std::string_view question) {
  turn_echo_off();  // before the question: whoever answers at once must not be shown
  err(question);
  auto line = read_line();
  restore_echo();
  err("\n");
  if (!line) return failed(std::move(line).error());
  return Secret<std::string>(std::move(*line));
}

Expected<bool> Console::confirm(std::string_view question) {
  auto answer = prompt(fmt::format("{} [y/N] ", question));
  if (!answer) return failed(std::move(answer).error());
  return equals_ignoring_case(*answer, "y") || equals_ignoring_case(*answer, "yes");
}

Expected<std::string> Console::read_input(std::size_t max_bytes) {
  std::string text;
  char piece[4096];
  while (text.size() <= max_bytes) {
    const ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed({ExitCode::failure, "standard input cannot be read"});
    if (got == 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
  }
  return misused(fmt::format("standard input is longer than {} bytes", max_bytes));
}

}  // namespace keywright::cli
