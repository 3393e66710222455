#include <bit>
#include <cmath>
#include <optional>

#include "base/bytes.h"
#include "base/encoding.h"
#include "json/writer.h"
#include "traces/otlp.h"
#include "traces/otlp_group.h"
#include "traces/wire.h"

namespace keywright::traces {
namespace {

using json::Writer;

constexpr std::size_t kTraceIdBytes = 16;
constexpr std::size_t kSpanIdBytes = 8;

Error malformed() {
  return Error(Code::invalid_argument, "malformed_body",
               "The body is no protobuf ExportTraceServiceRequest.");
}

std::optional<std::string> read_id(std::string_view bytes, std::size_t size) {
  if (bytes.size() != size || bytes.find_first_not_of('\0') == std::string_view::npos) {
    return std::nullopt;
  }
  return encode_hex(view_bytes(bytes));
}

// Field numbers are those of opentelemetry/proto/{common,trace,resource}/v1.
class ValueWriter {
 public:
  explicit ValueWriter(Writer& writer) : writer_(writer) {}

  // All fields `number` of `message`, which are KeyValues, as "attributes".
  bool attributes(std::string_view message, std::uint32_t number) {
    return list(message, number, "attributes",
                [this](std::string_view item) { return key_value(item, 0); });
  }

  template <class Each>
  bool list(std::string_view message, std::uint32_t number, std::string_view name, Each&& each) {
    bool begun = false;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.number() != number) continue;
      const std::string_view item = reader.bytes();
      if (reader.failed()) return false;
      if (!begun) writer_.key(name).begin_array();
      begun = true;
      if (!each(item)) return false;
    }
    if (begun) writer_.end_array();
    return !reader.failed();
  }

 private:
  bool key_value(std::string_view message, int depth) {
    std::string_view key;
    std::optional<std::string_view> value;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.number() == 1) key = reader.bytes();
      if (reader.number() == 2) value = reader.bytes();
    }
    if (reader.failed()) return false;
    writer_.begin_object().key("key").string(key);
    if (value) {
      writer_.key("value");
      if (!any_value(*value, depth + 1)) return false;
    }
    writer_.end_object();
    return true;
  }

  bool any_value(std::string_view message, int depth) {
    if (depth > kValueDepthMax) return false;
    writer_.begin_object();
    // Of a oneof the last one counts; senders send one.
    WireReader reader(message);
    bool written = false;
    while (reader.next()) {
      if (written) break;
      written = true;
      switch (reader.number()) {
        case 1: writer_.key("stringValue").string(reader.bytes()); break;
        case 2: writer_.key("boolValue").boolean(reader.varint() != 0); break;
        case 3:
          writer_.key("intValue")
              .string(std::to_string(static_cast<std::int64_t>(reader.varint())));
          break;
        case 4: number(std::bit_cast<double>(reader.fixed64())); break;
        case 5:
          if (!nested(reader.bytes(), "arrayValue", depth)) return false;
          break;
        case 6:
          if (!nested(reader.bytes(), "kvlistValue", depth)) return false;
          break;
        case 7: writer_.key("bytesValue").string(encode_base64(view_bytes(reader.bytes()))); break;
        default: written = false;
      }
    }
    writer_.end_object();
    return !reader.failed();
  }

  void number(double value) {
    writer_.key("doubleValue");
    if (std::isnan(value)) {
      writer_.string("NaN");
    } else if (std::isinf(value)) {
      writer_.string(value > 0 ? "Infinity" : "-Infinity");
    } else {
      writer_.number(value);
    }
  }

  bool nested(std::string_view message, std::string_view name, int depth) {
    const bool array = name == "arrayValue";
    writer_.key(name).begin_object();
    const bool good = list(message, 1, "values", [&](std::string_view item) {
      return array ? any_value(item, depth + 1) : key_value(item, depth + 1);
    });
    writer_.end_object();
    return good;
  }

  Writer& writer_;
};

// Text and whole-number value of a KeyValue, for hints.
void note_key_value(std::string_view message, domain::RoutingHints& hints) {
  std::string_view key;
  std::string_view value;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 1) key = reader.bytes();
    if (reader.number() == 2) value = reader.bytes();
  }
  WireReader inner(value);
  if (reader.failed() || !inner.next()) return;
  if (inner.number() == 1) note_attribute(hints, key, inner.bytes());
  if (inner.number() == 3) {
    note_attribute(hints, key, std::to_string(static_cast<std::int64_t>(inner.varint())));
  }
}

void note_attributes(std::string_view message, std::uint32_t number, domain::RoutingHints& hints) {
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == number) note_key_value(reader.bytes(), hints);
  }
}

void write_dropped(Writer& writer, std::string_view name, std::uint64_t count) {
  if (count != 0) writer.key(name).unsigned_integer(count);
}

bool write_event(Writer& writer, std::string_view message) {
  std::uint64_t time = 0;
  std::uint64_t dropped = 0;
  std::string_view name;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 1) time = reader.fixed64();
    if (reader.number() == 2) name = reader.bytes();
    if (reader.number() == 4) dropped = reader.varint();
  }
  if (reader.failed()) return false;
  writer.begin_object().key("timeUnixNano").string(std::to_string(time));
  writer.key("name").string(name);
  const bool good = ValueWriter(writer).attributes(message, 3);
  write_dropped(writer, "droppedAttributesCount", dropped);
  writer.end_object();
  return good;
}

bool write_link(Writer& writer, std::string_view message) {
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view state;
  std::uint64_t dropped = 0;
  std::uint32_t flags = 0;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 1) trace_id = reader.bytes();
    if (reader.number() == 2) span_id = reader.bytes();
    if (reader.number() == 3) state = reader.bytes();
    if (reader.number() == 5) dropped = reader.varint();
    if (reader.number() == 6) flags = reader.fixed32();
  }
  if (reader.failed()) return false;
  writer.begin_object().key("traceId").string(encode_hex(view_bytes(trace_id)));
  writer.key("spanId").string(encode_hex(view_bytes(span_id)));
  if (!state.empty()) writer.key("traceState").string(state);
  const bool good = ValueWriter(writer).attributes(message, 4);
  write_dropped(writer, "droppedAttributesCount", dropped);
  if (flags != 0) writer.key("flags").unsigned_integer(flags);
  writer.end_object();
  return good;
}

struct SpanFields {
  std::string_view trace_id, span_id, trace_state, parent_id, name;
  std::uint64_t kind = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t dropped_attributes = 0;
  std::uint64_t dropped_events = 0;
  std::uint64_t dropped_links = 0;
  std::uint32_t flags = 0;
  std::optional<std::string_view> status;
};

bool read_fields(std::string_view message, SpanFields& fields) {
  WireReader reader(message);
  while (reader.next()) {
    switch (reader.number()) {
      case 1: fields.trace_id = reader.bytes(); break;
      case 2: fields.span_id = reader.bytes(); break;
      case 3: fields.trace_state = reader.bytes(); break;
      case 4: fields.parent_id = reader.bytes(); break;
      case 5: fields.name = reader.bytes(); break;
      case 6: fields.kind = reader.varint(); break;
      case 7: fields.start = reader.fixed64(); break;
      case 8: fields.end = reader.fixed64(); break;
      case 10: fields.dropped_attributes = reader.varint(); break;
      case 12: fields.dropped_events = reader.varint(); break;
      case 14: fields.dropped_links = reader.varint(); break;
      case 15: fields.status = reader.bytes(); break;
      case 16: fields.flags = reader.fixed32(); break;
      default: break;
    }
  }
  return !reader.failed();
}

bool write_status(Writer& writer, std::string_view message, bool& failed) {
  std::string_view text;
  std::uint64_t code = 0;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 2) text = reader.bytes();
    if (reader.number() == 3) code = reader.varint();
  }
  writer.key("status").begin_object();
  if (!text.empty()) writer.key("message").string(text);
  writer.key("code").unsigned_integer(code).end_object();
  failed = code == 2;
  return !reader.failed();
}

void write_head(Writer& writer, const SpanFields& fields, const OtlpSpan& span) {
  writer.begin_object().key("traceId").string(span.trace_id).key("spanId").string(span.span_id);
  if (!span.root) writer.key("parentSpanId").string(encode_hex(view_bytes(fields.parent_id)));
  if (!fields.trace_state.empty()) writer.key("traceState").string(fields.trace_state);
  writer.key("name").string(fields.name);
  writer.key("kind").unsigned_integer(fields.kind);
  writer.key("startTimeUnixNano").string(std::to_string(fields.start));
  writer.key("endTimeUnixNano").string(std::to_string(fields.end));
}

// "" if the span is well formed, else what is wrong; malformed bytes set `broken`.
std::string_view read_span(std::string_view message, OtlpSpan& span, bool& broken) {
  SpanFields fields;
  broken = !read_fields(message, fields);
  if (broken) return {};
  auto trace_id = read_id(fields.trace_id, kTraceIdBytes);
  if (!trace_id) return "trace_id must be 16 bytes, not all zero";
  auto span_id = read_id(fields.span_id, kSpanIdBytes);
  if (!span_id) return "span_id must be 8 bytes, not all zero";
  span.root = fields.parent_id.find_first_not_of('\0') == std::string_view::npos;
  if (!span.root && fields.parent_id.size() != kSpanIdBytes) {
    return "parent_span_id must be 8 bytes";
  }
  span.trace_id = std::move(*trace_id);
  span.span_id = std::move(*span_id);
  span.name = fields.name;
  span.start = stored_nanoseconds(fields.start);
  Writer writer(span.json);
  write_head(writer, fields, span);
  ValueWriter values(writer);
  if (!values.attributes(message, 9)) return "attributes are not well formed or too deep";
  write_dropped(writer, "droppedAttributesCount", fields.dropped_attributes);
  const bool good = values.list(message, 11, "events", [&](std::string_view event) {
    return write_event(writer, event);
  }) && values.list(message, 13, "links", [&](std::string_view link) {
    return write_link(writer, link);
  });
  if (!good) return "events or links are not well formed";
  write_dropped(writer, "droppedEventsCount", fields.dropped_events);
  write_dropped(writer, "droppedLinksCount", fields.dropped_links);
  if (fields.status && !write_status(writer, *fields.status, span.failed)) {
    return "status is not well formed";
  }
  if (fields.flags != 0) writer.key("flags").unsigned_integer(fields.flags);
  writer.end_object();
  domain::RoutingHints hints;
  note_attributes(message, 9, hints);
  if (!hints.workflow_ids.empty()) span.workflow_id = hints.workflow_ids.front();
  return {};
}

bool write_scope(Writer& writer, std::string_view message) {
  std::string_view name;
  std::string_view version;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 1) name = reader.bytes();
    if (reader.number() == 2) version = reader.bytes();
  }
  if (reader.failed()) return false;
  writer.key("scope").begin_object().key("name").string(name);
  if (!version.empty()) writer.key("version").string(version);
  const bool good = ValueWriter(writer).attributes(message, 3);
  writer.end_object();
  return good;
}

std::optional<std::string> context_of(std::string_view resource, std::string_view scope) {
  std::string out;
  Writer writer(out);
  writer.begin_object().key("resource").begin_object();
  if (!ValueWriter(writer).attributes(resource, 1)) return std::nullopt;
  writer.end_object();
  if (!write_scope(writer, scope)) return std::nullopt;
  writer.end_object();
  return out;
}

std::string_view only(std::string_view message, std::uint32_t number, bool& failed) {
  std::string_view found;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == number) found = reader.bytes();
  }
  failed = failed || reader.failed();
  return found;
}

Result<void> read_scope(std::string_view resource, std::string_view message, Grouping& grouping) {
  bool failed = false;
  auto context = context_of(resource, only(message, 1, failed));
  if (failed || !context) return fail(malformed());
  grouping.begin_scope(std::move(*context));
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() != 2) continue;
    const std::string_view bytes = reader.bytes();
    if (reader.failed()) break;
    if (grouping.full()) return fail(too_many_spans());
    OtlpSpan span;
    bool broken = false;
    const std::string_view problem = read_span(bytes, span, broken);
    if (broken) return fail(malformed());
    if (!problem.empty()) {
      grouping.reject(problem);
    } else {
      grouping.add(std::move(span));
    }
  }
  return reader.failed() ? fail(malformed()) : Result<void>();
}

Result<void> read_resource(std::string_view message, Grouping& grouping) {
  bool failed = false;
  const std::string_view resource = only(message, 1, failed);
  if (failed) return fail(malformed());
  domain::RoutingHints hints;
  note_attributes(resource, 1, hints);
  grouping.begin_resource(std::move(hints));
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() != 2) continue;
    const std::string_view scope = reader.bytes();
    if (!reader.failed()) KW_CHECK_OK(read_scope(resource, scope, grouping));
  }
  return reader.failed() ? fail(malformed()) : Result<void>();
}

}  // namespace

Result<OtlpRequest> read_otlp_protobuf(std::string_view body) {
  Grouping grouping;
  WireReader reader(body);
  while (reader.next()) {
    if (reader.number() != 1) continue;
    const std::string_view resource_spans = reader.bytes();
    if (!reader.failed()) KW_CHECK_OK(read_resource(resource_spans, grouping));
  }
  if (reader.failed()) return fail(malformed());
  return std::move(grouping).finish();
}

}  // namespace keywright::traces
