#include "cli/tree.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/api_commands.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/parse.h"

namespace keywright::cli {
namespace {

const Command& tree() {
  static const Command root = command_tree(api_operations());
  return root;
}

// Compares with a file of the repository, or writes it when KEYWRIGHT_UPDATE_GOLDEN is set.
void expect_golden(const std::string& path, const std::string& text) {
  if (std::getenv("KEYWRIGHT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  std::stringstream kept;
  kept << file.rdbuf();
  EXPECT_EQ(kept.str(), text) << path << " differs; if that is meant: KEYWRIGHT_UPDATE_GOLDEN=1 "
                              << "cli_test";
}

template <class Visit>
void for_each(const Command& command, const std::string& name, const Visit& visit) {
  visit(command, name);
  for (const Command& child : command.commands) for_each(child, name + " " + child.name, visit);
}

TEST(CommandTree, EveryLineOfTheTableHasItsOperation) {
  EXPECT_EQ(std::vector<std::string>{}, missing_operations(api_operations()));
}

TEST(CommandTree, HelpOfEveryCommandIsAsRecorded) {
  expect_golden("tests/golden/cli_help.txt", all_help(tree()));
}

TEST(CommandTree, TheReferenceIsMadeFromTheTree) { expect_golden("docs/cli.md", markdown(tree())); }

TEST(CommandTree, ManPageNamesEveryCommand) {
  const std::string page = man_page(tree(), "1.2.3");
  for_each(tree(), "keywright", [&](const Command& command, const std::string& name) {
    if (command.hidden || !command.commands.empty()) return;
    std::string escaped;
    for (char c : name) escaped += c == '-' ? std::string("\\-") : std::string(1, c);
    EXPECT_NE(std::string::npos, page.find(".SS " + escaped)) << name;
  });
}

TEST(CommandTree, NoTwoFlagsOfACommandHaveOneNameOrLetter) {
  for_each(tree(), "keywright", [](const Command& command, const std::string& name) {
    std::set<std::string> names;
    std::set<char> letters;
    for (const Flag& flag : command.flags) {
      EXPECT_TRUE(names.insert(flag.name).second) << name << " --" << flag.name;
      if (flag.letter != 0) {
        EXPECT_TRUE(letters.insert(flag.letter).second) << name;
      }
      EXPECT_FALSE(flag.help.empty()) << name << " --" << flag.name;
    }
  });
}

TEST(CommandTree, NoFlagTakesASecretAsItsValue) {
  for_each(tree(), "keywright", [](const Command& command, const std::string& name) {
    for (const Flag& flag : command.flags) {
      const bool names_secret = flag.name == "password" || flag.name == "current-password" ||
                                flag.name == "key" || flag.name == "token" ||
                                flag.name == "headers";
      EXPECT_FALSE(names_secret) << name << " --" << flag.name;
    }
  });
}

TEST(CommandTree, EveryCommandRunsOrHasCommands) {
  for_each(tree(), "keywright", [](const Command& command, const std::string& name) {
    EXPECT_NE(command.commands.empty(), command.run == nullptr) << name;
    EXPECT_FALSE(command.summary.empty()) << name;
  });
}

TEST(Completion, CompletesCommandsFlagsAndValues) {
  const auto words = [](const std::vector<std::string>& typed) {
    std::vector<std::string> out;
    for (const Completion& completion : complete(tree(), typed)) out.push_back(completion.word);
    return out;
  };
  EXPECT_EQ((std::vector<std::string>{"rotate", "revoke"}), words({"keys", "r"}));
  EXPECT_EQ((std::vector<std::string>{"--limit"}), words({"projects", "list", "--li"}));
  EXPECT_EQ((std::vector<std::string>{"bash"}), words({"completion", "b"}));
  EXPECT_EQ((std::vector<std::string>{":file"}), words({"login", "--password-file", ""}));
  EXPECT_EQ((std::vector<std::string>{":directory"}), words({"serve", "--data", ""}));
  EXPECT_EQ((std::vector<std::string>{}), words({"complete-w"}));
}

}  // namespace
}  // namespace keywright::cli
