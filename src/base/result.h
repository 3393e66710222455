// base/result.h - the one error type of the project and the Result<T> that carries it.
//
//   Result<Project> find(ProjectId id) {
//     if (!known(id)) return fail(Code::not_found, "not_found", "No project has this id.");
//     ...
//   }
//   KW_TRY(Project project, find(id));       // binds the value, or returns the error
//
// An Error says that the work could not be done. A key that is refused is not an error: that is a
// Decision (domain/keys/decide.h). `reason` and `detail` may be sent to a client; `internal` goes
// to the log only. Clients rely on codes and reasons: append, never rename.
//
// Threading: plain values. Cost: an ok Result<T> is a T and a flag; an Error is one heap
// allocation.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace keywright {

enum class Code : unsigned char {
  invalid_argument,
  unauthenticated,
  permission_denied,
  not_found,
  method_not_allowed,
  conflict,
  precondition_failed,
  too_large,
  unsupported_media_type,
  unprocessable,
  rate_limited,
  storage_full,
  unavailable,
  internal,
};

std::string_view to_string(Code code);

// One thing that is wrong with one input field, in words that say how to mend it.
struct FieldProblem {
  std::string field;    // "scope.ids[2]", or a header or query parameter name
  std::string message;  // "must be in the future"
};

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string_view reason, std::string_view detail);

  Code code() const { return body_->code; }
  const std::string& reason() const { return body_->reason; }
  const std::string& detail() const { return body_->detail; }
  const std::vector<FieldProblem>& problems() const { return body_->problems; }
  const std::string& internal() const { return body_->internal; }
  int retry_after_seconds() const { return body_->retry_after_seconds; }  // 0 = not said

  Error&& with_problem(std::string_view field, std::string_view message) &&;
  Error&& with_internal(std::string_view text) &&;
  Error&& with_retry_after_seconds(int seconds) &&;

 private:
  struct Body {
    Code code;
    std::string reason;
    std::string detail;
    std::vector<FieldProblem> problems;
    std::string internal;
    int retry_after_seconds = 0;
  };
  std::shared_ptr<Body> body_;  // shared so that an Error is cheap to move and to copy
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

inline tl::unexpected<Error> fail(Code code, std::string_view reason, std::string_view detail) {
  return fail(Error(code, reason, detail));
}

// A 400 that names one field: fail(invalid_field("expires_at", "must be in the future")).
Error invalid_field(std::string_view field, std::string_view message);

}  // namespace keywright

#define KW_CONCAT_(a, b) a##b
#define KW_CONCAT(a, b) KW_CONCAT_(a, b)
#define KW_TRY_(result, declaration, expression)                   \
  auto result = (expression);                                      \
  if (!result) return ::tl::unexpected(std::move(result).error()); \
  declaration = std::move(*result)

// KW_TRY(auto x, expression): binds the value or returns the error to the caller.
#define KW_TRY(declaration, ...) \
  KW_TRY_(KW_CONCAT(kw_try_, __COUNTER__), declaration, (__VA_ARGS__))

// KW_CHECK_OK(expression): for Result<void>, or where the value is not wanted.
#define KW_CHECK_OK(...)                                     \
  do {                                                       \
    if (auto kw_result = (__VA_ARGS__); !kw_result)          \
      return ::tl::unexpected(std::move(kw_result).error()); \
  } while (false)

// The same two inside a coroutine, whose result they become.
#define KW_CO_TRY_(result, declaration, expression)                   \
  auto result = (expression);                                         \
  if (!result) co_return ::tl::unexpected(std::move(result).error()); \
  declaration = std::move(*result)

#define KW_CO_TRY(declaration, ...) \
  KW_CO_TRY_(KW_CONCAT(kw_try_, __COUNTER__), declaration, (__VA_ARGS__))

#define KW_CO_CHECK_OK(...)                                     \
  do {                                                          \
    if (auto kw_result = (__VA_ARGS__); !kw_result)             \
      co_return ::tl::unexpected(std::move(kw_result).error()); \
  } while (false)
