#include "forwarding/parcel.h"

#include "ingest/stored_traces.h"
#include "json/codec.h"
#include "json/writer.h"
#include "traces/otlp.h"

namespace keywright::forwarding {
namespace {

using traces::Queued;
using traces::Source;
using traces::TraceToSend;

// {"resource":..,"scope":..} as it is stored -> the two values.
void append_context(std::string& out, std::string_view context) {
  const auto document = json::Document::parse(context);
  const auto at = [&](std::string_view name) {
    return document ? document->root().find(name) : std::nullopt;
  };
  json::Writer writer(out);
  writer.begin_object();
  if (const auto resource = at("resource")) {
    writer.key("resource");
    resource->write(writer);
  }
  writer.key("scopeSpans").begin_array().begin_object();
  if (const auto scope = at("scope")) {
    writer.key("scope");
    scope->write(writer);
  }
  writer.key("spans").begin_array();
}

void append_otlp_spans(std::string& out, const TraceToSend& trace) {
  for (std::size_t i = 0; i < trace.spans.size();) {
    if (i > 0) out += ',';
    const std::string& context = trace.spans[i].context;
    append_context(out, context);
    for (bool first = true; i < trace.spans.size() && trace.spans[i].context == context; ++i) {
      if (!first) out += ',';
      first = false;
      out += trace.spans[i].json;
    }
    out += "]}]}";
  }
}

}  // namespace

// Native: the same content has the same id, however often it was queued. OTLP: the spans of one
// request have one.
std::string message_id(const TraceToSend& trace, const Queued& queued) {
  const bool native = trace.row.source == Source::native;
  const std::int64_t revision = native ? trace.row.revision : queued.revision;
  return "msg_" + trace.row.id.to_string() + "_" + std::to_string(revision);
}

std::string_view event_type(const TraceToSend& trace, const Queued& queued) {
  const bool native = trace.row.source == Source::native;
  const std::int64_t revision = native ? trace.row.revision : queued.revision;
  return revision == 1 ? "trace.created" : "trace.updated";
}

std::string webhook_body(std::string_view type, const TraceToSend& trace, const Queued& queued,
                         Time now) {
  app::Trace shown = ingest::trace_of(trace.row);
  const bool native = trace.row.source == Source::native;
  if (!native) shown.revision = queued.revision;
  if (native) {
    shown.body = json::Raw::trusted(trace.body);
  } else {
    std::string spans = "[";
    for (const traces::SpanToSend& span : trace.spans) {
      if (spans.size() > 1) spans += ',';
      spans += traces::with_context(span.json, span.context);
    }
    shown.spans = json::Raw::trusted(spans + "]");
  }
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.key("type").string(type);
  writer.key("timestamp").string(format_rfc3339(now));
  writer.key("data").raw(json::encode(shown)).end_object();
  return out;
}

std::string otlp_json_of(std::span<const TraceToSend> traces) {
  std::string out = "{\"resourceSpans\":[";
  for (const TraceToSend& trace : traces) {
    if (out.back() != '[') out += ',';
    if (trace.row.source == Source::native) {
      append_native_spans(out, trace);
    } else {
      append_otlp_spans(out, trace);
    }
  }
  return out + "]}";
}

}  // namespace keywright::forwarding
