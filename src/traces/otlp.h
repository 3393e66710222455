// traces/otlp.h - reads what OpenTelemetry exporters send, ExportTraceServiceRequest as JSON and as
// protobuf, into the same traces.
//
//   KW_TRY(OtlpJson read, read_otlp_json(body));              // read.request
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
// attribute values. Both walk the body once, without a tree (json/reader.h, traces/wire.h), see
// docs/adr/0009-trace-store.md.
//
// Errors: invalid_argument/malformed_body, /malformed_json, /invalid_request; too_large/
// too_many_spans. Threading: pure functions. Source: opentelemetry-proto 1.x, OTLP/HTTP.
// Cost: a quarter of a us for a span of 1 KB; pack_spans() several us more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "traces/received.h"

namespace keywright::traces {

// Attribute values deeper than this are refused.
inline constexpr int kValueDepthMax = 16;

struct OtlpJson {
  OtlpRequest request;
  bool has_spans = false;  // "resourceSpans" is a member of the body
  bool is_native = false;  // "data" or "spans" is
};

Result<OtlpJson> read_otlp_json(const std::string& body);
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
