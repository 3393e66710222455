#include "http/refusal.h"

#include <array>

namespace keywright::http {

namespace {

struct Entry {
  int status;
  std::string_view code;
  std::string_view detail;
};

constexpr std::array<Entry, kRefusalCount> kEntries{{
    {400, "malformed_request", "The request is not well-formed HTTP."},
    {408, "request_timeout", "The request did not arrive in time."},
    {413, "body_too_large", "The request body is larger than this path accepts."},
    {414, "target_too_long", "The request line is longer than 8 KiB."},
    {417, "expectation_failed", "Only the expectation 100-continue is supported."},
    {431, "header_too_large", "The header block is larger than 32 KiB or has over 1000 fields."},
    {405, "method_not_allowed", "CONNECT and TRACE are not supported."},
    {501, "transfer_coding_not_supported", "Only the transfer coding chunked is supported."},
    {505, "version_not_supported", "This port speaks HTTP/1.1 and HTTP/2."},
    {429, "connection_flooded", "The connection sent frames that cost more than they ask for."},
}};

const Entry& entry_of(Refusal refusal) { return kEntries[static_cast<std::size_t>(refusal)]; }

}  // namespace

int status_of(Refusal refusal) { return entry_of(refusal).status; }
std::string_view to_string(Refusal refusal) { return entry_of(refusal).code; }
std::string_view detail_of(Refusal refusal) { return entry_of(refusal).detail; }

}  // namespace keywright::http
