#include "base/result.h"

namespace keywright {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::invalid_argument: return "invalid_argument";
    case Code::unauthenticated: return "unauthenticated";
    case Code::permission_denied: return "permission_denied";
    case Code::not_found: return "not_found";
    case Code::method_not_allowed: return "method_not_allowed";
    case Code::conflict: return "conflict";
    case Code::precondition_failed: return "precondition_failed";
    case Code::too_large: return "too_large";
    case Code::unsupported_media_type: return "unsupported_media_type";
    case Code::unprocessable: return "unprocessable";
    case Code::rate_limited: return "rate_limited";
    case Code::storage_full: return "storage_full";
    case Code::unavailable: return "unavailable";
    case Code::internal: return "internal";
  }
  return "internal";
}

Error::Error(Code code, std::string_view reason, std::string_view detail)
    : body_(
          std::make_shared<Body>(Body{code, std::string(reason), std::string(detail), {}, {}, 0})) {
}

Error&& Error::with_problem(std::string_view field, std::string_view message) && {
  body_->problems.push_back({std::string(field), std::string(message)});
  return std::move(*this);
}

Error&& Error::with_internal(std::string_view text) && {
  body_->internal = text;
  return std::move(*this);
}

Error&& Error::with_retry_after_seconds(int seconds) && {
  body_->retry_after_seconds = seconds;
  return std::move(*this);
}

Error invalid_field(std::string_view field, std::string_view message) {
  std::string detail = std::string(field) + ": " + std::string(message);
  return Error(Code::invalid_argument, "invalid_request", detail).with_problem(field, message);
}

}  // namespace keywright
