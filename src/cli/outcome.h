// cli/outcome.h - how a command ends: an exit code, or a failure that is explained to a person.
//
//   Outcome get(Context& context, const Invocation& given) {
//     if (!found) return failed({ExitCode::not_found, "there is no such key"});
//     return ExitCode::ok;
//   }
//
// The numbers are part of what scripts rely on (`keywright help exit-codes`): append, never change.
//
// Threading: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace keywright::cli {

enum class ExitCode : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  not_allowed = 4,  // not signed in, or signed in as somebody who may not
  conflict = 5,
  rate_limited = 6,
  unavailable = 7,
  key_not_valid = 8,
  partial = 9,
  interrupted = 130,
};

// Said on standard error: what failed and why, what is wrong with which flag, what to do next, and
// the id under which the server's log knows the request.
struct Failure {
  ExitCode code = ExitCode::failure;
  std::string message;
  std::vector<std::string> details{};
  std::string next{};
  std::string request_id{};
};

template <class T>
using Expected = tl::expected<T, Failure>;
using Outcome = Expected<ExitCode>;

inline tl::unexpected<Failure> failed(Failure failure) {
  return tl::unexpected<Failure>(std::move(failure));
}

// A mistake in how the command was called.
inline tl::unexpected<Failure> misused(std::string message, std::string next = {}) {
  return failed({ExitCode::usage, std::move(message), {}, std::move(next)});
}

// An Error of the rooms below, in the CLI's terms.
Failure to_failure(const Error& error);
ExitCode exit_code_of(Code code);

}  // namespace keywright::cli
