// ingest/decode.h - from the bytes of a body to traces.
//
//   Decoded decoded = decode(std::move(body), Form::json, Door::any).value();
//   prepare(decoded);                  // what takes long; on a worker if it is large
//   write.body = packed_body(decoded);
//   write.spans = packed_spans(decoded, index_of_trace);
//
// Half a character in JSON (json/surrogates.h) becomes U+FFFD, except where it would tell where a
// trace goes: then the body is refused.
//
// What is read is not compressed before its platform is known, unless prepare() was asked to.
//
// Errors: invalid_argument, naming what is wrong; too_large/too_many_spans.
// Threading: pure; large bodies are decoded on a worker. Cost: under 1 ns a byte, and 2 to 5 ns for
// compressing it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/batch.h"
#include "traces/received.h"

namespace keywright::ingest {

enum class Form : unsigned char { json, protobuf };
// /public/traces, the paths of OTLP, and /public/traces/batch.
enum class Door : unsigned char { any, otlp, batch };

struct Decoded {
  std::optional<traces::NativeTrace> native;
  std::optional<traces::OtlpRequest> otlp;
  std::optional<std::vector<BatchItem>> batch;
  std::string body;  // native: as posted
  // Of prepare(): the body, and the spans of each trace.
  std::optional<traces::Packed> packed_body;
  std::vector<std::vector<traces::SpanWrite>> packed_spans;
};

// `is_otlp`, if it is not null, tells of JSON whether it is meant as OTLP, also of what is refused.
Result<Decoded> decode(std::string body, Form form, Door door, bool* is_otlp = nullptr);

// Compresses everything now.
void prepare(Decoded& decoded);

// What is stored: prepared before, or now. Once for each.
traces::Packed packed_body(Decoded& decoded);
std::vector<traces::SpanWrite> packed_spans(Decoded& decoded, std::size_t trace);

// Blots out `token` wherever it stands in the body, in place: some senders put their own headers
// into a trace. The length stays the same.
void blot_out(std::string& body, std::string_view token);

}  // namespace keywright::ingest
