// traces/otlp.h - reads what OpenTelemetry exporters send, ExportTraceServiceRequest as JSON and as
// protobuf, into the same traces.
//
//   KW_TRY(OtlpRequest request, read_otlp_json(document.root()));
//   KW_TRY(OtlpRequest request, read_otlp_protobuf(body));
//   for (OtlpTrace& trace : request.traces) {            // one for each trace id and resource
//     write.spans = pack_spans(request, trace);
//   }
//
// Each span becomes one JSON text in the form of OTLP/JSON, ids in lower-case hex; resource and
// scope are kept once for each trace and put back when spans are shown (with_context()). Fields
// that OTLP does not know are dropped. A span that is not well formed (ids that are no ids, values
// of a wrong type) is counted as rejected and the others go on.
//
// Both readers are bounded: by the size of the input, by kSpansPerRequestMax, and by the depth of
// attribute values. The protobuf one reads the wire itself (traces/wire.h), see
// docs/adr/0009-trace-store.md.
//
// Errors: invalid_argument/malformed_body; too_large/too_many_spans.
// Threading: pure. Cost: half a us for a span of 1 KB; pack_spans() several us more.
// Source: opentelemetry-proto 1.x, OTLP/HTTP.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"
#include "traces/received.h"

namespace keywright::traces {

// Attribute values deeper than this are refused.
inline constexpr int kValueDepthMax = 16;

// `size` of the text that it was parsed from is a hint.
Result<OtlpRequest> read_otlp_json(const json::Value& body, std::size_t size = 0);
Result<OtlpRequest> read_otlp_protobuf(std::string_view body);

// The spans of one of its traces, compressed as they are stored.
std::vector<SpanWrite> pack_spans(const OtlpRequest& request, const OtlpTrace& trace);

// A stored span with its resource and scope.
std::string with_context(std::string_view span, std::string_view context);

// Answers. An ExportTraceServiceResponse; nothing rejected and no message is an empty one.
std::string otlp_answer_json(std::int64_t rejected, std::string_view message);
std::string otlp_answer_protobuf(std::int64_t rejected, std::string_view message);
// A google.rpc.Status.
std::string status_protobuf(int code, std::string_view message);

}  // namespace keywright::traces
