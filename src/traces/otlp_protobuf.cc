#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/encoding.h"
#include "json/writer.h"
#include "traces/otlp.h"
#include "traces/otlp_group.h"
#include "traces/wire.h"

namespace keywright::traces {
namespace {

constexpr std::size_t kSpanIdBytes = kSpanIdDigits / 2;

Error malformed() {
  return Error(Code::invalid_argument, "malformed_body",
               "The body is no protobuf ExportTraceServiceRequest.");
}

// Bytes as lower-case hex digits, if they are as many as an id has and not all zero.
template <std::size_t kDigits>
bool read_id(std::string_view bytes, std::array<char, kDigits>& id) {
  constexpr char kHex[] = "0123456789abcdef";
  if (bytes.size() * 2 != kDigits) return false;
  unsigned char any = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    id[2 * i] = kHex[byte >> 4];
    id[2 * i + 1] = kHex[byte & 15];
    any |= byte;
  }
  return any != 0;
}

// A KeyValue, its value as the bytes of an AnyValue.
struct KeyValue {
  std::string_view key;
  std::optional<std::string_view> value;
};

bool read_key_value(std::string_view message, KeyValue& item) {
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 1) item.key = reader.bytes();
    if (reader.number() == 2) item.value = reader.bytes();
  }
  return !reader.failed();
}

// The text or whole number that an attribute holds; "" for anything else.
std::string text_of(std::string_view value) {
  WireReader reader(value);
  if (!reader.next()) return {};
  if (reader.number() == 1) return std::string(reader.bytes());
  if (reader.number() != 3) return {};
  return std::to_string(static_cast<std::int64_t>(reader.varint()));
}

// Field numbers are those of opentelemetry/proto/{common,trace,resource}/v1.
class ValueWriter {
 public:
  explicit ValueWriter(SpanText& out) : out_(out) {}

  // All fields `number` of `message`, which are KeyValues, as "attributes".
  bool attributes(std::string_view message, std::uint32_t number) {
    return list(message, number,
                ",\"attributes\":", [this](std::string_view item) { return key_value(item, 0); });
  }

  // Those of a span; notes the first workflow that is named.
  bool attributes(const std::vector<std::string_view>& items, std::string& workflow_id) {
    if (items.empty()) return true;
    out_.key(",\"attributes\":").open('[');
    for (const std::string_view message : items) {
      KeyValue item;
      if (!read_key_value(message, item) || !key_value(item, 0)) return false;
      if (workflow_id.empty() && item.value && names_workflow(item.key)) {
        workflow_id = text_of(*item.value);
      }
    }
    out_.close(']');
    return true;
  }

  template <class Each>
  bool list(std::string_view message, std::uint32_t number, SpanKey key, Each&& each) {
    bool begun = false;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.number() != number) continue;
      const std::string_view item = reader.bytes();
      if (reader.failed()) return false;
      if (!begun) out_.key(key).open('[');
      begun = true;
      if (!each(item)) return false;
    }
    if (begun) out_.close(']');
    return !reader.failed();
  }

 private:
  bool key_value(std::string_view message, int depth) {
    KeyValue item;
    return read_key_value(message, item) && key_value(item, depth);
  }

  bool key_value(const KeyValue& item, int depth) {
    out_.open('{').key(",\"key\":").string(item.key);
    if (item.value) {
      out_.key(",\"value\":");
      if (!any_value(*item.value, depth + 1)) return false;
    }
    out_.close('}');
    return true;
  }

  bool any_value(std::string_view message, int depth) {
    if (depth > kValueDepthMax) return false;
    out_.open('{');
    // Of a oneof the last one counts; senders send one.
    WireReader reader(message);
    bool written = false;
    while (reader.next()) {
      if (written) break;
      written = true;
      switch (reader.number()) {
        case 1: out_.key(",\"stringValue\":").string(reader.bytes()); break;
        case 2: out_.key(",\"boolValue\":").raw(reader.varint() != 0 ? "true" : "false"); break;
        case 3:
          out_.key(",\"intValue\":").quoted(static_cast<std::int64_t>(reader.varint()));
          break;
        case 4: number(std::bit_cast<double>(reader.fixed64())); break;
        case 5:
          out_.key(",\"arrayValue\":");
          if (!nested(reader.bytes(), true, depth)) return false;
          break;
        case 6:
          out_.key(",\"kvlistValue\":");
          if (!nested(reader.bytes(), false, depth)) return false;
          break;
        case 7:
          out_.key(",\"bytesValue\":").plain(encode_base64(view_bytes(reader.bytes())));
          break;
        default: written = false;
      }
    }
    out_.close('}');
    return !reader.failed();
  }

  void number(double value) {
    out_.key(",\"doubleValue\":");
    if (std::isnan(value)) {
      out_.plain("NaN");
    } else if (std::isinf(value)) {
      out_.plain(value > 0 ? "Infinity" : "-Infinity");
    } else {
      std::string text;
      json::Writer(text).number(value);
      out_.raw(text);
    }
  }

  bool nested(std::string_view message, bool array, int depth) {
    out_.open('{');
    const bool good = list(message, 1, ",\"values\":", [&](std::string_view item) {
      return array ? any_value(item, depth + 1) : key_value(item, depth + 1);
    });
    out_.close('}');
    return good;
  }

  SpanText& out_;
};

void note_attributes(std::string_view message, std::uint32_t number, domain::RoutingHints& hints) {
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() != number) continue;
    KeyValue item;
    if (read_key_value(reader.bytes(), item) && item.value) {
      note_attribute(hints, item.key, text_of(*item.value));
    }
  }
}

void write_dropped(SpanText& out, SpanKey key, std::uint64_t count) {
  if (count != 0) out.key(key).number(count);
}

bool write_event(SpanText& out, std::string_view message) {
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
  out.open('{').key(",\"timeUnixNano\":").quoted(time);
  out.key(",\"name\":").string(name);
  const bool good = ValueWriter(out).attributes(message, 3);
  write_dropped(out, ",\"droppedAttributesCount\":", dropped);
  out.close('}');
  return good;
}

bool write_link(SpanText& out, std::string_view message) {
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
  out.open('{').key(",\"traceId\":").plain(encode_hex(view_bytes(trace_id)));
  out.key(",\"spanId\":").plain(encode_hex(view_bytes(span_id)));
  if (!state.empty()) out.key(",\"traceState\":").string(state);
  const bool good = ValueWriter(out).attributes(message, 4);
  write_dropped(out, ",\"droppedAttributesCount\":", dropped);
  if (flags != 0) out.key(",\"flags\":").number(std::uint64_t{flags});
  out.close('}');
  return good;
}

// The fields of a span, and where those are that may come several times.
struct SpanFields {
  explicit SpanFields(std::vector<std::string_view>& room) : attributes(room) {}

  std::string_view trace_id, span_id, trace_state, parent_id, name;
  std::uint64_t kind = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t dropped_attributes = 0;
  std::uint64_t dropped_events = 0;
  std::uint64_t dropped_links = 0;
  std::uint32_t flags = 0;
  std::optional<std::string_view> status;
  std::vector<std::string_view>& attributes;
  bool has_events = false;
  bool has_links = false;
};

bool read_fields(std::string_view message, SpanFields& fields) {
  fields.attributes.clear();
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
      case 9: fields.attributes.push_back(reader.bytes()); break;
      case 10: fields.dropped_attributes = reader.varint(); break;
      case 11: fields.has_events = true; break;
      case 12: fields.dropped_events = reader.varint(); break;
      case 13: fields.has_links = true; break;
      case 14: fields.dropped_links = reader.varint(); break;
      case 15: fields.status = reader.bytes(); break;
      case 16: fields.flags = reader.fixed32(); break;
      default: break;
    }
  }
  return !reader.failed();
}

bool write_status(SpanText& out, std::string_view message, bool& failed) {
  std::string_view text;
  std::uint64_t code = 0;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 2) text = reader.bytes();
    if (reader.number() == 3) code = reader.varint();
  }
  out.key(",\"status\":").open('{');
  if (!text.empty()) out.key(",\"message\":").string(text);
  out.key(",\"code\":").number(code).close('}');
  failed = code == 2;
  return !reader.failed();
}

void write_head(SpanText& out, const SpanFields& fields, const SpanHead& span) {
  out.open('{').key(",\"traceId\":").plain(view_id(span.trace_id));
  out.key(",\"spanId\":").plain(view_id(span.span_id));
  if (!span.root) out.key(",\"parentSpanId\":").plain(encode_hex(view_bytes(fields.parent_id)));
  if (!fields.trace_state.empty()) out.key(",\"traceState\":").string(fields.trace_state);
  out.key(",\"name\":").string(fields.name);
  out.key(",\"kind\":").number(std::uint64_t{fields.kind});
  out.key(",\"startTimeUnixNano\":").quoted(fields.start);
  out.key(",\"endTimeUnixNano\":").quoted(fields.end);
}

bool write_events_and_links(SpanText& out, std::string_view message, const SpanFields& fields) {
  ValueWriter values(out);
  const auto event = [&](std::string_view item) { return write_event(out, item); };
  const auto link = [&](std::string_view item) { return write_link(out, item); };
  if (fields.has_events && !values.list(message, 11, ",\"events\":", event)) return false;
  return !fields.has_links || values.list(message, 13, ",\"links\":", link);
}

// Reads spans one after another; what it needs for that is kept from one to the next.
class SpanReader {
 public:
  // "" if the span is well formed, else what is wrong; malformed bytes set `broken`.
  std::string_view read(std::string_view message, SpanText& out, SpanHead& span, bool& broken) {
    SpanFields fields(attributes_);
    broken = !read_fields(message, fields);
    if (broken) return {};
    if (!read_id(fields.trace_id, span.trace_id)) return "trace_id must be 16 bytes, not all zero";
    if (!read_id(fields.span_id, span.span_id)) return "span_id must be 8 bytes, not all zero";
    span.root = fields.parent_id.find_first_not_of('\0') == std::string_view::npos;
    if (!span.root && fields.parent_id.size() != kSpanIdBytes) {
      return "parent_span_id must be 8 bytes";
    }
    span.name = fields.name;
    span.start = stored_nanoseconds(fields.start);
    write_head(out, fields, span);
    if (!ValueWriter(out).attributes(attributes_, span.workflow_id)) {
      return "attributes are not well formed or too deep";
    }
    write_dropped(out, ",\"droppedAttributesCount\":", fields.dropped_attributes);
    if (!write_events_and_links(out, message, fields)) {
      return "events or links are not well formed";
    }
    write_dropped(out, ",\"droppedEventsCount\":", fields.dropped_events);
    write_dropped(out, ",\"droppedLinksCount\":", fields.dropped_links);
    if (fields.status && !write_status(out, *fields.status, span.failed)) {
      return "status is not well formed";
    }
    if (fields.flags != 0) out.key(",\"flags\":").number(std::uint64_t{fields.flags});
    out.close('}');
    return {};
  }

 private:
  std::vector<std::string_view> attributes_;
};

bool write_scope(SpanText& out, std::string_view message) {
  std::string_view name;
  std::string_view version;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.number() == 1) name = reader.bytes();
    if (reader.number() == 2) version = reader.bytes();
  }
  if (reader.failed()) return false;
  out.key(",\"scope\":").open('{').key(",\"name\":").string(name);
  if (!version.empty()) out.key(",\"version\":").string(version);
  const bool good = ValueWriter(out).attributes(message, 3);
  out.close('}');
  return good;
}

std::optional<std::string> context_of(std::string_view resource, std::string_view scope) {
  SpanText out(0);
  out.open('{').key(",\"resource\":").open('{');
  if (!ValueWriter(out).attributes(resource, 1)) return std::nullopt;
  out.close('}');
  if (!write_scope(out, scope)) return std::nullopt;
  out.close('}');
  return std::string(out.view());
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

Result<void> read_scope(std::string_view resource, std::string_view message, SpanReader& spans,
                        Grouping& grouping) {
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
    SpanHead span;
    bool broken = false;
    const std::string_view problem = spans.read(bytes, grouping.begin_span(), span, broken);
    if (broken) return fail(malformed());
    if (!problem.empty()) {
      grouping.reject(problem);
    } else {
      grouping.add(span);
    }
  }
  return reader.failed() ? fail(malformed()) : Result<void>();
}

Result<void> read_resource(std::string_view message, SpanReader& spans, Grouping& grouping) {
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
    if (!reader.failed()) KW_CHECK_OK(read_scope(resource, scope, spans, grouping));
  }
  return reader.failed() ? fail(malformed()) : Result<void>();
}

}  // namespace

Result<OtlpRequest> read_otlp_protobuf(std::string_view body) {
  SpanReader spans;
  Grouping grouping(body.size() + body.size() / 4);
  WireReader reader(body);
  while (reader.next()) {
    if (reader.number() != 1) continue;
    const std::string_view resource_spans = reader.bytes();
    if (!reader.failed()) KW_CHECK_OK(read_resource(resource_spans, spans, grouping));
  }
  if (reader.failed()) return fail(malformed());
  return std::move(grouping).finish();
}

}  // namespace keywright::traces
