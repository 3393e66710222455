// Any JSON as a trace, OTLP and native: read or refused, and what is read can be shown.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json/document.h"
#include "traces/native.h"
#include "traces/otlp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keywright;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto document = json::Document::parse(input);
  const auto read = traces::read_otlp_json(input);
  if (!document) {
    if (read) std::abort();
    return 0;
  }
  if (const auto native = traces::read_native(document->root())) {
    if (traces::unpack(traces::pack(input)).value() != input) std::abort();
    const auto count = static_cast<std::size_t>(native->span_count);
    if (traces::spans_of(input, 0, count + 1).size() != count) std::abort();
  }
  if (!read) return 0;
  if (read->has_spans != document->root().find("resourceSpans").has_value()) std::abort();
  const traces::OtlpRequest& request = read->request;
  for (const traces::OtlpTrace& trace : request.traces) {
    for (const traces::OtlpSpan& span : trace.spans) {
      const std::string_view text = request.json(span);
      if (!json::Document::parse(traces::with_context(text, trace.contexts[span.context]))) {
        std::abort();
      }
    }
  }
  return 0;
}
