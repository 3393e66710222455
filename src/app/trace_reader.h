// app/trace_reader.h - what operations may ask of the traces that were received.
//
//   if (app.traces == nullptr) return unavailable;          // an application without traces
//   auto read = [&] { return app.traces->list_traces(query); };
//   auto page = co_await app.readers.run(read);             // a worker: reads block
//
// The interface stands here so that operations need not know where traces are kept; the room
// `ingest` implements it over the room `traces`. It knows nothing of rights: whoever asks has found
// out before which project, and which of its platforms, the caller may look at.
//
// Errors: invalid_argument for a cursor that is none; unavailable when the store cannot be read.
// Threading: any thread. Lifetime: outlives every operation. Cost: list_traces, get_trace
// and unrouted block on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "domain/access/ids.h"
#include "json/describe.h"
#include "json/raw.h"

namespace keywright::app {

struct TraceRouting {
  std::string by;  // "platformId", "metadata", "serviceName" or "keyScope"
  std::vector<std::string> warnings;
};
KW_DESCRIBE(TraceRouting,
            field<&TraceRouting::by>("by",
                                     "What named the platform: platformId, metadata, "
                                     "serviceName or keyScope."),
            field<&TraceRouting::warnings>("warnings", "What was odd about it."))

struct TraceSummary {
  std::string id;
  domain::ProjectId project_id;
  domain::PlatformId platform_id;
  std::optional<std::string> external_id;  // x-request-id of the sender, or the OTLP trace id
  std::string source;                      // "native" or "otlp"
  std::optional<std::string> name;         // of the root span
  std::string status;
  std::int64_t span_count = 0;
  std::int64_t size_bytes = 0;  // as received, decompressed
  std::int64_t revision = 1;
  std::string key_id;
  TraceRouting routing;
  Time created_at;
  Time updated_at;
};
KW_DESCRIBE(TraceSummary, field<&TraceSummary::id>("id", "Id of the trace."),
            field<&TraceSummary::project_id>("project_id", "Project of the key that sent it."),
            field<&TraceSummary::platform_id>("platform_id", "Platform it was routed to."),
            field<&TraceSummary::external_id>("external_id",
                                              "The sender's x-request-id, or OTLP trace id."),
            field<&TraceSummary::source>("source", "native or otlp."),
            field<&TraceSummary::name>("name", "Name of the root span."),
            field<&TraceSummary::status>("status", "As the sender said; error if a span failed."),
            field<&TraceSummary::span_count>("span_count", "Spans of the trace."),
            field<&TraceSummary::size_bytes>("size_bytes", "As received, decompressed."),
            field<&TraceSummary::revision>("revision", "Counts what changed it, from 1."),
            field<&TraceSummary::key_id>("key_id", "Key that sent it last."),
            field<&TraceSummary::routing>("routing", "How its platform was found."),
            field<&TraceSummary::created_at>("created_at", "When it was received first."),
            field<&TraceSummary::updated_at>("updated_at", "When it was received last."))

// The summary once more, and what the trace consists of.
struct Trace {
  std::string id;
  domain::ProjectId project_id;
  domain::PlatformId platform_id;
  std::optional<std::string> external_id;
  std::string source;
  std::optional<std::string> name;
  std::string status;
  std::int64_t span_count = 0;
  std::int64_t size_bytes = 0;
  std::int64_t revision = 1;
  std::string key_id;
  TraceRouting routing;
  Time created_at;
  Time updated_at;
  json::Raw body;   // native: as posted; null for OTLP and on later pages
  json::Raw spans;  // an array; null where the sender sent none
  std::optional<std::string> next_span_cursor;
};
KW_DESCRIBE(Trace, field<&Trace::id>("id", "Id of the trace."),
            field<&Trace::project_id>("project_id", "Project of the key that sent it."),
            field<&Trace::platform_id>("platform_id", "Platform it was routed to."),
            field<&Trace::external_id>("external_id",
                                       "The sender's x-request-id, or OTLP trace id."),
            field<&Trace::source>("source", "native or otlp."),
            field<&Trace::name>("name", "Name of the root span."),
            field<&Trace::status>("status", "As the sender said; error if a span failed."),
            field<&Trace::span_count>("span_count", "Spans of the trace."),
            field<&Trace::size_bytes>("size_bytes", "As received, decompressed."),
            field<&Trace::revision>("revision", "Counts what changed it, from 1."),
            field<&Trace::key_id>("key_id", "Key that sent it last."),
            field<&Trace::routing>("routing", "How its platform was found."),
            field<&Trace::created_at>("created_at", "When it was received first."),
            field<&Trace::updated_at>("updated_at", "When it was received last."),
            field<&Trace::body>("body", "What was posted; null for OTLP and on later pages."),
            field<&Trace::spans>("spans", "Spans in order of their start; null if there are none."),
            field<&Trace::next_span_cursor>("next_span_cursor",
                                            "Send it as `span_cursor` for further spans."))

struct TraceQuery {
  domain::ProjectId project;
  std::optional<std::vector<domain::PlatformId>> platforms;  // absent: every one of the project
  std::optional<Time> from;                                  // received then or later
  std::optional<Time> to;                                    // received before
  std::string status;                                        // "": any, as of the other texts
  std::string external_id;
  std::string key_id;
  std::string name;               // of the root span
  std::optional<bool> has_error;  // whether its status is error
  std::string cursor;
  int limit = 50;
};

struct TracePage {
  std::vector<TraceSummary> items;  // newest first; may be fewer than the limit before the end
  std::optional<std::string> next_cursor;
};

struct SpanPage {
  std::string cursor;  // "": from the first
  int limit = 1000;
};

// A trace that did not arrive: never its body.
struct UnroutedTrace {
  Time time;
  std::string key_id;
  std::string reason;  // "PLATFORM_REQUIRED"
  std::string message;
  std::string path;
  std::string content_type;
  std::string user_agent;
  std::string external_id;
  std::string address;
  std::int64_t size_bytes = 0;
  std::string request_id;
};
KW_DESCRIBE(UnroutedTrace, field<&UnroutedTrace::time>("time", "When it was refused."),
            field<&UnroutedTrace::key_id>("key_id", "Key that sent it."),
            field<&UnroutedTrace::reason>("reason", "Code of the answer."),
            field<&UnroutedTrace::message>("message", "Words of the answer."),
            field<&UnroutedTrace::path>("path", "Address it was sent to."),
            field<&UnroutedTrace::content_type>("content_type", "Content-Type of the request."),
            field<&UnroutedTrace::user_agent>("user_agent", "User-Agent of the request."),
            field<&UnroutedTrace::external_id>("external_id", "x-request-id of the request."),
            field<&UnroutedTrace::address>("address", "Where it came from."),
            field<&UnroutedTrace::size_bytes>("size_bytes", "As received, decompressed."),
            field<&UnroutedTrace::request_id>("request_id", "X-Request-Id of the answer."))

struct UnroutedCount {
  std::string key_id;
  std::string reason;
  std::int64_t count = 0;
  Time last_at;
};
KW_DESCRIBE(UnroutedCount, field<&UnroutedCount::key_id>("key_id", "Key that sent them."),
            field<&UnroutedCount::reason>("reason", "Code of the answer."),
            field<&UnroutedCount::count>("count", "How often."),
            field<&UnroutedCount::last_at>("last_at", "When last."))

struct UnroutedReport {
  std::vector<UnroutedTrace> items;  // newest first
  std::vector<UnroutedCount> counts;
};
KW_DESCRIBE(UnroutedReport, field<&UnroutedReport::items>("items", "The last ones, newest first."),
            field<&UnroutedReport::counts>("counts", "How many, by key and reason."))

class TraceForwarding;

class TraceReader {
 public:
  virtual ~TraceReader() = default;
  virtual Result<TracePage> list_traces(const TraceQuery& query) = 0;
  // Nothing if the project has no such trace.
  virtual Result<std::optional<Trace>> get_trace(domain::ProjectId project, std::string_view id,
                                                 const SpanPage& page) = 0;
  virtual Result<UnroutedReport> unrouted(domain::ProjectId project) = 0;
  // False if the project has no such trace.
  virtual Result<bool> delete_trace(domain::ProjectId project, std::string_view id) = 0;
  // Null: traces are not sent on here.
  virtual TraceForwarding* forwarding() { return nullptr; }
};

}  // namespace keywright::app
