#include "cli/command.h"

#include <algorithm>

namespace keywright::cli {

const Command* Command::find(std::string_view child) const {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& command) { return command.name == child; });
  return found == commands.end() ? nullptr : &*found;
}

const Flag* Command::find_flag(std::string_view flag) const {
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const Flag& candidate) {
    return candidate.name == flag || (!candidate.also.empty() && candidate.also == flag);
  });
  return found == flags.end() ? nullptr : &*found;
}

std::string Invocation::value(std::string_view flag, std::string_view otherwise) const {
  const auto found = flags.find(flag);
  return found == flags.end() || found->second.empty() ? std::string(otherwise)
                                                       : found->second.back();
}

const std::vector<std::string>& Invocation::values(std::string_view flag) const {
  static const std::vector<std::string> none;
  const auto found = flags.find(flag);
  return found == flags.end() ? none : found->second;
}

std::string full_name(const std::vector<const Command*>& path) {
  std::string name;
  for (const Command* command : path) {
    if (!name.empty()) name += ' ';
    name += command->name;
  }
  return name;
}

std::string Invocation::name() const { return full_name(path); }

}  // namespace keywright::cli
