// cli/local_commands.h - commands that work on a data directory of this machine, or serve it:
// serve, setup, backup, restore, users reset-password, audit verify.
//
// Where: --data, else KEYWRIGHT_DATA. The flags of `serve` are the settings of server/config.h.
//
// Threading: the main thread, while there is no other.
#pragma once

#include <vector>

#include "cli/command.h"

namespace keywright::cli {

std::vector<Command> local_commands();  // serve, setup, backup, restore
Command reset_password_command();       // of the group `users`
Command verify_audit_command();         // of the group `audit`

}  // namespace keywright::cli
