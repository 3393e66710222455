// app/blot.h - names that clients made up, before they are written down: in the audit log, the
// metrics and the access log.
//
//   blotted("search")                 // "search"
//   blotted("kwa_9fQ...")             // "(a token)": it has the form of one
//   blotted_path("/api/v1/kwa_...")   // "/api/v1/(a token)"
//
// A key that ended up in the wrong place must not be shown by the very records that tell of it. The
// form is what counts: whether somebody has that token is not looked at.
//
// Threading: pure functions. Cost: one pass, and one for the checksum.
#pragma once

#include <string>
#include <string_view>

namespace keywright::app {

inline constexpr std::size_t kShownNameMax = 128;

bool looks_like_a_token(std::string_view text);

// At most kShownNameMax bytes of it.
std::string blotted(std::string_view name);

std::string blotted_path(std::string_view path);

}  // namespace keywright::app
