#include "cli/tree.h"

#include <fmt/format.h>

#include "cli/api_commands.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/help.h"
#include "cli/local_commands.h"
#include "cli/mcp_command.h"
#include "cli/session_commands.h"
#include "cli/suggest.h"
#include "json/writer.h"
#include "server/serve.h"

namespace keywright::cli {

namespace {

constexpr std::string_view kChapter = "More commands";

void print_help(Context& context, const std::vector<const Command*>& path) {
  Console& console = context.console;
  console.out(help_text(path, console.width(), [&console](std::string_view text) {
    return console.out_styled(text, "1");
  }));
}

Outcome help(Context& context, const Invocation& given) {
  if (given.has("man")) {
    context.console.out(man_page(context.root, server::version()));
    return ExitCode::ok;
  }
  if (given.has("markdown")) {
    context.console.out(markdown(context.root));
    return ExitCode::ok;
  }
  if (given.arguments.size() == 1) {
    if (const Topic* topic = find_topic(given.arguments.front())) {
      context.console.out(topic->text);
      return ExitCode::ok;
    }
  }
  std::vector<const Command*> path{&context.root};
  for (const std::string& word : given.arguments) {
    const Command* child = path.back()->find(word);
    if (child == nullptr) {
      std::vector<std::string> known;
      for (const Command& command : path.back()->commands) known.push_back(command.name);
      for (const Topic& topic : topics()) known.emplace_back(topic.name);
      const std::string nearest = suggest(word, known);
      return misused(
          fmt::format("there is no help on '{}'{}", word,
                      nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)),
          "keywright help");
    }
    path.push_back(child);
  }
  print_help(context, path);
  return ExitCode::ok;
}

Outcome print_version(Context& context, const Invocation& given) {
  if (!given.has("json")) {
    context.console.out(fmt::format("keywright {}\n", server::version()));
    return ExitCode::ok;
  }
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("name").string("keywright");
  writer.key("version").string(server::version());
  writer.key("compiler").string(__VERSION__).end_object();
  context.console.out(out + "\n");
  return ExitCode::ok;
}

Outcome print_completion(Context& context, const Invocation& given) {
  context.console.out(completion_script(given.arguments.front()));
  return ExitCode::ok;
}

Outcome complete_words(Context& context, const Invocation& given) {
  for (const Completion& completion : complete(context.root, given.arguments)) {
    context.console.out(completion.help.empty()
                            ? completion.word + "\n"
                            : fmt::format("{}\t{}\n", completion.word, completion.help));
  }
  return ExitCode::ok;
}

std::vector<Command> other_commands() {
  Command completion{
      .name = "completion",
      .summary = "Print a script that completes command lines",
      .arguments = {{.name = "SHELL", .help = "Which shell", .choices = {"bash", "zsh", "fish"}}},
      .run = &print_completion,
      .examples = {"source <(keywright completion bash)",
                   "keywright completion zsh > \"${fpath[1]}/_keywright\"",
                   "keywright completion fish > ~/.config/fish/completions/keywright.fish"}};
  Command version{
      .name = "version",
      .summary = "Print the version",
      .flags = {{.name = "json", .value = "", .help = "Print JSON", .takes = Takes::nothing}},
      .run = &print_version};
  Command helper{.name = "help",
                 .summary = "Show help on a command or a topic",
                 .arguments = {{.name = "COMMAND",
                                .help = "Words of a command, or a topic",
                                .required = false,
                                .repeatable = true}},
                 .flags = {{.name = "man",
                            .value = "",
                            .help = "Print the man page keywright(1)",
                            .takes = Takes::nothing},
                           {.name = "markdown",
                            .value = "",
                            .help = "Print all of it as Markdown",
                            .takes = Takes::nothing}},
                 .run = &help};
  Command words{
      .name = "complete-words", .summary = "Answer a completion script", .run = &complete_words};
  words.hidden = true;
  words.raw_arguments = true;
  std::vector<Command> commands;
  for (Command* command : {&completion, &version, &helper, &words}) {
    command->chapter = kChapter;
    commands.push_back(std::move(*command));
  }
  return commands;
}

void append(std::vector<Command>& to, std::vector<Command> from) {
  for (Command& command : from) to.push_back(std::move(command));
}

// The commands of a group that work on the data directory stand beside those of the API.
void add_to_group(std::vector<Command>& commands, std::string_view group, Command command) {
  for (Command& candidate : commands) {
    if (candidate.name == group) {
      candidate.commands.push_back(std::move(command));
      return;
    }
  }
  Command made{.name = std::string(group), .summary = command.summary};
  made.chapter = kChapter;
  made.commands.push_back(std::move(command));
  commands.push_back(std::move(made));
}

}  // namespace

Command command_tree(const std::vector<ApiOperation>& operations) {
  Command root{.name = "keywright", .summary = "Keeps and checks API keys"};
  root.description =
      "Commands talk to a server as whoever signed in with `keywright login`, or with the key in "
      "KEYWRIGHT_API_KEY.";
  append(root.commands, local_commands());
  append(root.commands, session_commands());
  append(root.commands, api_command_groups(operations));
  add_to_group(root.commands, "users", reset_password_command());
  add_to_group(root.commands, "audit", verify_audit_command());
  root.commands.push_back(mcp_command());
  append(root.commands, other_commands());
  root.flags = {json_flag(), quiet_flag(), yes_flag()};
  for (Flag& flag : connection_flags(false)) root.flags.push_back(std::move(flag));
  root.flags.push_back(color_flag());
  root.flags.push_back(
      {.name = "version", .value = "", .help = "Print the version", .takes = Takes::nothing});
  return root;
}

}  // namespace keywright::cli
