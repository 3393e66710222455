// A native trace as OTLP/JSON.
#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "forwarding/parcel.h"
#include "json/document.h"
#include "json/writer.h"
#include "traces/native.h"

namespace keywright::forwarding {
namespace {

using json::Value;
using json::ValueKind;
using json::Writer;
using traces::TraceToSend;

constexpr std::size_t kSpanIdDigits = 16;
constexpr int kStatusOk = 1;
constexpr int kStatusError = 2;
constexpr int kKindInternal = 1;
// A level of a value takes four in OTLP/JSON, and a document has at most 64.
constexpr int kDepthMax = 8;

std::optional<Value> find_any(const Value& object, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (auto value = object.find(name); value && !value->is_null()) return value;
  }
  return std::nullopt;
}

std::string text_of(const Value& value) {
  if (const auto text = value.as_string()) return std::string(*text);
  std::string out;
  Writer writer(out);
  value.write(writer);
  return out;
}

// An AnyValue. What is deeper than a receiver need take becomes text.
void write_any(Writer& writer, const Value& value, int depth) {
  writer.begin_object();
  const bool nested = value.kind() == ValueKind::array || value.kind() == ValueKind::object;
  if (nested && depth >= kDepthMax) {
    writer.key("stringValue").string(text_of(value));
  } else if (const auto text = value.as_string()) {
    writer.key("stringValue").string(*text);
  } else if (const auto flag = value.as_bool()) {
    writer.key("boolValue").boolean(*flag);
  } else if (value.kind() == ValueKind::integer && value.as_int64()) {
    writer.key("intValue").string(std::to_string(*value.as_int64()));
  } else if (const auto number = value.as_double()) {
    writer.key("doubleValue").number(*number);
  } else if (value.kind() == ValueKind::array) {
    writer.key("arrayValue").begin_object().key("values").begin_array();
    for (const Value item : value.items()) write_any(writer, item, depth + 1);
    writer.end_array().end_object();
  } else if (value.kind() == ValueKind::object) {
    writer.key("kvlistValue").begin_object().key("values").begin_array();
    for (const json::Member member : value.members()) {
      writer.begin_object().key("key").string(member.key).key("value");
      write_any(writer, member.value, depth + 1);
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_object();
}

void write_attribute(Writer& writer, std::string_view key, std::string_view text) {
  writer.begin_object().key("key").string(key).key("value").begin_object();
  writer.key("stringValue").string(text).end_object().end_object();
}

void write_attributes(Writer& writer, const std::optional<Value>& attributes) {
  writer.key("attributes").begin_array();
  if (attributes && attributes->kind() == ValueKind::object) {
    for (const json::Member member : attributes->members()) {
      writer.begin_object().key("key").string(member.key).key("value");
      write_any(writer, member.value, 1);
      writer.end_object();
    }
  }
  writer.end_array();
}

std::string trace_id_of(const TraceToSend& trace) { return encode_hex(trace.row.id.bytes); }

std::string span_id_of(const TraceToSend& trace, std::string_view id) {
  std::string lower = to_ascii_lower(id);
  const bool is_hex =
      lower.size() == kSpanIdDigits && std::all_of(lower.begin(), lower.end(), [](char c) {
        return is_ascii_digit(c) || (c >= 'a' && c <= 'f');
      });
  if (is_hex && lower.find_first_not_of('0') != std::string::npos) return lower;
  const crypto::Sha256 digest = crypto::sha256(trace_id_of(trace) + "/" + std::string(id));
  return encode_hex(ByteView(digest).first(kSpanIdDigits / 2));
}

std::string nanoseconds_of(Time time) {
  return std::to_string(std::max<std::int64_t>(to_unix_milliseconds(time), 0)) + "000000";
}

std::string nanoseconds_at(const Value& object, std::initializer_list<std::string_view> names,
                           const std::string& otherwise) {
  const auto value = find_any(object, names);
  if (!value) return otherwise;
  std::uint64_t number = 0;
  if (const auto whole = value->as_uint64()) return std::to_string(*whole);
  const auto text = value->as_string();
  if (!text) return otherwise;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool all = error == std::errc() && end == text->data() + text->size();
  return all ? std::to_string(number) : otherwise;
}

void write_status(Writer& writer, const std::optional<Value>& status) {
  int code = 0;
  std::string message;
  if (status && status->as_string()) {
    const std::string_view said = *status->as_string();
    if (equals_ignoring_case(said, "error")) code = kStatusError;
    if (equals_ignoring_case(said, "ok") || equals_ignoring_case(said, "success")) code = kStatusOk;
  } else if (status) {
    const auto said = status->find("code");
    const auto number = said ? said->as_int64() : std::nullopt;
    if (number == kStatusOk || number == kStatusError) code = static_cast<int>(*number);
    if (const auto text = status->find("message")) message = text_of(*text);
  }
  writer.key("status").begin_object();
  if (!message.empty()) writer.key("message").string(message);
  if (code != 0) writer.key("code").integer(code);
  writer.end_object();
}

void write_events(Writer& writer, const std::optional<Value>& events, const std::string& start) {
  if (!events || events->kind() != ValueKind::array || events->size() == 0) return;
  writer.key("events").begin_array();
  for (const Value event : events->items()) {
    if (event.kind() != ValueKind::object) continue;
    writer.begin_object().key("timeUnixNano");
    writer.string(nanoseconds_at(event, {"time_unix_nano", "timeUnixNano"}, start));
    const auto name = event.find("name");
    writer.key("name").string(name ? text_of(*name) : "event");
    write_attributes(writer, event.find("attributes"));
    writer.end_object();
  }
  writer.end_array();
}

void write_span(Writer& writer, const TraceToSend& trace, const Value& span, std::size_t index) {
  const auto id = find_any(span, {"span_id", "spanId", "id"});
  const auto parent = find_any(span, {"parent_span_id", "parentSpanId", "parentId"});
  const auto name = span.find("name");
  const std::string start = nanoseconds_at(span, {"start_time_unix_nano", "startTimeUnixNano"},
                                           nanoseconds_of(trace.row.created_at));
  writer.begin_object().key("traceId").string(trace_id_of(trace));
  writer.key("spanId").string(span_id_of(trace, id ? text_of(*id) : std::to_string(index)));
  if (parent && !text_of(*parent).empty()) {
    writer.key("parentSpanId").string(span_id_of(trace, text_of(*parent)));
  }
  writer.key("name").string(name ? text_of(*name) : "span");
  writer.key("kind").integer(kKindInternal);
  writer.key("startTimeUnixNano").string(start);
  writer.key("endTimeUnixNano");
  writer.string(nanoseconds_at(span, {"end_time_unix_nano", "endTimeUnixNano"}, start));
  write_attributes(writer, span.find("attributes"));
  write_events(writer, span.find("events"), start);
  write_status(writer, span.find("status"));
  writer.end_object();
}

void write_data(Writer& writer, const TraceToSend& trace, const std::optional<Value>& data) {
  const std::string at = nanoseconds_of(trace.row.created_at);
  writer.begin_object().key("traceId").string(trace_id_of(trace));
  writer.key("spanId").string(span_id_of(trace, "data"));
  writer.key("name").string(trace.row.name.empty() ? "trace" : trace.row.name);
  writer.key("kind").integer(kKindInternal);
  writer.key("startTimeUnixNano").string(at).key("endTimeUnixNano").string(at);
  writer.key("attributes").begin_array();
  if (data) write_attribute(writer, "keywright.trace.data", text_of(*data));
  writer.end_array();
  writer.key("status").begin_object();
  if (trace.row.status == traces::kStatusError) writer.key("code").integer(kStatusError);
  writer.end_object().end_object();
}

// From metadata, as it names the service elsewhere.
std::string service_of(const Value& body) {
  const auto metadata = body.find("metadata");
  const auto name = metadata ? metadata->find("service.name") : std::nullopt;
  return name && name->as_string() ? std::string(*name->as_string()) : "keywright";
}

void write_resource(Writer& writer, const TraceToSend& trace, const Value& body) {
  writer.key("resource").begin_object().key("attributes").begin_array();
  write_attribute(writer, "service.name", service_of(body));
  write_attribute(writer, "keywright.project_id", trace.row.project.to_string());
  write_attribute(writer, "keywright.platform_id", trace.row.platform.to_string());
  write_attribute(writer, "keywright.trace_id", trace.row.id.to_string());
  if (!trace.row.external_id.empty()) {
    write_attribute(writer, "keywright.external_id", trace.row.external_id);
  }
  write_attribute(writer, "keywright.status", trace.row.status);
  writer.end_array().end_object();
}

}  // namespace

void append_native_spans(std::string& out, const TraceToSend& trace) {
  const auto document = json::Document::parse(trace.body);
  if (!document) return;  // it was read before it was stored
  const Value body = document->root();
  Writer writer(out);
  writer.begin_object();
  write_resource(writer, trace, body);
  writer.key("scopeSpans").begin_array().begin_object();
  writer.key("scope").begin_object().key("name").string("keywright").end_object();
  writer.key("spans").begin_array();
  const auto spans = body.find("spans");
  if (spans && spans->kind() == ValueKind::array) {
    std::size_t index = 0;
    for (const Value span : spans->items()) write_span(writer, trace, span, index++);
  } else {
    write_data(writer, trace, body.find("data"));
  }
  writer.end_array().end_object().end_array().end_object();
}

}  // namespace keywright::forwarding
