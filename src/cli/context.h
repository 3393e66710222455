// cli/context.h - what a command runs in: its streams, environment, clock and command tree.
//
// Lifetime: of the program's run. Threading: one thread.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/outcome.h"

namespace keywright::cli {

struct Context {
  Console& console;
  Environment environment;
  Clock& clock;
  Random& random;
  const Command& root;
};

// The whole of a file, or of standard input for "-".
Expected<std::string> read_file_or_input(Context& context, const std::string& path);

// A secret from the file named by --`flag` ("-" is standard input), or asked for on a terminal.
// Usage failure where neither is possible.
Expected<Secret<std::string>> read_secret(Context& context, const Invocation& given,
                                          std::string_view flag, std::string_view question);

// As above, typed twice when it is asked for: for passwords that are being set.
Expected<Secret<std::string>> read_new_password(Context& context, const Invocation& given);

}  // namespace keywright::cli
