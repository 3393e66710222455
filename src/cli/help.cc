#include "cli/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/text_width.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kWidestHelp = 100;
constexpr std::size_t kNameColumn = 30;

struct Entry {
  std::string name;
  std::string help;
};

// "  --name NAME                 What it is", wrapped under itself.
void append_entries(std::string& out, const std::vector<Entry>& entries, std::size_t width) {
  std::size_t widest = 0;
  for (const Entry& entry : entries) {
    if (entry.name.size() <= kNameColumn) widest = std::max(widest, entry.name.size());
  }
  const std::size_t column = widest + 4;
  const std::string indent(column, ' ');
  for (const Entry& entry : entries) {
    out += "  " + entry.name;
    if (entry.name.size() > widest) {
      out += "\n" + indent;
    } else {
      out.append(column - 2 - entry.name.size(), ' ');
    }
    out += wrap(entry.help, width > column + 20 ? width - column : 20, indent) + "\n";
  }
}

void append_heading(std::string& out, std::string_view title, const Style& bold) {
  if (!out.empty()) out += '\n';
  out += bold(fmt::format("{}:", title)) + "\n";
}

void append_paragraphs(std::string& out, std::string_view text, std::size_t width) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    out += wrap(text.substr(0, end), width) + "\n";
    text.remove_prefix(std::min(end + 2, text.size()));
    if (!text.empty()) out += '\n';
  }
}

std::string flag_help(const Flag& flag) {
  std::string help = flag.help;
  if (!flag.also.empty()) help += fmt::format("; also --{}", flag.also);
  const bool listed = !flag.choices.empty() && flag.name != "color";
  if (listed) help += fmt::format(": {}", fmt::join(flag.choices, ", "));
  if (flag.repeatable && help.find("repeatable") == std::string::npos) help += "; repeatable";
  if (flag.required) help += " (required)";
  return help;
}

std::string argument_help(const Argument& argument) {
  if (argument.choices.empty()) return argument.help;
  return fmt::format("{}: {}", argument.help, fmt::join(argument.choices, ", "));
}

// The chapters of what is listed, in the order in which they first appear.
template <class T>
std::vector<std::string> chapters_of(const std::vector<T>& listed) {
  std::vector<std::string> chapters;
  for (const T& item : listed) {
    if (std::find(chapters.begin(), chapters.end(), item.chapter) == chapters.end()) {
      chapters.push_back(item.chapter);
    }
  }
  return chapters;
}

void append_commands(std::string& out, const Command& command, std::size_t width,
                     const Style& bold) {
  for (const std::string& chapter : chapters_of(command.commands)) {
    std::vector<Entry> entries;
    for (const Command& child : command.commands) {
      if (child.hidden || child.chapter != chapter) continue;
      entries.push_back({child.name, child.summary});
    }
    if (entries.empty()) continue;
    append_heading(out, chapter.empty() ? "Commands" : chapter, bold);
    append_entries(out, entries, width);
  }
}

void append_flags(std::string& out, const Command& command, std::size_t width, const Style& bold) {
  for (const std::string& chapter : chapters_of(command.flags)) {
    std::vector<Entry> entries;
    for (const Flag& flag : command.flags) {
      if (flag.chapter == chapter) entries.push_back({flag_usage(flag), flag_help(flag)});
    }
    append_heading(out, chapter.empty() ? "Flags" : chapter, bold);
    append_entries(out, entries, width);
  }
}

// Visits every command that is not hidden, parents first.
template <class Visit>
void for_each_command(std::vector<const Command*>& path, const Visit& visit) {
  visit(path);
  for (const Command& child : path.back()->commands) {
    if (child.hidden) continue;
    path.push_back(&child);
    for_each_command(path, visit);
    path.pop_back();
  }
}

std::string troff(std::string_view text) {
  std::string out;
  bool at_line_start = true;
  for (char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_line_start = c == '\n';
  }
  return out;
}

void append_man_paragraphs(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    out += ".PP\n" + troff(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 2, text.size()));
  }
}

void append_man_command(std::string& out, const std::vector<const Command*>& path) {
  const Command& command = *path.back();
  out += fmt::format(".SS {}\n{}.\n", troff(usage_line(path)), troff(command.summary));
  append_man_paragraphs(out, command.description);
  for (const Argument& argument : command.arguments) {
    out += fmt::format(".TP\n.I {}\n{}\n", troff(argument.name), troff(argument_help(argument)));
  }
  for (const Flag& flag : command.flags) {
    if (!flag.chapter.empty()) continue;
    out += fmt::format(".TP\n.B {}\n{}\n", troff(flag_usage(flag)), troff(flag_help(flag)));
  }
  for (const std::string& example : command.examples) {
    out += fmt::format(".PP\n.EX\n{}\n.EE\n", troff(example));
  }
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void append_markdown_command(std::string& out, const std::vector<const Command*>& path) {
  const Command& command = *path.back();
  if (!command.commands.empty()) {
    out += fmt::format("\n## {}\n\n{}.\n", full_name(path), command.summary);
    return;
  }
  out += fmt::format("\n{} {}\n\n{}.\n", path.size() > 2 ? "###" : "##", full_name(path),
                     command.summary);
  if (!command.description.empty()) out += "\n" + command.description + "\n";
  out += fmt::format("\n    {}\n", usage_line(path));
  std::string rows;
  for (const Argument& argument : command.arguments) {
    rows += fmt::format("| `{}` | {} |\n", argument.name, markdown_cell(argument_help(argument)));
  }
  for (const Flag& flag : command.flags) {
    if (!flag.chapter.empty()) continue;
    rows += fmt::format("| `{}` | {} |\n", markdown_cell(flag_usage(flag)),
                        markdown_cell(flag_help(flag)));
  }
  if (!rows.empty()) out += "\n| | |\n|---|---|\n" + rows;
  for (const std::string& example : command.examples) out += fmt::format("\n    {}\n", example);
}

// Flags that most commands share, once.
std::vector<const Flag*> shared_flags(const Command& root) {
  std::vector<const Flag*> shared;
  for (const Flag& flag : root.flags) shared.push_back(&flag);
  return shared;
}

}  // namespace

std::string flag_usage(const Flag& flag) {
  std::string usage = flag.letter == 0 ? "" : fmt::format("-{}, ", flag.letter);
  usage += "--" + flag.name;
  if (flag.takes == Takes::value) usage += " " + flag.value;
  if (flag.takes == Takes::optional_value) usage += fmt::format("[={}]", flag.value);
  return usage;
}

std::string usage_line(const std::vector<const Command*>& path) {
  const Command& command = *path.back();
  std::string usage = full_name(path);
  if (!command.commands.empty()) return usage + " COMMAND";
  for (const Argument& argument : command.arguments) {
    std::string word = argument.name + (argument.repeatable ? "..." : "");
    usage += argument.required ? " " + word : fmt::format(" [{}]", word);
  }
  for (const Flag& flag : command.flags) {
    if (flag.required) usage += fmt::format(" --{} {}", flag.name, flag.value);
  }
  const bool has_more = std::any_of(command.flags.begin(), command.flags.end(),
                                    [](const Flag& flag) { return !flag.required; });
  return has_more ? usage + " [FLAGS]" : usage;
}

std::string help_text(const std::vector<const Command*>& path, std::size_t terminal_width,
                      const Style& bold) {
  const std::size_t width = std::min(terminal_width, kWidestHelp);
  const Command& command = *path.back();
  std::string out = wrap(command.summary + ".", width) + "\n";
  if (!command.description.empty()) {
    out += '\n';
    append_paragraphs(out, command.description, width);
  }
  append_heading(out, "Usage", bold);
  out += "  " + usage_line(path) + "\n";
  append_commands(out, command, width, bold);
  if (!command.arguments.empty()) {
    std::vector<Entry> entries;
    for (const Argument& argument : command.arguments) {
      entries.push_back({argument.name, argument_help(argument)});
    }
    append_heading(out, "Arguments", bold);
    append_entries(out, entries, width);
  }
  if (command.commands.empty()) append_flags(out, command, width, bold);
  if (!command.examples.empty()) {
    append_heading(out, "Examples", bold);
    for (const std::string& example : command.examples) out += "  " + example + "\n";
  }
  if (path.size() == 1) {
    std::vector<Entry> entries;
    for (const Topic& topic : topics()) {
      entries.push_back({fmt::format("help {}", topic.name), std::string(topic.summary)});
    }
    append_heading(out, "More", bold);
    append_entries(out, entries, width);
  }
  return out;
}

std::string all_help(const Command& root) {
  constexpr std::size_t kWidth = 80;
  const Style plain = [](std::string_view text) { return std::string(text); };
  std::string out;
  std::vector<const Command*> path{&root};
  for_each_command(path, [&](const std::vector<const Command*>& at) {
    out += fmt::format("$ {} --help\n{}\n", full_name(at), help_text(at, kWidth, plain));
  });
  for (const Topic& topic : topics()) {
    out += fmt::format("$ keywright help {}\n{}\n", topic.name, topic.text);
  }
  return out;
}

std::string man_page(const Command& root, std::string_view version) {
  std::string out = fmt::format(
      ".TH KEYWRIGHT 1 \"\" \"keywright {}\" \"User Commands\"\n"
      ".SH NAME\nkeywright \\- {}\n"
      ".SH SYNOPSIS\n.B keywright\n.I COMMAND\n[\\fIFLAGS\\fR]\n.SH DESCRIPTION\n",
      version, troff(root.summary));
  append_man_paragraphs(out, root.description);
  out += ".SH COMMANDS\n";
  std::vector<const Command*> path{&root};
  for_each_command(path, [&](const std::vector<const Command*>& at) {
    if (at.size() > 1 && at.back()->commands.empty()) append_man_command(out, at);
  });
  out += ".SH COMMON FLAGS\nMost commands that talk to a server take these.\n";
  for (const Flag* flag : shared_flags(root)) {
    out += fmt::format(".TP\n.B {}\n{}\n", troff(flag_usage(*flag)), troff(flag_help(*flag)));
  }
  for (const Topic& topic : topics()) {
    std::string heading(topic.summary);
    std::transform(heading.begin(), heading.end(), heading.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    out += fmt::format(".SH {}\n.nf\n{}.fi\n", heading, troff(topic.text));
  }
  return out;
}

std::string markdown(const Command& root) {
  std::string out = "# The command line\n\n";
  out += "Made by `keywright help --markdown`; a test compares it with the program.\n\n";
  out += root.description + "\n";
  std::vector<const Command*> path{&root};
  for_each_command(path, [&](const std::vector<const Command*>& at) {
    if (at.size() > 1) append_markdown_command(out, at);
  });
  out +=
      "\n## Common flags\n\nMost commands that talk to a server take these.\n\n| | |\n|---|---|\n";
  for (const Flag* flag : shared_flags(root)) {
    out += fmt::format("| `{}` | {} |\n", markdown_cell(flag_usage(*flag)),
                       markdown_cell(flag_help(*flag)));
  }
  for (const Topic& topic : topics()) {
    out += fmt::format("\n## {}\n\n```text\n{}```\n", topic.summary, topic.text);
  }
  return out;
}

}  // namespace keywright::cli
