// cli/usage_command.h - `keywright keys usage ID`: how often a key was used, as bars.
//
//   AT                ACCEPTED  REFUSED  WHY
//   2026-11-20 13:00       120        2  EXPIRED 2     ##########
//
// For people steps without any use are left out where there are many; for programs every step is a
// line: at, accepted, refused, and reasons as CODE=count with commas between them.
//
// Threading: as every command.
#pragma once

#include "cli/api_commands.h"
#include "cli/context.h"
#include "cli/outcome.h"

namespace keywright::cli {

Outcome run_usage(const ApiCommand& command, Context& context, const Invocation& given);

}  // namespace keywright::cli
