// gateway/refusal.h - how the gateway says no.
//
//   write_refusal(exchange, error, Presence::presented);
//
// The same problem+json, challenge and words as the native API. A 401 says `error="invalid_token"`
// only if a credential was presented. Threading: the exchange's loop.
#pragma once

#include "base/result.h"
#include "http/server.h"

namespace keywright::gateway {

enum class Presence : bool { nothing, presented };  // of a credential

// Replaces the response.
void write_refusal(http::Exchange& exchange, const Error& error, Presence presence);
void write_refusal(const http::Request& request, http::Response& response, const Error& error,
                   Presence presence);

}  // namespace keywright::gateway
