#include "cli/outcome.h"

#include <fmt/format.h>

namespace keywright::cli {

ExitCode exit_code_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::method_not_allowed:
    case Code::too_large:
    case Code::unsupported_media_type:
    case Code::unprocessable:
    case Code::storage_full:
    case Code::internal: return ExitCode::failure;
    case Code::unauthenticated:
    case Code::permission_denied: return ExitCode::not_allowed;
    case Code::not_found: return ExitCode::not_found;
    case Code::conflict:
    case Code::precondition_failed: return ExitCode::conflict;
    case Code::rate_limited: return ExitCode::rate_limited;
    case Code::unavailable: return ExitCode::unavailable;
  }
  return ExitCode::failure;
}

Failure to_failure(const Error& error) {
  Failure failure{exit_code_of(error.code()), error.detail()};
  for (const FieldProblem& problem : error.problems()) {
    failure.details.push_back(fmt::format("{}: {}", problem.field, problem.message));
  }
  return failure;
}

}  // namespace keywright::cli
