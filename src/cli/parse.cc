#include "cli/parse.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/suggest.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kKeyIdLength = 12;

bool is_url_safe(char c) { return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-' || c == '_'; }

bool is_key_id_with_hyphen(std::string_view word) {
  return word.size() == kKeyIdLength && word[0] == '-' && word[1] != '-' &&
         std::all_of(word.begin(), word.end(), is_url_safe);
}

std::string help_of(const std::vector<const Command*>& path) {
  return fmt::format("{} --help", full_name(path));
}

class Parser {
 public:
  Parser(const Command& root, const std::vector<std::string>& words) : words_(words) {
    parsed_.given.path.push_back(&root);
  }

  Expected<Parsed> run() {
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (command().raw_arguments) {
        parsed_.given.arguments.push_back(word);
      } else if (auto done = take(word); !done) {
        return failed(std::move(done).error());
      }
    }
    if (parsed_.wants_help) return std::move(parsed_);
    if (auto done = check(); !done) return failed(std::move(done).error());
    parsed_.given.command = &command();
    return std::move(parsed_);
  }

 private:
  const Command& command() const { return *parsed_.given.path.back(); }
  const Command& root() const { return *parsed_.given.path.front(); }
  bool at_leaf() const { return command().commands.empty(); }

  Expected<void> take(const std::string& word) {
    if (flags_ended_ || word.size() < 2 || word[0] != '-') return take_word(word);
    if (word == "--") {
      flags_ended_ = true;
      return {};
    }
    if (word.starts_with("--")) return take_long(word);
    if (is_key_id_with_hyphen(word) && at_leaf() && find_letter(word[1]) == nullptr) {
      return take_word(word);
    }
    return take_letters(word);
  }

  Expected<void> take_word(const std::string& word) {
    if (at_leaf()) {
      parsed_.given.arguments.push_back(word);
      return {};
    }
    const Command* child = command().find(word);
    if (child != nullptr) {
      parsed_.given.path.push_back(child);
      return {};
    }
    if (looks_like_token(word)) return refuse_token("a command");
    std::vector<std::string> known;
    for (const Command& candidate : command().commands) {
      if (!candidate.hidden) known.push_back(candidate.name);
    }
    const std::string nearest = suggest(word, known);
    std::string message = fmt::format("{} has no command '{}'", parsed_.given.name(), word);
    if (!nearest.empty()) message += fmt::format("; did you mean '{}'?", nearest);
    return misused(std::move(message), help_of(parsed_.given.path));
  }

  Expected<void> take_long(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    if (name == "help") {
      parsed_.wants_help = true;
      return {};
    }
    const Flag* flag = find_flag(name);
    if (flag == nullptr) return unknown_flag("--" + name);
    return take_flag(*flag, std::move(value));
  }

  Expected<void> take_letters(const std::string& word) {
    for (std::size_t at = 1; at < word.size(); ++at) {
      if (word[at] == 'h') {
        parsed_.wants_help = true;
        continue;
      }
      const Flag* flag = find_letter(word[at]);
      if (flag == nullptr) return unknown_flag(fmt::format("-{}", word[at]));
      std::optional<std::string> value;
      if (flag->takes == Takes::value && at + 1 < word.size()) value = word.substr(at + 1);
      const bool took_rest = value.has_value();
      if (auto done = take_flag(*flag, std::move(value)); !done) return done;
      if (took_rest) break;
    }
    return {};
  }

  Expected<void> take_flag(const Flag& flag, std::optional<std::string> value) {
    if (flag.takes == Takes::value && !value) {
      if (next_ >= words_.size()) {
        return misused(
            fmt::format("--{} needs a value: --{} {}", flag.name, flag.name, flag.value));
      }
      value = words_[next_++];
    }
    if (flag.takes == Takes::nothing && value && *value != "true" && *value != "false") {
      return misused(
          fmt::format("--{} is a switch: it takes no value (or true, false)", flag.name));
    }
    if (value && looks_like_token(*value)) return refuse_token("--" + flag.name);
    auto& values = parsed_.given.flags[flag.name];
    if (!values.empty() && !flag.repeatable) {
      return misused(fmt::format("--{} is given twice", flag.name));
    }
    const bool is_switch = flag.takes == Takes::nothing;
    values.push_back(value ? std::move(*value) : is_switch ? "true" : "");
    return {};
  }

  // Flags of the command reached so far; before it is reached, those that every command shares.
  const Flag* find_flag(std::string_view name) const {
    const Flag* flag = command().find_flag(name);
    return flag != nullptr || at_leaf() ? flag : root().find_flag(name);
  }

  const Flag* find_letter(char letter) const {
    const auto matches = [&](const Flag& flag) { return flag.letter == letter; };
    for (const Command* holder : {&command(), &root()}) {
      const auto found = std::find_if(holder->flags.begin(), holder->flags.end(), matches);
      if (found != holder->flags.end()) return &*found;
      if (at_leaf()) break;
    }
    return nullptr;
  }

  tl::unexpected<Failure> unknown_flag(const std::string& shown) const {
    const std::string name(shown.substr(shown.find_first_not_of('-')));
    if (name == "password" || name == "token" || name == "key" || name == "secret" ||
        name == "api-key") {
      const std::string file = name == "token" || name == "secret" ? "key" : name;
      return misused(
          fmt::format("{}: a secret is not taken from the command line, where others can read it",
                      shown),
          command().find_flag(file + "-file") != nullptr
              ? fmt::format("--{}-file FILE, or --{}-file - for standard input", file, file)
              : help_of(parsed_.given.path));
    }
    std::vector<std::string> known;
    for (const Flag& flag : command().flags) known.push_back(flag.name);
    const std::string nearest = suggest(name, known);
    std::string message = fmt::format("{} has no flag {}", parsed_.given.name(), shown);
    if (!nearest.empty()) message += fmt::format("; did you mean --{}?", nearest);
    return misused(std::move(message), help_of(parsed_.given.path));
  }

  tl::unexpected<Failure> refuse_token(std::string_view place) const {
    return misused(
        fmt::format("{}: this is a secret. On the command line every user of this machine could "
                    "read it, and your shell keeps it in its history; treat it as leaked",
                    place),
        "give secrets by file, on standard input, or in KEYWRIGHT_API_KEY");
  }

  Expected<void> check() {
    const Command& reached = command();
    if (!at_leaf()) return {};
    for (const auto& [name, values] : parsed_.given.flags) {
      const Flag* flag = reached.find_flag(name);
      if (flag == nullptr) return unknown_flag("--" + name);
      if (auto done = check_choices("--" + name, flag->choices, values); !done) return done;
    }
    if (reached.raw_arguments) return {};
    if (auto done = check_arguments(reached); !done) return done;
    for (const Flag& flag : reached.flags) {
      if (flag.required && !parsed_.given.has(flag.name)) {
        return misused(fmt::format("{} needs --{} {}", parsed_.given.name(), flag.name, flag.value),
                       help_of(parsed_.given.path));
      }
    }
    return {};
  }

  Expected<void> check_arguments(const Command& reached) {
    const auto& words = parsed_.given.arguments;
    const std::size_t known = reached.arguments.size();
    const bool open_ended = known > 0 && reached.arguments.back().repeatable;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (looks_like_token(words[i])) {
        return refuse_token(i < known ? reached.arguments[i].name : "argument");
      }
      if (i >= known && !open_ended) {
        return misused(
            fmt::format("{} does not take the argument '{}'", parsed_.given.name(), words[i]),
            help_of(parsed_.given.path));
      }
      const Argument& argument = reached.arguments[std::min(i, known - 1)];
      if (auto done = check_choices(argument.name, argument.choices, {words[i]}); !done)
        return done;
    }
    for (std::size_t i = words.size(); i < known; ++i) {
      if (!reached.arguments[i].required) break;
      return misused(fmt::format("{} needs {}", parsed_.given.name(), reached.arguments[i].name),
                     help_of(parsed_.given.path));
    }
    return {};
  }

  static Expected<void> check_choices(const std::string& place,
                                      const std::vector<std::string>& choices,
                                      const std::vector<std::string>& values) {
    if (choices.empty()) return {};
    for (const std::string& value : values) {
      if (std::find(choices.begin(), choices.end(), value) != choices.end()) continue;
      const std::string nearest = suggest(value, choices);
      std::string message =
          fmt::format("{}: '{}' is not one of {}", place, value, fmt::join(choices, ", "));
      if (!nearest.empty()) message += fmt::format("; did you mean '{}'?", nearest);
      return misused(std::move(message));
    }
    return {};
  }

  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  bool flags_ended_ = false;
  Parsed parsed_;
};

}  // namespace

bool looks_like_token(std::string_view word) {
  constexpr std::size_t kShortestSecret = 20;  // a mask, which may be shown, is shorter
  const auto rest_is_plain = [](std::string_view rest) {
    return rest.size() >= kShortestSecret && std::all_of(rest.begin(), rest.end(), is_url_safe);
  };
  for (std::string_view prefix : {"kwp_", "kwm_", "kwa_", "kwr_", "kws_", "mibo_", "ok1-"}) {
    if (word.starts_with(prefix)) return rest_is_plain(word.substr(prefix.size()));
  }
  return word.starts_with("eyJ") && std::count(word.begin(), word.end(), '.') == 2;
}

Expected<Parsed> parse(const Command& root, const std::vector<std::string>& words) {
  return Parser(root, words).run();
}

}  // namespace keywright::cli
