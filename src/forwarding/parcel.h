// forwarding/parcel.h - what is sent: the body of a webhook, or an OTLP request.
//
//   std::string body = webhook_body(event_type(trace, queued), trace, queued, now);
//   std::string json = otlp_json_of(traces);               // ExportTraceServiceRequest
//   KW_TRY(std::string protobuf, otlp_protobuf_of(json));
//
// A webhook carries one trace as the API shows it: a native one as it was posted, of an OTLP one
// the spans of one request. OTLP carries any number. A native trace becomes spans: its trace id is
// the id of the trace, ids that are not 16 hex digits are hashed, so that the same span has the
// same id each time; `data` becomes one span with the data as an attribute.
//
// Threading: pure. Cost: a few copies of the trace.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "traces/outbox.h"

namespace keywright::forwarding {

// Names this state of the trace, the same for each attempt: webhook-id.
std::string message_id(const traces::TraceToSend& trace, const traces::Queued& queued);

// trace.created or trace.updated.
std::string_view event_type(const traces::TraceToSend& trace, const traces::Queued& queued);
std::string webhook_body(std::string_view type, const traces::TraceToSend& trace,
                         const traces::Queued& queued, Time now);

std::string otlp_json_of(std::span<const traces::TraceToSend> traces);

// `json` came from otlp_json_of(). Errors: invalid_argument for values that are nested too deeply.
Result<std::string> otlp_protobuf_of(std::string_view json);

// The resourceSpans entry of a native trace; of this room only.
void append_native_spans(std::string& out, const traces::TraceToSend& trace);

}  // namespace keywright::forwarding
