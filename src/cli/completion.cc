#include "cli/completion.h"

#include "cli/help.h"

namespace keywright::cli {

namespace {

constexpr std::string_view kBash = R"(_keywright() {
  local IFS=$'\n' word=${COMP_WORDS[COMP_CWORD]}
  local answers=($(keywright complete-words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
  case ${answers[0]} in
    :file) COMPREPLY=($(compgen -f -- "$word")); compopt -o filenames ;;
    :directory) COMPREPLY=($(compgen -d -- "$word")); compopt -o filenames ;;
    *) COMPREPLY=("${answers[@]}") ;;
  esac
}
complete -F _keywright keywright
)";

constexpr std::string_view kZsh = R"(#compdef keywright
_keywright() {
  local -a lines answers
  local line
  lines=("${(@f)$(keywright complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case ${lines[1]} in
    :file*) _files; return ;;
    :directory*) _files -/; return ;;
  esac
  for line in $lines; do
    [[ -n $line ]] && answers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  _describe keywright answers
}
compdef _keywright keywright
)";

constexpr std::string_view kFish = R"(function __keywright_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answers (keywright complete-words $words[2..-1] 2>/dev/null)
  switch "$answers[1]"
    case ':file*'
      __fish_complete_path (commandline -ct)
    case ':directory*'
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\n' $answers
  end
end
complete -c keywright -f -a '(__keywright_complete)'
)";

void add_matching(std::vector<Completion>& out, std::string_view start, std::string word,
                  std::string help) {
  if (word.starts_with(start)) out.push_back({std::move(word), std::move(help)});
}

std::vector<Completion> values_of(const std::vector<std::string>& choices, Completes completes,
                                  std::string_view start) {
  std::vector<Completion> out;
  for (const std::string& choice : choices) add_matching(out, start, choice, {});
  if (completes == Completes::file) out.push_back({":file", {}});
  if (completes == Completes::directory) out.push_back({":directory", {}});
  return out;
}

}  // namespace

std::vector<Completion> complete(const Command& root, const std::vector<std::string>& words) {
  const Command* command = &root;
  const Flag* waiting = nullptr;  // a flag whose value comes next
  std::size_t arguments = 0;
  const std::size_t last = words.empty() ? 0 : words.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const std::string& word = words[i];
    if (waiting != nullptr) {
      waiting = nullptr;
    } else if (word.starts_with("--")) {
      const Flag* flag = command->find_flag(word.substr(2));
      if (flag != nullptr && flag->takes == Takes::value) waiting = flag;
    } else if (!word.starts_with('-')) {
      const Command* child = command->find(word);
      if (child != nullptr) {
        command = child;
      } else {
        ++arguments;
      }
    }
  }
  const std::string start = words.empty() ? "" : words.back();
  if (waiting != nullptr) return values_of(waiting->choices, waiting->completes, start);
  std::vector<Completion> out;
  if (start.starts_with('-')) {
    for (const Flag& flag : command->flags) add_matching(out, start, "--" + flag.name, flag.help);
    add_matching(out, start, "--help", "Show help");
    return out;
  }
  for (const Command& child : command->commands) {
    if (!child.hidden) add_matching(out, start, child.name, child.summary);
  }
  if (command->commands.empty() && arguments < command->arguments.size()) {
    const Argument& argument = command->arguments[arguments];
    return values_of(argument.choices, argument.completes, start);
  }
  return out;
}

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return {};
}

}  // namespace keywright::cli
