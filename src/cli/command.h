// cli/command.h - the command tree as data. Parsing, help, the man page, docs/cli.md and completion
// are all made from it.
//
//   Command list{.name = "list", .summary = "List keys", .flags = {...}, .run = &list_keys};
//   keys.commands.push_back(std::move(list));
//
// A command has subcommands or a handler, never both.
//
// Threading: built once, read afterwards. Lifetime: handlers keep what they need by value; the tree
// outlives every Invocation made from it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/outcome.h"

namespace keywright::cli {

struct Context;
class Invocation;
using Handler = std::function<Outcome(Context&, const Invocation&)>;

enum class Takes : unsigned char {
  nothing,         // a switch
  optional_value,  // --json or --json=id,name
  value,
};

enum class Completes : unsigned char { nothing, file, directory };

struct Flag {
  std::string name;   // "expires-at"
  std::string value;  // what help calls the value: "TIME"; "" for a switch
  std::string help;
  char letter = 0;  // 'q' for -q
  Takes takes = Takes::value;
  bool required = false;
  bool repeatable = false;
  std::vector<std::string> choices{};
  Completes completes = Completes::nothing;
  std::string chapter{};  // heading in help; "" = "Flags"
  std::string also{};     // another name for it
};

struct Argument {
  std::string name;  // "ID"
  std::string help;
  bool required = true;
  bool repeatable = false;
  std::vector<std::string> choices{};
  Completes completes = Completes::nothing;
};

struct Command {
  std::string name;
  std::string summary;
  std::string description{};  // paragraphs, separated by empty lines
  std::vector<Argument> arguments{};
  std::vector<Flag> flags{};
  std::vector<Command> commands{};
  Handler run{};
  std::vector<std::string> examples{};
  std::string chapter{};  // heading in the help of the parent
  bool hidden = false;
  // Takes whatever follows as it is (the hidden helper of completion).
  bool raw_arguments = false;

  const Command* find(std::string_view child) const;
  const Flag* find_flag(std::string_view flag) const;
};

// A parsed command line.
class Invocation {
 public:
  const Command* command = nullptr;
  std::vector<const Command*> path;  // from the root to `command`
  std::map<std::string, std::vector<std::string>, std::less<>> flags;
  std::vector<std::string> arguments;

  bool has(std::string_view flag) const { return flags.find(flag) != flags.end(); }
  // The last value given; `otherwise` if the flag was not given.
  std::string value(std::string_view flag, std::string_view otherwise = {}) const;
  const std::vector<std::string>& values(std::string_view flag) const;
  // "keywright keys list"
  std::string name() const;
};

std::string full_name(const std::vector<const Command*>& path);

}  // namespace keywright::cli
