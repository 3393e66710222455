// cli/console.h - the three standard streams of a command: what they are, and how to use them.
//
//   Console console = Console::system(environment);
//   console.out("data\n");                       // standard output: what was asked for
//   console.err("a message\n");                  // standard error: what a person should know
//   if (console.is_interactive()) name = console.prompt("E-mail: ");
//   Expected<Secret<std::string>> password = console.prompt_secret("Password: ");
//
// Colour follows NO_COLOR, CLICOLOR_FORCE, TERM=dumb and whether the stream is a terminal. Prompts
// go to standard error, so that standard output stays clean; an interrupted prompt turns the echo
// back on.
//
// Errors: of reading and writing. A reader that has gone (EPIPE) is remembered: out() then does
// nothing, output_failed() says so.
// Threading: one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "cli/outcome.h"

namespace keywright::cli {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

enum class ColorChoice : unsigned char { automatic, always, never };

class Console {
 public:
  static Console system(const Environment& environment);

  void choose_color(ColorChoice choice);

  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  // Somebody can be asked.
  bool is_interactive() const { return in_is_terminal_ && err_is_terminal_; }
  std::size_t width() const { return width_; }  // columns of the output terminal

  void out(std::string_view text);
  void err(std::string_view text);
  bool output_failed() const { return output_failed_; }

  // The text wrapped in an SGR sequence ("1" bold, "31" red, "2" dim), where there is colour.
  std::string out_styled(std::string_view text, std::string_view style) const;
  std::string err_styled(std::string_view text, std::string_view style) const;

  Expected<std::string> prompt(std::string_view question);
  Expected<Secret<std::string>> prompt_secret(std::string_view question);
  // True for "y" or "yes".
  Expected<bool> confirm(std::string_view question);

  Expected<std::string> read_input(std::size_t max_bytes);

 private:
  Expected<std::string> read_line();

  bool out_is_terminal_ = false;
  bool err_is_terminal_ = false;
  bool in_is_terminal_ = false;
  bool out_color_ = false;
  bool err_color_ = false;
  bool output_failed_ = false;
  std::size_t width_ = 80;
};

// From now on SIGINT, SIGTERM and SIGHUP turn the terminal's echo back on and end the program with
// 128 + their number; SIGPIPE is ignored.
void handle_interrupts();

}  // namespace keywright::cli
