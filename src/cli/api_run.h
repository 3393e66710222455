// cli/api_run.h - runs a command that is one operation of the API, and prints its answer.
//
// Standard output carries what was asked for: a table on a terminal, tab-separated lines in a pipe,
// JSON with --json, ids alone with -q. A secret that is shown once stands alone on it in a pipe;
// everything else that is worth knowing then goes to standard error.
//
// Threading: one thread. Errors: those of cli/api_client.h, with the names of flags.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "cli/api_client.h"
#include "cli/api_commands.h"
#include "cli/context.h"
#include "cli/input_flags.h"
#include "json/document.h"

namespace keywright::cli {

Outcome run_list(const ApiCommand& command, Context& context, const Invocation& given);
Outcome run_get(const ApiCommand& command, Context& context, const Invocation& given);
Outcome run_change(const ApiCommand& command, Context& context, const Invocation& given);

// GET one page after the other, at most `most` items; `take` gets each item and may stop it by
// failing. An operation without pages is asked once.
struct Pages {
  std::size_t items = 0;
  bool more = false;  // the server has more
};
Expected<Pages> for_each_item(ApiClient& api, const ApiOperation& operation,
                              const std::string& path, const std::string& query, std::size_t most,
                              const std::function<Expected<void>(const json::Value&)>& take);

// What the server answered, as text and read.
struct Answered {
  std::string body;
  json::Document document;
};
Expected<Answered> ask(ApiClient& api, const ApiOperation& operation, std::string_view address,
                       const std::string& body = {});
// The same for a command that only reads, with all that was given.
Expected<Answered> fetch(const ApiCommand& command, Context& context, const Invocation& given);

// "--expires-at: must be in the future" for what the server says about `expires_at`.
Failure with_flag_names(Failure failure, const ApiOperation& operation);

Reading reading_of(Context& context);

// JSON to standard output: indented on a terminal; only some fields with --json=a,b.
void print_json(Context& context, const Invocation& given, const std::string& json);

// Writes a secret where it was asked for: --out FILE, which must not exist yet, else standard
// output.
class SecretOutput {
 public:
  SecretOutput(Context& context, const Invocation& given) : context_(context), given_(given) {}
  ~SecretOutput();

  Expected<void> prepare();  // before the secret exists, so that it cannot be lost to a full disk
  Expected<void> write(const std::string& secret, const std::string& label);
  bool to_file() const { return given_.has("out"); }

 private:
  Context& context_;
  const Invocation& given_;
  int descriptor_ = -1;
  bool written_ = false;
};

}  // namespace keywright::cli
