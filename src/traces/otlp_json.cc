#include <charconv>
#include <optional>

#include "base/text.h"
#include "json/writer.h"
#include "traces/otlp.h"
#include "traces/otlp_group.h"

namespace keywright::traces {
namespace {

using json::Value;
using json::ValueKind;
using json::Writer;

constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;

Error malformed(std::string_view detail) {
  return Error(Code::invalid_argument, "malformed_body", detail);
}

bool is_absent(const std::optional<Value>& value) { return !value || value->is_null(); }

// Lower-case hex digits of exactly this many, not all zero.
std::optional<std::string> read_id(const std::optional<Value>& value, std::size_t digits) {
  const auto text = value ? value->as_string() : std::nullopt;
  if (!text || text->size() != digits) return std::nullopt;
  std::string id = to_ascii_lower(*text);
  bool zero = true;
  for (char c : id) {
    if (!is_ascii_digit(c) && (c < 'a' || c > 'f')) return std::nullopt;
    zero = zero && c == '0';
  }
  return zero ? std::nullopt : std::optional(std::move(id));
}

// A 64-bit number: JSON number or decimal text.
std::optional<std::uint64_t> read_unsigned(const Value& value) {
  if (const auto number = value.as_uint64()) return number;
  const auto text = value.as_string();
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

bool is_integer_text(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_double_text(std::string_view text) {
  return text == "NaN" || text == "Infinity" || text == "-Infinity";
}

// Writes parts of a span; false as soon as something is of the wrong type.
class SpanWriter {
 public:
  explicit SpanWriter(std::string& out) : writer_(out) {}

  Writer& writer() { return writer_; }

  bool text(const Value& object, std::string_view name) {
    const auto value = object.find(name);
    if (is_absent(value)) return true;
    const auto text = value->as_string();
    if (text) writer_.key(name).string(*text);
    return text.has_value();
  }

  bool integer(const Value& object, std::string_view name) {
    const auto value = object.find(name);
    if (is_absent(value)) return true;
    const auto number = value->as_int64();
    if (number) writer_.key(name).integer(*number);
    return number.has_value();
  }

  bool time(const Value& object, std::string_view name, std::int64_t* stored = nullptr) {
    const auto value = object.find(name);
    if (is_absent(value)) return true;
    const auto number = read_unsigned(*value);
    if (!number) return false;
    writer_.key(name).string(std::to_string(*number));
    if (stored != nullptr) *stored = stored_nanoseconds(*number);
    return true;
  }

  // An optional id that may be empty.
  bool id(const Value& object, std::string_view name, std::size_t digits, bool* present = nullptr) {
    const auto value = object.find(name);
    if (is_absent(value) || value->as_string() == std::string_view()) return true;
    const auto id = read_id(value, digits);
    if (id) writer_.key(name).string(*id);
    if (id && present != nullptr) *present = true;
    return id.has_value();
  }

  template <class Each>
  bool array(const Value& object, std::string_view name, Each&& each) {
    const auto value = object.find(name);
    if (is_absent(value)) return true;
    if (value->kind() != ValueKind::array) return false;
    writer_.key(name).begin_array();
    for (const Value item : value->items()) {
      if (item.kind() != ValueKind::object || !each(item)) return false;
    }
    writer_.end_array();
    return true;
  }

  bool attributes(const Value& object) {
    return array(object, "attributes", [this](const Value& item) { return key_value(item, 0); });
  }

  bool event(const Value& event) {
    writer_.begin_object();
    const bool good = time(event, "timeUnixNano") && text(event, "name") && attributes(event) &&
                      integer(event, "droppedAttributesCount");
    writer_.end_object();
    return good;
  }

  bool link(const Value& link) {
    writer_.begin_object();
    const bool good = id(link, "traceId", kTraceIdDigits) && id(link, "spanId", kSpanIdDigits) &&
                      text(link, "traceState") && attributes(link) &&
                      integer(link, "droppedAttributesCount") && integer(link, "flags");
    writer_.end_object();
    return good;
  }

  bool status(const Value& span, bool& failed) {
    const auto status = span.find("status");
    if (is_absent(status)) return true;
    if (status->kind() != ValueKind::object) return false;
    writer_.key("status").begin_object();
    const bool good = text(*status, "message") && integer(*status, "code");
    writer_.end_object();
    const auto code = status->find("code");
    failed = code && code->as_int64() == 2;
    return good;
  }

 private:
  bool key_value(const Value& item, int depth) {
    const auto key = item.find("key");
    const auto name = key ? key->as_string() : std::nullopt;
    if (!name || depth > kValueDepthMax) return false;
    writer_.begin_object().key("key").string(*name);
    const auto value = item.find("value");
    if (!is_absent(value)) {
      writer_.key("value");
      if (!any_value(*value, depth + 1)) return false;
    }
    writer_.end_object();
    return true;
  }

  bool any_value(const Value& value, int depth) {
    if (value.kind() != ValueKind::object || depth > kValueDepthMax) return false;
    writer_.begin_object();
    const bool good = scalar(value) && list(value, depth) && map(value, depth);
    writer_.end_object();
    return good;
  }

  bool scalar(const Value& value) {
    if (!text(value, "stringValue") || !text(value, "bytesValue")) return false;
    if (const auto flag = value.find("boolValue"); !is_absent(flag)) {
      if (!flag->as_bool()) return false;
      writer_.key("boolValue").boolean(*flag->as_bool());
    }
    if (const auto number = value.find("intValue"); !is_absent(number)) {
      const auto digits = number->as_string();
      if (digits ? !is_integer_text(*digits) : !number->as_int64()) return false;
      writer_.key("intValue");
      number->write(writer_);
    }
    if (const auto number = value.find("doubleValue"); !is_absent(number)) {
      const auto word = number->as_string();
      if (word ? !is_double_text(*word) : !number->as_double()) return false;
      writer_.key("doubleValue");
      number->write(writer_);
    }
    return true;
  }

  bool list(const Value& value, int depth) {
    const auto list = value.find("arrayValue");
    if (is_absent(list)) return true;
    writer_.key("arrayValue").begin_object();
    const bool good = array(
        *list, "values", [this, depth](const Value& item) { return any_value(item, depth + 1); });
    writer_.end_object();
    return good;
  }

  bool map(const Value& value, int depth) {
    const auto map = value.find("kvlistValue");
    if (is_absent(map)) return true;
    writer_.key("kvlistValue").begin_object();
    const bool good = array(
        *map, "values", [this, depth](const Value& item) { return key_value(item, depth + 1); });
    writer_.end_object();
    return good;
  }

  Writer writer_;
};

void note_attributes(const Value& object, domain::RoutingHints& hints) {
  const auto attributes = object.find("attributes");
  if (!attributes) return;
  for (const Value item : attributes->items()) {
    const auto key = item.find("key");
    const auto name = key ? key->as_string() : std::nullopt;
    const auto value = item.find("value");
    if (!name || !value) continue;
    if (const auto text = value->find("stringValue"); text && text->as_string()) {
      note_attribute(hints, *name, *text->as_string());
    } else if (const auto number = value->find("intValue")) {
      const auto digits = number->as_string();
      const auto integer = number->as_int64();
      if (digits) note_attribute(hints, *name, *digits);
      if (integer) note_attribute(hints, *name, std::to_string(*integer));
    }
  }
}

// "" if the span is well formed, else what is wrong.
std::string_view read_span(const Value& value, OtlpSpan& span) {
  if (value.kind() != ValueKind::object) return "a span must be an object";
  auto trace_id = read_id(value.find("traceId"), kTraceIdDigits);
  if (!trace_id) return "traceId must be 32 hex digits, not all zero";
  auto span_id = read_id(value.find("spanId"), kSpanIdDigits);
  if (!span_id) return "spanId must be 16 hex digits, not all zero";
  SpanWriter writer(span.json);
  writer.writer().begin_object().key("traceId").string(*trace_id).key("spanId").string(*span_id);
  bool has_parent = false;
  if (!writer.id(value, "parentSpanId", kSpanIdDigits, &has_parent)) {
    return "parentSpanId must be 16 hex digits";
  }
  if (!writer.text(value, "traceState") || !writer.text(value, "name")) {
    return "traceState and name must be texts";
  }
  if (!writer.integer(value, "kind")) return "kind must be a number";
  if (!writer.time(value, "startTimeUnixNano", &span.start) ||
      !writer.time(value, "endTimeUnixNano")) {
    return "startTimeUnixNano and endTimeUnixNano must be nanoseconds";
  }
  if (!writer.attributes(value)) return "attributes must be a list of key and value";
  const bool good =
      writer.integer(value, "droppedAttributesCount") &&
      writer.array(value, "events", [&](const Value& event) { return writer.event(event); }) &&
      writer.integer(value, "droppedEventsCount") &&
      writer.array(value, "links", [&](const Value& link) { return writer.link(link); }) &&
      writer.integer(value, "droppedLinksCount");
  if (!good) return "events and links must be lists of objects as OTLP describes them";
  if (!writer.status(value, span.failed)) return "status.code must be a number";
  if (!writer.integer(value, "flags")) return "flags must be a number";
  writer.writer().end_object();
  domain::RoutingHints hints;
  note_attributes(value, hints);
  if (!hints.workflow_ids.empty()) span.workflow_id = hints.workflow_ids.front();
  if (const auto name = value.find("name"); name) span.name = name->as_string().value_or("");
  span.trace_id = std::move(*trace_id);
  span.span_id = std::move(*span_id);
  span.root = !has_parent;
  return {};
}

bool write_part(SpanWriter& writer, const Value& owner, std::string_view name) {
  const auto part = owner.find(name);
  if (is_absent(part)) return true;
  if (part->kind() != ValueKind::object) return false;
  writer.writer().key(name).begin_object();
  const bool good = writer.text(*part, "name") && writer.text(*part, "version") &&
                    writer.attributes(*part) && writer.integer(*part, "droppedAttributesCount");
  writer.writer().end_object();
  return good;
}

std::optional<std::string> context_of(const Value& resource_spans, const Value& scope_spans) {
  std::string out;
  SpanWriter writer(out);
  writer.writer().begin_object();
  if (!write_part(writer, resource_spans, "resource")) return std::nullopt;
  if (!write_part(writer, scope_spans, "scope")) return std::nullopt;
  writer.writer().end_object();
  return out;
}

Result<void> read_scope(const Value& resource_spans, const Value& scope, Grouping& grouping) {
  auto context = context_of(resource_spans, scope);
  if (!context) return fail(malformed("resource and scope must be as OTLP describes them."));
  grouping.begin_scope(std::move(*context));
  const auto spans = scope.find("spans");
  if (is_absent(spans)) return {};
  if (spans->kind() != ValueKind::array) return fail(malformed("spans must be an array."));
  for (const Value value : spans->items()) {
    if (grouping.full()) return fail(too_many_spans());
    OtlpSpan span;
    const std::string_view problem = read_span(value, span);
    if (!problem.empty()) {
      grouping.reject(problem);
    } else {
      grouping.add(std::move(span));
    }
  }
  return {};
}

}  // namespace

Result<OtlpRequest> read_otlp_json(const Value& body) {
  if (body.kind() != ValueKind::object) return fail(malformed("The body must be an object."));
  Grouping grouping;
  KW_TRY(const domain::RoutingHints common, domain::read_hints(body));
  const auto list = body.find("resourceSpans");
  if (is_absent(list)) return std::move(grouping).finish();
  if (list->kind() != ValueKind::array) return fail(malformed("resourceSpans must be an array."));
  for (const Value resource_spans : list->items()) {
    domain::RoutingHints hints = common;
    if (const auto resource = resource_spans.find("resource")) note_attributes(*resource, hints);
    grouping.begin_resource(std::move(hints));
    const auto scopes = resource_spans.find("scopeSpans");
    if (is_absent(scopes)) continue;
    if (scopes->kind() != ValueKind::array) return fail(malformed("scopeSpans must be an array."));
    for (const Value scope : scopes->items()) {
      KW_CHECK_OK(read_scope(resource_spans, scope, grouping));
    }
  }
  return std::move(grouping).finish();
}

}  // namespace keywright::traces
