// cli/session_commands.h - login, logout, whoami.
//
// `login` asks for e-mail and password (or reads the password with --password-file), begins a
// session at the server, and keeps its token in a file of its own (cli/session_file.h); the
// password is kept nowhere. `whoami` says as whom commands run: the key of KEYWRIGHT_API_KEY, or
// the session.
//
// Threading: one thread.
#pragma once

#include <vector>

#include "cli/command.h"

namespace keywright::cli {

std::vector<Command> session_commands();

}  // namespace keywright::cli
