// cli/mcp_command.h - `keywright mcp`: Keywright's MCP server, or a registered one, for hosts that
// start a program and speak with it over standard input and output.
//
// Threading: the main thread, while there is no other.
#pragma once

#include "cli/command.h"

namespace keywright::cli {

Command mcp_command();

}  // namespace keywright::cli
