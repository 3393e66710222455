// cli/key_commands.h - commands on keys and on the audit log that are more than one request and one
// answer: verify, import, audit export, audit check. `run_...` runs one, `adapt_...` gives it its
// own flags.
//
// Threading: one thread. Errors: as cli/api_run.h.
#pragma once

#include "cli/api_commands.h"
#include "cli/command.h"

namespace keywright::cli {

// keywright keys verify [-] [--key-file FILE]: ExitCode::key_not_valid when it is not.
Outcome run_verify(const ApiCommand& command, Context& context, const Invocation& given);
void adapt_verify(Command& command);

// keywright keys import --file KEYS.jsonl: one key for each line, 1000 in a request. Lines that are
// refused are collected in a file, and the exit code is ExitCode::partial.
Outcome run_import(const ApiCommand& command, Context& context, const Invocation& given);
void adapt_import(Command& command);

// keywright audit export: every event that the filters let through, one JSON object for each line.
Outcome run_audit_export(const ApiCommand& command, Context& context, const Invocation& given);
void adapt_audit_export(Command& command);

// keywright audit check: has the server follow the chain of the log, stretch by stretch.
Outcome run_audit_check(const ApiCommand& command, Context& context, const Invocation& given);
void adapt_audit_check(Command& command);

}  // namespace keywright::cli
