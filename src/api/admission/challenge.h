// api/admission/challenge.h - the WWW-Authenticate of a 401, the same at every door for Bearer
// keys.
//
//   response.header("WWW-Authenticate", admission::challenge(error, presented));
//
// `error="invalid_token"` is said only if a credential was presented and refused: without one,
// RFC 6750 wants a challenge that says no more.
//
// Threading: a pure function. Source: RFC 6750, 3; RFC 9110, 11.6.1.
#pragma once

#include <string_view>

#include "base/result.h"

namespace keywright::admission {

inline std::string_view challenge(bool refused) {
  return refused ? "Bearer realm=\"keywright\", error=\"invalid_token\", "
                   "error_description=\"The credential is not valid\""
                 : "Bearer realm=\"keywright\"";
}

inline std::string_view challenge(const Error& error, bool presented) {
  return challenge(presented && error.reason() == "unauthenticated");
}

}  // namespace keywright::admission
