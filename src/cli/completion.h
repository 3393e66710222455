// cli/completion.h - completion of command lines in bash, zsh and fish.
//
//   completion_script("bash")                               // for `source`
//   complete(root, {"keys", "re"})                           // revoke, rotate
//
// The scripts ask the program itself (`keywright complete-words -- keys re`), so they never
// disagree with it. An answer of `:file` or `:directory` leaves the word to the shell.
//
// Threading: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace keywright::cli {

struct Completion {
  std::string word;
  std::string help;
};

// What the last of `words` may become.
std::vector<Completion> complete(const Command& root, const std::vector<std::string>& words);

// "" for a shell that is not known.
std::string_view completion_script(std::string_view shell);

}  // namespace keywright::cli
