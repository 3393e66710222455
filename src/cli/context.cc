#include "cli/context.h"

#include <fmt/format.h>

#include "base/file.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kLongestFile = 64 * 1024 * 1024;

Secret<std::string> first_line(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return Secret<std::string>(std::move(text));
}

}  // namespace

Expected<std::string> read_file_or_input(Context& context, const std::string& path) {
  if (path == "-") return context.console.read_input(kLongestFile);
  auto text = read_file(path, kLongestFile);
  if (!text) return failed(to_failure(text.error()));
  return std::move(*text);
}

Expected<Secret<std::string>> read_secret(Context& context, const Invocation& given,
                                          std::string_view flag, std::string_view question) {
  Secret<std::string> secret;
  if (given.has(flag)) {
    auto text = read_file_or_input(context, given.value(flag));
    if (!text) return failed(std::move(text).error());
    secret = first_line(std::move(*text));
  } else if (context.console.is_interactive()) {
    auto typed = context.console.prompt_secret(question);
    if (!typed) return failed(std::move(typed).error());
    secret = std::move(*typed);
  } else {
    return misused(fmt::format("{} needs --{} FILE (- is standard input)", given.name(), flag));
  }
  if (secret.empty()) return misused(fmt::format("--{}: there is nothing in it", flag));
  return secret;
}

Expected<Secret<std::string>> read_new_password(Context& context, const Invocation& given) {
  auto password = read_secret(context, given, "password-file", "New password: ");
  if (!password || given.has("password-file")) return password;
  auto again = context.console.prompt_secret("The same again: ");
  if (!again) return again;
  if (password->reveal() != again->reveal()) return misused("the two passwords differ");
  return password;
}

}  // namespace keywright::cli
