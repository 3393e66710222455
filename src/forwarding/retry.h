// forwarding/retry.h - what an answer means, and how long to wait.
//
//   const Verdict verdict = verdict_of(app::ForwardingType::webhook, response, now);
//   if (verdict.fate == Fate::later) wait(delay_after(failures, verdict.retry_after, random));
//
// Of a webhook 408, 425, 429 and every 5xx pass, 410 ends the forwarding, and any other answer that
// is not 2xx stays what it is. OTLP/HTTP says of itself that 429, 502, 503 and 504 pass. A receiver
// that cannot be reached may be reached later. Redirects are not followed.
//
// The wait doubles from one second to ten minutes, of which a random half is taken off, so that
// many that failed together do not come back together; Retry-After is waited for, up to an hour.
//
// Threading: pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "app/trace_forwarding.h"
#include "base/random.h"
#include "base/result.h"
#include "http/client.h"

namespace keywright::forwarding {

enum class Fate : unsigned char { delivered, later, refused, gone };

struct Verdict {
  Fate fate = Fate::delivered;
  std::int64_t status = 0;  // 0: there was no answer
  std::string problem;      // "": none
  std::optional<std::chrono::seconds> retry_after;
};

Verdict verdict_of(app::ForwardingType type, const Result<http::ClientResponse>& response,
                   Time now);

// `failures`: how many attempts failed in a row, at least one.
std::chrono::milliseconds delay_after(std::int64_t failures,
                                      std::optional<std::chrono::seconds> retry_after,
                                      Random& random);

// Seconds, or a date.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, Time now);

}  // namespace keywright::forwarding
