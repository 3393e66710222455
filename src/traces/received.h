// traces/received.h - a trace on its way from the wire into the store.
//
// A request that was read holds one native trace, or any number of OTLP ones. Each becomes one
// TraceWrite once its platform is known; all writes of a request are stored together or not at all.
//
// Threading: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "domain/traces/routing.h"
#include "traces/pack.h"

namespace keywright::traces {

inline constexpr std::size_t kSpansPerRequestMax = 25'000;
inline constexpr std::int64_t kSpansPerTraceMax = 25'000;
inline constexpr std::size_t kExternalIdMax = 255;
// Of metadata, and of externalMetadata.
inline constexpr std::size_t kMetadataBytesMax = 64 * 1024;
// A trace that was forwarded so often is stored, and goes no further.
inline constexpr std::int64_t kHopsMax = 3;

// Native: `{"data":...}` or `{"spans":[...]}`.
struct NativeTrace {
  domain::RoutingHints hints;
  std::string status;
  std::string external_id;  // "" if the body names none
  std::string name;         // of the root span; ""
  std::int64_t span_count = 0;
};

// A span that was read. Its JSON text lies in OtlpRequest::text.
struct OtlpSpan {
  std::array<char, 16> id{};  // lower-case hex digits
  std::int64_t start = 0;     // ns since 1970; 0 if unknown
  std::size_t offset = 0;
  std::size_t size = 0;
  std::size_t context = 0;  // in OtlpTrace::contexts

  std::string_view span_id() const { return {id.data(), id.size()}; }
};

// The spans of one trace that came under one resource.
struct OtlpTrace {
  domain::RoutingHints hints;
  std::string trace_id;  // 32 lower-case hex digits
  std::string name;      // of the root span; ""
  bool failed = false;   // a span says so
  std::int64_t size_bytes = 0;
  std::vector<std::string> contexts;  // {"resource":{...},"scope":{...}}
  std::vector<OtlpSpan> spans;
};

struct OtlpRequest {
  std::unique_ptr<char[]> text;  // the spans as they are kept, one behind the other
  std::vector<OtlpTrace> traces;
  std::int64_t spans = 0;     // all that were sent
  std::int64_t rejected = 0;  // of these: not well formed
  std::string problem;        // of the first one rejected

  std::string_view json(const OtlpSpan& span) const {
    return {text.get() + span.offset, span.size};
  }
};

struct SpanWrite {
  std::string span_id;
  std::int64_t start = 0;
  std::size_t context = 0;  // in TraceWrite::contexts
  Packed json;
};

enum class Source : unsigned char { native, otlp };

struct TraceWrite {
  domain::ProjectId project;
  domain::PlatformId platform;
  Source source = Source::native;
  std::string external_id;  // "": always a new trace
  std::string key_id;
  std::string routed_by;
  std::vector<std::string> warnings;
  std::string name;
  std::string status;
  std::int64_t span_count = 0;  // native
  std::int64_t size_bytes = 0;
  std::int64_t hops = 0;              // how often it was forwarded before it came here
  crypto::Sha256 digest{};            // native, with an external id: of the body as posted
  Packed body;                        // native
  std::vector<std::string> contexts;  // OTLP
  std::vector<SpanWrite> spans;       // OTLP
};

enum class Fate : unsigned char { created, updated, unchanged };

struct StoredTrace {
  Uuid id;
  Fate fate = Fate::created;
  std::string status;
  std::int64_t revision = 1;
  std::int64_t spans_refused = 0;  // beyond kSpansPerTraceMax
  Time created_at;
  Time updated_at;
};

}  // namespace keywright::traces
