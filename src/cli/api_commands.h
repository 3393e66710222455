// cli/api_commands.h - the commands that are operations of the API: one line each, in the table of
// api_commands.cc. Flags, arguments, columns and messages come from the operation's description.
//
//   {"projects list", "projects.list", "id name created_at"},
//
// So that a new operation needs one line here: the command's words, the operation's name, and for a
// list its columns (all plain fields if none are named). A group is added beside it in kGroups.
//
// Threading: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/api_operation.h"
#include "cli/command.h"

namespace keywright::cli {

// What a command knows of its operation when it runs.
struct ApiCommand {
  const ApiOperation* operation = nullptr;
  std::string noun;                  // "MCP server"
  std::vector<std::string> columns;  // of a list
  std::string warning;               // said before somebody is asked; "" = the summary
};

// The groups ("keys", "projects", ...) with their commands. An operation that the server does not
// have has no command.
std::vector<Command> api_command_groups(const std::vector<ApiOperation>& operations);

// The names of operations that lines of the table name and `operations` does not have.
std::vector<std::string> missing_operations(const std::vector<ApiOperation>& operations);

// Flags that commands share.
// --server may be written --url where that means nothing else.
std::vector<Flag> connection_flags(bool url_is_free = true);
Flag json_flag();
Flag quiet_flag();
Flag yes_flag();
Flag color_flag();

}  // namespace keywright::cli
