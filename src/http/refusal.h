// http/refusal.h - why a request was refused before any handler saw it.
//
// Each is one status, one stable code for problem+json and one line of the metrics. After any of
// them an HTTP/1.1 connection is closed: where the next request would begin is no longer certain.
// Over HTTP/2 only the stream ends; a stream that is malformed as HTTP/2 is reset instead.
//
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace keywright::http {

enum class Refusal : unsigned char {
  malformed,           // 400
  timed_out,           // 408
  body_too_large,      // 413
  target_too_long,     // 414
  expectation_failed,  // 417
  head_too_large,      // 431
  method_refused,      // 405: CONNECT, TRACE
  not_implemented,     // 501: a transfer coding
  version_refused,     // 505
  flooded,             // HTTP/2: GOAWAY, not an answer
};
inline constexpr std::size_t kRefusalCount = 10;

int status_of(Refusal refusal);
std::string_view to_string(Refusal refusal);  // "malformed_request", the code of the problem
std::string_view detail_of(Refusal refusal);  // a sentence for people

// A refusal with what exactly was wrong: for people, for tests, never for decisions.
struct Fault {
  Refusal refusal;
  std::string_view what;  // "bare_lf"
};

}  // namespace keywright::http
