#include <array>
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

constexpr std::size_t kDigitsThatFit = 19;  // any number of so many is below 2^64

Error malformed(std::string_view detail) {
  return Error(Code::invalid_argument, "malformed_body", detail);
}

bool is_absent(const std::optional<Value>& value) { return !value || value->is_null(); }

// The members of an object that have one of these names, found in one pass. Senders write them in
// about the order of OTLP, so the search for the next one begins behind the last. A null is as good
// as nothing.
template <std::size_t kCount>
class Fields {
 public:
  using Names = std::array<SpanKey, kCount>;

  Fields(const Value& object, const Names& names) : names_(names) {
    std::size_t next = 0;
    for (const json::Member member : object.members()) {
      std::size_t at = next;
      for (std::size_t i = 0; i < kCount; ++i, ++at) {
        if (at == kCount) at = 0;
        if (names[at].bare() != member.key) continue;
        if (!member.value.is_null()) values_[at] = member.value;
        next = at + 1;
        break;
      }
    }
  }

  const std::optional<Value>& operator[](std::size_t field) const { return values_[field]; }
  SpanKey key(std::size_t field) const { return names_[field]; }

 private:
  const Names& names_;
  std::array<std::optional<Value>, kCount> values_;
};

constexpr std::array<char, 256> make_hex_digits() {
  std::array<char, 256> digits{};
  for (const char c : std::string_view("0123456789abcdef")) {
    digits[static_cast<unsigned char>(c)] = c;
    if (c >= 'a') digits[static_cast<std::size_t>(c - 'a' + 'A')] = c;
  }
  return digits;
}
// The digit in lower case; 0 for what is none.
constexpr std::array<char, 256> kHexDigits = make_hex_digits();

// Lower-case hex digits, not all zero.
template <std::size_t kDigits>
bool read_id(const std::optional<Value>& value, std::array<char, kDigits>& id) {
  const auto text = value ? value->as_string() : std::nullopt;
  if (!text || text->size() != kDigits) return false;
  bool is_hex = true;
  int other_than_zero = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const char digit = kHexDigits[static_cast<unsigned char>(text->data()[i])];
    is_hex &= digit != 0;
    other_than_zero |= digit ^ '0';
    id[i] = digit;
  }
  return is_hex && other_than_zero != 0;
}

// A 64-bit number: JSON number or decimal text.
std::optional<std::uint64_t> read_unsigned(const Value& value) {
  if (const auto number = value.as_uint64()) return number;
  const auto text = value.as_string();
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  if (text->size() - 1 < kDigitsThatFit) {
    bool is_decimal = true;
    for (const char c : *text) {
      is_decimal &= is_ascii_digit(c);
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return is_decimal ? std::optional(number) : std::nullopt;
  }
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

// Names are in the order in which they are kept.
enum SpanField : std::size_t {
  kTraceId,
  kSpanId,
  kParentSpanId,
  kTraceState,
  kName,
  kKind,
  kStartTime,
  kEndTime,
  kAttributes,
  kDroppedAttributes,
  kEvents,
  kDroppedEvents,
  kLinks,
  kDroppedLinks,
  kStatus,
  kFlags,
};
constexpr std::array<SpanKey, 16> kSpanNames = {
    ",\"traceId\":",
    ",\"spanId\":",
    ",\"parentSpanId\":",
    ",\"traceState\":",
    ",\"name\":",
    ",\"kind\":",
    ",\"startTimeUnixNano\":",
    ",\"endTimeUnixNano\":",
    ",\"attributes\":",
    ",\"droppedAttributesCount\":",
    ",\"events\":",
    ",\"droppedEventsCount\":",
    ",\"links\":",
    ",\"droppedLinksCount\":",
    ",\"status\":",
    ",\"flags\":",
};
constexpr std::array<SpanKey, 4> kEventNames = {
    ",\"timeUnixNano\":",
    ",\"name\":",
    ",\"attributes\":",
    ",\"droppedAttributesCount\":",
};
constexpr std::array<SpanKey, 6> kLinkNames = {
    ",\"traceId\":",
    ",\"spanId\":",
    ",\"traceState\":",
    ",\"attributes\":",
    ",\"droppedAttributesCount\":",
    ",\"flags\":",
};
constexpr std::array<SpanKey, 2> kStatusNames = {
    ",\"message\":",
    ",\"code\":",
};
constexpr std::array<SpanKey, 4> kPartNames = {
    ",\"name\":",
    ",\"version\":",
    ",\"attributes\":",
    ",\"droppedAttributesCount\":",
};
constexpr std::array<SpanKey, 2> kKeyValueNames = {
    ",\"key\":",
    ",\"value\":",
};
constexpr std::array<SpanKey, 7> kValueNames = {
    ",\"stringValue\":", ",\"bytesValue\":", ",\"boolValue\":",   ",\"intValue\":",
    ",\"doubleValue\":", ",\"arrayValue\":", ",\"kvlistValue\":",
};

// The text or whole number that an attribute holds; "" for anything else.
std::string text_of(const std::optional<Value>& string, const std::optional<Value>& number) {
  if (const auto text = string ? string->as_string() : std::nullopt) return std::string(*text);
  if (!number) return {};
  if (const auto digits = number->as_string()) return std::string(*digits);
  const auto integer = number->as_int64();
  return integer ? std::to_string(*integer) : std::string();
}

// Writes fields of a span where they are; false as soon as something is of the wrong type.
class SpanWriter {
 public:
  explicit SpanWriter(SpanText& out) : out_(out) {}

  SpanText& out() { return out_; }
  // The first workflow that noted attributes named.
  std::string& workflow_id() { return workflow_id_; }

  template <std::size_t kCount>
  bool text(const Fields<kCount>& fields, std::size_t field) {
    const auto& value = fields[field];
    if (!value) return true;
    const auto text = value->as_string();
    if (text) out_.key(fields.key(field)).string(*text);
    return text.has_value();
  }

  template <std::size_t kCount>
  bool integer(const Fields<kCount>& fields, std::size_t field) {
    const auto& value = fields[field];
    if (!value) return true;
    const auto number = value->as_int64();
    if (number) out_.key(fields.key(field)).number(*number);
    return number.has_value();
  }

  template <std::size_t kCount>
  bool time(const Fields<kCount>& fields, std::size_t field, std::int64_t* stored = nullptr) {
    const auto& value = fields[field];
    if (!value) return true;
    const auto number = read_unsigned(*value);
    if (!number) return false;
    out_.key(fields.key(field));
    const auto text = value->as_string();
    if (text && (text->front() != '0' || text->size() == 1)) {
      out_.plain(*text);  // as it would be written
    } else {
      out_.quoted(*number);
    }
    if (stored != nullptr) *stored = stored_nanoseconds(*number);
    return true;
  }

  // An optional id that may be empty.
  template <std::size_t kDigits, std::size_t kCount>
  bool id(const Fields<kCount>& fields, std::size_t field, bool* present = nullptr) {
    const auto& value = fields[field];
    if (!value || value->as_string() == std::string_view()) return true;
    std::array<char, kDigits> id;
    if (!read_id(value, id)) return false;
    out_.key(fields.key(field)).plain(view_id(id));
    if (present != nullptr) *present = true;
    return true;
  }

  template <class Each>
  bool array(const std::optional<Value>& value, SpanKey key, Each&& each) {
    if (!value) return true;
    if (value->kind() != ValueKind::array) return false;
    out_.key(key).open('[');
    for (const Value item : value->items()) {
      if (item.kind() != ValueKind::object || !each(item)) return false;
    }
    out_.close(']');
    return true;
  }

  enum class Noting : bool { no, yes };
  bool attributes(const std::optional<Value>& value, Noting noting = Noting::no) {
    return array(value, ",\"attributes\":", [this, noting](const Value& item) {
      return key_value(item, 0, noting);
    });
  }

  bool event(const Value& event) {
    const Fields fields(event, kEventNames);
    out_.open('{');
    const bool good =
        time(fields, 0) && text(fields, 1) && attributes(fields[2]) && integer(fields, 3);
    out_.close('}');
    return good;
  }

  bool link(const Value& link) {
    const Fields fields(link, kLinkNames);
    out_.open('{');
    const bool good = id<kTraceIdDigits>(fields, 0) && id<kSpanIdDigits>(fields, 1) &&
                      text(fields, 2) && attributes(fields[3]) && integer(fields, 4) &&
                      integer(fields, 5);
    out_.close('}');
    return good;
  }

  bool status(const std::optional<Value>& status, bool& failed) {
    if (!status) return true;
    if (status->kind() != ValueKind::object) return false;
    const Fields fields(*status, kStatusNames);
    out_.key(",\"status\":").open('{');
    const bool good = text(fields, 0) && integer(fields, 1);
    out_.close('}');
    failed = fields[1] && fields[1]->as_int64() == 2;
    return good;
  }

 private:
  bool key_value(const Value& item, int depth, Noting noting = Noting::no) {
    const Fields fields(item, kKeyValueNames);
    const auto name = fields[0] ? fields[0]->as_string() : std::nullopt;
    if (!name || depth > kValueDepthMax) return false;
    out_.open('{').key(",\"key\":").string(*name);
    if (fields[1]) {
      const bool notes = noting == Noting::yes && workflow_id_.empty() && names_workflow(*name);
      out_.key(",\"value\":");
      if (!any_value(*fields[1], depth + 1, notes)) return false;
    }
    out_.close('}');
    return true;
  }

  bool any_value(const Value& value, int depth, bool notes = false) {
    if (value.kind() != ValueKind::object || depth > kValueDepthMax) return false;
    const Fields fields(value, kValueNames);
    out_.open('{');
    const bool good = text(fields, 0) && text(fields, 1) && flag(fields[2]) && number(fields[3]) &&
                      real(fields[4]) && list(fields[5], depth) && map(fields[6], depth);
    out_.close('}');
    if (notes) workflow_id_ = text_of(fields[0], fields[3]);
    return good;
  }

  bool flag(const std::optional<Value>& flag) {
    if (!flag) return true;
    const auto value = flag->as_bool();
    if (value) out_.key(",\"boolValue\":").raw(*value ? "true" : "false");
    return value.has_value();
  }

  bool number(const std::optional<Value>& number) {
    if (!number) return true;
    const auto digits = number->as_string();
    if (digits ? !is_integer_text(*digits) : !number->as_int64()) return false;
    write(out_.key(",\"intValue\":"), *number);
    return true;
  }

  bool real(const std::optional<Value>& number) {
    if (!number) return true;
    const auto word = number->as_string();
    if (word ? !is_double_text(*word) : !number->as_double()) return false;
    write(out_.key(",\"doubleValue\":"), *number);
    return true;
  }

  bool list(const std::optional<Value>& list, int depth) {
    if (!list) return true;
    out_.key(",\"arrayValue\":").open('{');
    const auto values = list->find("values");
    const bool good =
        is_absent(values) || array(values, ",\"values\":", [this, depth](const Value& item) {
          return any_value(item, depth + 1);
        });
    out_.close('}');
    return good;
  }

  bool map(const std::optional<Value>& map, int depth) {
    if (!map) return true;
    out_.key(",\"kvlistValue\":").open('{');
    const auto values = map->find("values");
    const bool good =
        is_absent(values) || array(values, ",\"values\":", [this, depth](const Value& item) {
          return key_value(item, depth + 1);
        });
    out_.close('}');
    return good;
  }

  static void write(SpanText& out, const Value& value) {
    std::string text;
    Writer writer(text);
    value.write(writer);
    out.raw(text);
  }

  SpanText& out_;
  std::string workflow_id_;
};

void note_attributes(const Value& object, domain::RoutingHints& hints) {
  const auto attributes = object.find("attributes");
  if (!attributes) return;
  for (const Value item : attributes->items()) {
    const Fields fields(item, kKeyValueNames);
    const auto name = fields[0] ? fields[0]->as_string() : std::nullopt;
    if (!name || !fields[1]) continue;
    note_attribute(hints, *name,
                   text_of(fields[1]->find("stringValue"), fields[1]->find("intValue")));
  }
}

// "" if the span is well formed, else what is wrong.
std::string_view read_span(const Value& value, SpanText& out, SpanHead& span) {
  if (value.kind() != ValueKind::object) return "a span must be an object";
  const Fields fields(value, kSpanNames);
  if (!read_id(fields[kTraceId], span.trace_id)) {
    return "traceId must be 32 hex digits, not all zero";
  }
  if (!read_id(fields[kSpanId], span.span_id)) return "spanId must be 16 hex digits, not all zero";
  SpanWriter writer(out);
  out.open('{').key(",\"traceId\":").plain(view_id(span.trace_id));
  out.key(",\"spanId\":").plain(view_id(span.span_id));
  bool has_parent = false;
  if (!writer.id<kSpanIdDigits>(fields, kParentSpanId, &has_parent)) {
    return "parentSpanId must be 16 hex digits";
  }
  if (!writer.text(fields, kTraceState) || !writer.text(fields, kName)) {
    return "traceState and name must be texts";
  }
  if (!writer.integer(fields, kKind)) return "kind must be a number";
  if (!writer.time(fields, kStartTime, &span.start) || !writer.time(fields, kEndTime)) {
    return "startTimeUnixNano and endTimeUnixNano must be nanoseconds";
  }
  if (!writer.attributes(fields[kAttributes], SpanWriter::Noting::yes)) {
    return "attributes must be a list of key and value";
  }
  const auto event = [&](const Value& item) { return writer.event(item); };
  const auto link = [&](const Value& item) { return writer.link(item); };
  const bool good = writer.integer(fields, kDroppedAttributes) &&
                    writer.array(fields[kEvents], ",\"events\":", event) &&
                    writer.integer(fields, kDroppedEvents) &&
                    writer.array(fields[kLinks], ",\"links\":", link) &&
                    writer.integer(fields, kDroppedLinks);
  if (!good) return "events and links must be lists of objects as OTLP describes them";
  if (!writer.status(fields[kStatus], span.failed)) return "status.code must be a number";
  if (!writer.integer(fields, kFlags)) return "flags must be a number";
  out.close('}');
  span.workflow_id = std::move(writer.workflow_id());
  if (fields[kName]) span.name = fields[kName]->as_string().value_or("");
  span.root = !has_parent;
  return {};
}

bool write_part(SpanWriter& writer, const Value& owner, SpanKey name) {
  const auto part = owner.find(name.bare());
  if (is_absent(part)) return true;
  if (part->kind() != ValueKind::object) return false;
  const Fields fields(*part, kPartNames);
  writer.out().key(name).open('{');
  const bool good = writer.text(fields, 0) && writer.text(fields, 1) &&
                    writer.attributes(fields[2]) && writer.integer(fields, 3);
  writer.out().close('}');
  return good;
}

std::optional<std::string> context_of(const Value& resource_spans, const Value& scope_spans) {
  SpanText out(0);
  SpanWriter writer(out);
  out.open('{');
  if (!write_part(writer, resource_spans, ",\"resource\":")) return std::nullopt;
  if (!write_part(writer, scope_spans, ",\"scope\":")) return std::nullopt;
  out.close('}');
  return std::move(out).take();
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
    SpanHead span;
    const std::string_view problem = read_span(value, grouping.begin_span(), span);
    if (!problem.empty()) {
      grouping.reject(problem);
    } else {
      grouping.add(span);
    }
  }
  return {};
}

}  // namespace

Result<OtlpRequest> read_otlp_json(const Value& body, std::size_t size) {
  if (body.kind() != ValueKind::object) return fail(malformed("The body must be an object."));
  Grouping grouping(size);
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
