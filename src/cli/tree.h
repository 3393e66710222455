// cli/tree.h - the whole command tree.
//
// Threading: built once at start; about 60 commands. Lifetime: of the program.
#pragma once

#include <vector>

#include "cli/api_operation.h"
#include "cli/command.h"

namespace keywright::cli {

Command command_tree(const std::vector<ApiOperation>& operations);

}  // namespace keywright::cli
