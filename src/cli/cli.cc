#include "cli/cli.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "cli/context.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/tree.h"
#include "server/config.h"

namespace keywright::cli {

namespace {

int explain(Console& console, const Failure& failure) {
  std::string text = console.err_styled("error:", "1;31") + " " + failure.message + "\n";
  for (const std::string& detail : failure.details) text += fmt::format("  {}\n", detail);
  if (!failure.next.empty()) {
    text += fmt::format("{} {}\n", console.err_styled("next:", "1"), failure.next);
  }
  if (!failure.request_id.empty()) text += fmt::format("request id: {}\n", failure.request_id);
  console.err(text);
  return static_cast<int>(failure.code);
}

// Help that was asked for goes to standard output; help instead of a command does not.
int show_help(Console& console, const std::vector<const Command*>& path, bool was_asked_for) {
  const bool to_output = was_asked_for || path.size() == 1;
  const std::string text = help_text(path, console.width(), [&](std::string_view heading) {
    return to_output ? console.out_styled(heading, "1") : console.err_styled(heading, "1");
  });
  if (to_output) {
    console.out(text);
    return static_cast<int>(ExitCode::ok);
  }
  console.err(text);
  return static_cast<int>(ExitCode::usage);
}

ColorChoice color_choice(const Invocation& given) {
  const std::string choice = given.value("color", "auto");
  if (choice == "always") return ColorChoice::always;
  return choice == "never" ? ColorChoice::never : ColorChoice::automatic;
}

// Where `ps` shows them: "postgres://user:xxxx@host", whoever looks from now on.
void hide_passwords(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word(words[i]);
    const std::size_t scheme = word.find("://");
    const std::size_t end = word.rfind('@');
    if (scheme == std::string_view::npos || end == std::string_view::npos) continue;
    const std::size_t colon = word.find(':', scheme + 3);
    if (colon < end) std::fill(words[i] + colon + 1, words[i] + end, 'x');
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Environment environment = server::process_environment;
  Console console = Console::system(environment);
  SystemClock clock;
  SystemRandom random;
  const Command root = command_tree(api_operations());
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  hide_passwords(argc, argv);
  auto parsed = parse(root, words);
  if (!parsed) return explain(console, parsed.error());
  const Invocation& given = parsed->given;
  console.choose_color(color_choice(given));
  if (parsed->wants_help) return show_help(console, given.path, true);

  Context context{console, environment, clock, random, root};
  const Command* command = given.command;
  if (given.path.size() == 1 && given.has("version")) command = root.find("version");
  if (!command->run) return show_help(console, given.path, false);
  // `serve` handles signals itself.
  if (command->name != "serve") handle_interrupts();
  const Outcome outcome = command->run(context, given);
  return outcome ? static_cast<int>(*outcome) : explain(console, outcome.error());
}

}  // namespace keywright::cli
