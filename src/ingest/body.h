// ingest/body.h - takes the body of a request in, within its limits.
//
//   KW_CO_CHECK_OK(check_announced_size(request));       // 413
//   KW_CO_TRY(BodyKind kind, body_kind(request));        // 415
//   auto body = co_await receive_body(exchange, kind, share);
//   ...
//   co_await drain(exchange);                    // before an answer that comes early
//   drain_afterwards(exchange);                  // or after it
//
// A body is at most kBodyMax bytes, as sent and after decompression. Bytes are counted in the share
// as they come; when there is no room for more, the sender is told to come again. drain() reads on
// for a while after a refusal: a client that is still sending would otherwise meet a reset, take it
// for a fault of the network, and send again.
//
// Errors: too_large/body_too_large; unsupported_media_type; invalid_argument/malformed_body;
// unavailable/overloaded, /client_gone.
// Threading: the exchange's loop. Cost: the body once, in memory.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "http/server.h"
#include "ingest/budget.h"
#include "ingest/decode.h"

namespace keywright::ingest {

inline constexpr std::size_t kBodyMax = 10 * 1024 * 1024;
// What the server takes from the wire, so that this room answers instead of it.
inline constexpr std::size_t kWireMax = 64 * 1024 * 1024;

struct BodyKind {
  Form form = Form::json;
  bool gzip = false;
  bool octets = false;  // application/octet-stream: JSON, and only as gzip
};

// 413, with the limit, and what the sender has where that is known and not 0.
Error body_too_large(std::size_t observed);

// Of a body whose Content-Length says enough.
Result<void> check_announced_size(const http::Request& request);

Result<BodyKind> body_kind(const http::Request& request);

Task<Result<std::string>> receive_body(http::Exchange& exchange, BodyKind kind,
                                       Budget::Share& share);

Task<void> drain(http::Exchange& exchange);

// The response goes out now, and what the client is still sending is taken after it, for a while.
void drain_afterwards(http::Exchange& exchange);

// Of what the head says; 0 if it does not.
std::size_t announced_length(const http::Request& request);

}  // namespace keywright::ingest
