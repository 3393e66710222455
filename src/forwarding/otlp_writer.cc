// OTLP/JSON, as we write it, as protobuf. Fields are those of opentelemetry-proto 1.x.
#include <bit>
#include <charconv>
#include <limits>

#include "base/encoding.h"
#include "forwarding/parcel.h"
#include "json/document.h"
#include "traces/wire.h"

namespace keywright::forwarding {
namespace {

using json::Value;
using json::ValueKind;
using traces::append_wire_bytes;
using traces::append_wire_varint;

constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kFixed32 = 5;

template <class Number>
void append_fixed(std::string& out, std::uint32_t field, std::uint32_t type, Number number) {
  out.push_back(static_cast<char>(field << 3 | type));  // every field here is below 16
  if (field > 15) {
    out.back() = static_cast<char>((field << 3 | type) & 0x7f) | static_cast<char>(0x80);
    out.push_back(static_cast<char>(field >> 4));
  }
  for (std::size_t i = 0; i < sizeof number; ++i) {
    out.push_back(static_cast<char>(number >> (8 * i) & 0xff));
  }
}

// 64-bit numbers stand in JSON as text or as numbers.
std::uint64_t number_at(const Value& object, std::string_view name) {
  const auto value = object.find(name);
  if (!value) return 0;
  if (const auto whole = value->as_uint64()) return *whole;
  if (const auto whole = value->as_int64()) return static_cast<std::uint64_t>(*whole);
  std::uint64_t number = 0;
  if (const auto text = value->as_string()) {
    std::int64_t negative = 0;
    if (text->starts_with('-')) {
      std::from_chars(text->data(), text->data() + text->size(), negative);
      return static_cast<std::uint64_t>(negative);
    }
    std::from_chars(text->data(), text->data() + text->size(), number);
  }
  return number;
}

void put_text(std::string& out, std::uint32_t field, const Value& object, std::string_view name) {
  const auto value = object.find(name);
  const auto text = value ? value->as_string() : std::nullopt;
  if (text && !text->empty()) append_wire_bytes(out, field, *text);
}

void put_hex(std::string& out, std::uint32_t field, const Value& object, std::string_view name) {
  const auto value = object.find(name);
  const auto bytes =
      value && value->as_string() ? decode_hex(*value->as_string()) : Result<Bytes>(Bytes());
  if (bytes && !bytes->empty()) append_wire_bytes(out, field, view_text(*bytes));
}

void put_number(std::string& out, std::uint32_t field, const Value& object, std::string_view name) {
  if (const std::uint64_t number = number_at(object, name)) append_wire_varint(out, field, number);
}

void put_time(std::string& out, std::uint32_t field, const Value& object, std::string_view name) {
  if (const std::uint64_t number = number_at(object, name)) {
    append_fixed(out, field, kFixed64, number);
  }
}

void put_flags(std::string& out, std::uint32_t field, const Value& object) {
  if (const std::uint64_t flags = number_at(object, "flags")) {
    append_fixed(out, field, kFixed32, static_cast<std::uint32_t>(flags));
  }
}

// Each item of the list `name` as a message of its own.
void put_list(std::string& out, std::uint32_t field, const Value& object, std::string_view name,
              std::string (*message)(const Value&)) {
  const auto list = object.find(name);
  if (!list) return;
  for (const Value item : list->items()) append_wire_bytes(out, field, message(item));
}

// A number, or one of the three words that JSON has for the others.
double double_of(const Value& value) {
  const std::string_view word = value.as_string().value_or("");
  if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (word == "Infinity") return std::numeric_limits<double>::infinity();
  if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
  return value.as_double().value_or(0.0);
}

std::string key_value(const Value& attribute);

std::string any_value(const Value& value) {
  std::string out;
  for (const json::Member member : value.members()) {
    if (member.key == "stringValue") {
      append_wire_bytes(out, 1, member.value.as_string().value_or(""));
    } else if (member.key == "boolValue") {
      append_wire_varint(out, 2, member.value.as_bool().value_or(false) ? 1 : 0);
    } else if (member.key == "intValue") {
      append_wire_varint(out, 3, number_at(value, "intValue"));
    } else if (member.key == "doubleValue") {
      append_fixed(out, 4, kFixed64, std::bit_cast<std::uint64_t>(double_of(member.value)));
    } else if (member.key == "bytesValue") {
      const auto bytes = decode_base64(member.value.as_string().value_or(""));
      append_wire_bytes(out, 7, bytes ? view_text(*bytes) : std::string_view());
    } else if (member.key == "arrayValue") {
      std::string list;
      put_list(list, 1, member.value, "values", &any_value);
      append_wire_bytes(out, 5, list);
    } else if (member.key == "kvlistValue") {
      std::string list;
      put_list(list, 1, member.value, "values", &key_value);
      append_wire_bytes(out, 6, list);
    }
  }
  return out;
}

std::string key_value(const Value& attribute) {
  std::string out;
  put_text(out, 1, attribute, "key");
  if (const auto value = attribute.find("value")) append_wire_bytes(out, 2, any_value(*value));
  return out;
}

std::string event_message(const Value& event) {
  std::string out;
  put_time(out, 1, event, "timeUnixNano");
  put_text(out, 2, event, "name");
  put_list(out, 3, event, "attributes", &key_value);
  put_number(out, 4, event, "droppedAttributesCount");
  return out;
}

// How a span, and a link to one, begin.
std::string names_of_span(const Value& value) {
  std::string out;
  put_hex(out, 1, value, "traceId");
  put_hex(out, 2, value, "spanId");
  put_text(out, 3, value, "traceState");
  return out;
}

std::string link_message(const Value& link) {
  std::string out = names_of_span(link);
  put_list(out, 4, link, "attributes", &key_value);
  put_number(out, 5, link, "droppedAttributesCount");
  put_flags(out, 6, link);
  return out;
}

std::string span_message(const Value& span) {
  std::string out = names_of_span(span);
  put_hex(out, 4, span, "parentSpanId");
  put_text(out, 5, span, "name");
  put_number(out, 6, span, "kind");
  put_time(out, 7, span, "startTimeUnixNano");
  put_time(out, 8, span, "endTimeUnixNano");
  put_list(out, 9, span, "attributes", &key_value);
  put_number(out, 10, span, "droppedAttributesCount");
  put_list(out, 11, span, "events", &event_message);
  put_number(out, 12, span, "droppedEventsCount");
  put_list(out, 13, span, "links", &link_message);
  put_number(out, 14, span, "droppedLinksCount");
  if (const auto status = span.find("status")) {
    std::string message;
    put_text(message, 2, *status, "message");
    put_number(message, 3, *status, "code");
    append_wire_bytes(out, 15, message);
  }
  put_flags(out, 16, span);
  return out;
}

std::string scope_spans(const Value& group) {
  std::string out;
  if (const auto scope = group.find("scope")) {
    std::string message;
    put_text(message, 1, *scope, "name");
    put_text(message, 2, *scope, "version");
    put_list(message, 3, *scope, "attributes", &key_value);
    put_number(message, 4, *scope, "droppedAttributesCount");
    append_wire_bytes(out, 1, message);
  }
  put_list(out, 2, group, "spans", &span_message);
  put_text(out, 3, group, "schemaUrl");
  return out;
}

std::string resource_spans(const Value& group) {
  std::string out;
  if (const auto resource = group.find("resource")) {
    std::string message;
    put_list(message, 1, *resource, "attributes", &key_value);
    put_number(message, 2, *resource, "droppedAttributesCount");
    append_wire_bytes(out, 1, message);
  }
  put_list(out, 2, group, "scopeSpans", &scope_spans);
  put_text(out, 3, group, "schemaUrl");
  return out;
}

}  // namespace

Result<std::string> otlp_protobuf_of(std::string_view json) {
  KW_TRY(const json::Document document, json::Document::parse(json));
  std::string out;
  put_list(out, 1, document.root(), "resourceSpans", &resource_spans);
  return out;
}

}  // namespace keywright::forwarding
