// Any bytes as an OTLP request in protobuf: read or refused, and what is read is JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/document.h"
#include "traces/otlp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keywright;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto request = traces::read_otlp_protobuf(input);
  if (!request) return 0;
  for (const traces::OtlpTrace& trace : request->traces) {
    for (const traces::OtlpSpan& span : trace.spans) {
      const std::string_view text = request->json(span);
      const std::string shown = traces::with_context(text, trace.contexts[span.context]);
      const auto document = json::Document::parse(shown);
      if (!document || !document->root().find("traceId")) std::abort();
    }
  }
  return 0;
}
