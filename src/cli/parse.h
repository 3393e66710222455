// cli/parse.h - a command line, against the command tree.
//
//   Expected<Parsed> parsed = parse(root, {"keys", "list", "--json=id,name"});
//
// Grammar: flags may stand before or after the command's words and between its arguments;
// `--flag VALUE` or `--flag=VALUE` (an empty value is a value), `-qy` for switches, `-fVALUE`; `--`
// ends the flags. A switch takes no value but may be written `--switch=false`. `-` is an argument.
// A key id may begin with a hyphen: a word of twelve characters that is no flag counts as an
// argument.
//
// A secret is never taken from the command line, where every user of the machine can read it:
// whatever looks like a token is refused, and the message does not repeat it.
//
// Errors: Failure with ExitCode::usage that names the flag or argument, with a suggestion when a
// known word is near. Threading: pure. Lifetime: the Invocation points into the tree.
// docs/adr/0007-command-line.md says why this is not a library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/outcome.h"

namespace keywright::cli {

struct Parsed {
  Invocation given;
  bool wants_help = false;  // `given.path` says of what
};

Expected<Parsed> parse(const Command& root, const std::vector<std::string>& words);

// Whether a word has the shape of a token of some key kind, or of a session.
bool looks_like_token(std::string_view word);

}  // namespace keywright::cli
