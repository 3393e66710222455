// ingest/decode.h - from the bytes of a body to traces.
//
//   Decoded decoded = decode(body, Form::json, Door::any).value();
//
// Errors: invalid_argument, naming what is wrong; too_large/too_many_spans.
// Threading: pure; large bodies are decoded on a worker. Cost: about 3 ns a byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "traces/received.h"

namespace keywright::ingest {

enum class Form : unsigned char { json, protobuf };
enum class Door : unsigned char { any, otlp };  // /public/traces, and the paths of OTLP

struct Decoded {
  std::optional<traces::NativeTrace> native;
  std::optional<traces::OtlpRequest> otlp;
};

Result<Decoded> decode(std::string_view body, Form form, Door door);

// Blots out `token` wherever it stands in the body, in place: some senders put their own headers
// into a trace. The length stays the same.
void blot_out(std::string& body, std::string_view token);

}  // namespace keywright::ingest
