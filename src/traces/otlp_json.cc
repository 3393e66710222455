#include "json/document.h"
#include "json/reader.h"
#include "traces/native.h"
#include "traces/otlp.h"
#include "traces/otlp_group.h"
#include "traces/otlp_json_values.h"

namespace keywright::traces {
namespace {

using json::Items;
using json::Members;
using json::Reader;

Error malformed(std::string_view detail) {
  return Error(Code::invalid_argument, "malformed_body", detail);
}

// Names are in the order in which senders write them, about.
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

class SpanReader {
 public:
  SpanReader(Reader& in, SpanText& out, SpanHead& span) : in_(in), values_(in, out), span_(span) {}

  // "" if the span is well formed, else what is wrong.
  std::string_view read() {
    std::string_view problem = "a span must be an object";
    span_.root = true;
    const bool good = values_.object(kSpanNames, [&](std::size_t field) {
      if (read_field(field)) return true;
      problem = problem_of(field);
      return false;
    });
    if (!good) return problem;
    if (!has_trace_id_) return problem_of(kTraceId);
    if (!has_span_id_) return problem_of(kSpanId);
    if (span_.root) span_.name = in_.view(name_);
    return {};
  }

 private:
  static std::string_view problem_of(std::size_t field) {
    switch (field) {
      case kTraceId: return "traceId must be 32 hex digits, not all zero";
      case kSpanId: return "spanId must be 16 hex digits, not all zero";
      case kParentSpanId: return "parentSpanId must be 16 hex digits";
      case kTraceState:
      case kName: return "traceState and name must be texts";
      case kKind: return "kind must be a number";
      case kStartTime:
      case kEndTime: return "startTimeUnixNano and endTimeUnixNano must be nanoseconds";
      case kAttributes: return "attributes must be a list of key and value";
      case kStatus: return "status.code must be a number";
      case kFlags: return "flags must be a number";
      default: return "events and links must be lists of objects as OTLP describes them";
    }
  }

  bool read_field(std::size_t field) {
    const SpanKey key = kSpanNames[field];
    switch (field) {
      case kTraceId: return has_trace_id_ = values_.id(key, span_.trace_id);
      case kSpanId: return has_span_id_ = values_.id(key, span_.span_id);
      case kParentSpanId: {
        bool has_parent = false;
        const bool good = values_.optional_span_id(key, &has_parent);
        span_.root = !has_parent;
        return good;
      }
      case kTraceState: return values_.text(key);
      case kName: return values_.text(key, &name_);
      case kStartTime: return values_.time(key, &span_.start);
      case kEndTime: return values_.time(key);
      case kAttributes:
        return values_.attributes(
            [this](Reader::Text name, const Noted& value) { note(name, value); });
      case kEvents: return values_.objects(key, [this] { return event(); });
      case kLinks: return values_.objects(key, [this] { return link(); });
      case kStatus: return status(key);
      default: return values_.integer(key);  // kind, flags, and what was dropped
    }
  }

  // The first workflow that is named counts.
  void note(Reader::Text name, const Noted& value) {
    if (!span_.workflow_id.empty() || !names_workflow(in_.view(name))) return;
    span_.workflow_id = value.text(in_);
  }

  bool event() {
    return values_.object(kEventNames, [this](std::size_t field) {
      const SpanKey key = kEventNames[field];
      switch (field) {
        case 0: return values_.time(key);
        case 1: return values_.text(key);
        case 2: return values_.attributes();
        default: return values_.integer(key);
      }
    });
  }

  bool link() {
    return values_.object(kLinkNames, [this](std::size_t field) {
      const SpanKey key = kLinkNames[field];
      switch (field) {
        case 0: return values_.optional_trace_id(key);
        case 1: return values_.optional_span_id(key);
        case 2: return values_.text(key);
        case 3: return values_.attributes();
        default: return values_.integer(key);
      }
    });
  }

  bool status(SpanKey key) {
    values_.begin(key);
    return values_.object(kStatusNames, [this](std::size_t field) {
      if (field == 0) return values_.text(kStatusNames[0]);
      std::int64_t code = 0;
      if (!values_.integer(kStatusNames[1], &code)) return false;
      span_.failed = code == 2;
      return true;
    });
  }

  Reader& in_;
  ValueWriter values_;
  SpanHead& span_;
  Reader::Text name_;
  bool has_trace_id_ = false;
  bool has_span_id_ = false;
};

// Containers may hold their members in any order: the resource and the scope of a span may come
// behind it, and what names a platform behind everything.
class RequestReader {
 public:
  explicit RequestReader(const std::string& body)
      : body_(body), in_(body), grouping_(body.size()) {}

  Result<OtlpJson> read() {
    KW_CHECK_OK(body());
    if (!in_.finished()) return fail(json::malformed_json(body_));
    if (other_signal_ && !read_.has_spans) {
      return fail(invalid_field("resourceSpans",
                                "must be there: this address takes traces, not logs or metrics"));
    }
    KW_TRY(const json::Document document, json::Document::parse(hints_ += '}'));
    KW_TRY(const domain::RoutingHints common, domain::read_hints(document.root()));
    grouping_.end_request(common);
    read_.request = std::move(grouping_).finish();
    return std::move(read_);
  }

 private:
  Result<void> body() {
    if (in_.here() != '{') return fail(malformed("The body must be an object."));
    Members members(in_);
    while (members.next()) {
      const std::string_view key = members.key();
      if (key == "resourceSpans") {
        read_.has_spans = true;
        if (!in_.take_null()) KW_CHECK_OK(resources());
      } else if (key == "platformId" || key == "metadata" || key == "externalMetadata") {
        if (hints_.size() > 1) hints_ += ',';
        hints_.append("\"").append(key).append("\":");
        const std::string name(key);
        const std::string_view text = in_.slice();
        if (text.size() > kMetadataBytesMax) return fail(metadata_too_large(name, text.size()));
        hints_.append(text);
      } else {
        read_.is_native = read_.is_native || key == "data" || key == "spans";
        other_signal_ = other_signal_ || key == "resourceLogs" || key == "resourceMetrics";
        in_.skip();
      }
    }
    return {};
  }

  Result<void> resources() {
    if (in_.here() != '[') return fail(malformed("resourceSpans must be an array."));
    Items items(in_);
    while (items.next()) KW_CHECK_OK(resource());
    return {};
  }

  Result<void> resource() {
    if (in_.here() != '{') return fail(malformed("resourceSpans must be a list of objects."));
    grouping_.begin_resource({});
    domain::RoutingHints hints;
    std::string resource;
    Members members(in_);
    while (members.next()) {
      if (members.key() == "resource") {
        KW_CHECK_OK(part(",\"resource\":", resource, &hints));
      } else if (members.key() != "scopeSpans") {
        in_.skip();
      } else if (!in_.take_null()) {
        KW_CHECK_OK(scopes());
      }
    }
    grouping_.end_resource(resource, hints);
    return {};
  }

  Result<void> scopes() {
    if (in_.here() != '[') return fail(malformed("scopeSpans must be an array."));
    Items items(in_);
    while (items.next()) KW_CHECK_OK(scope());
    return {};
  }

  Result<void> scope() {
    if (in_.here() != '{') return fail(malformed("scopeSpans must be a list of objects."));
    grouping_.begin_scope({});
    std::string scope;
    Members members(in_);
    while (members.next()) {
      if (members.key() == "scope") {
        KW_CHECK_OK(part(",\"scope\":", scope, nullptr));
      } else if (members.key() != "spans") {
        in_.skip();
      } else if (!in_.take_null()) {
        KW_CHECK_OK(spans());
      }
    }
    grouping_.end_scope(scope);
    return {};
  }

  // The resource or the scope: "resource":{...}, or nothing.
  Result<void> part(SpanKey name, std::string& text, domain::RoutingHints* hints) {
    if (in_.take_null()) return {};
    SpanText out(0);
    ValueWriter values(in_, out);
    out.key(name);
    const bool good = values.object(kPartNames, [&](std::size_t field) {
      const SpanKey key = kPartNames[field];
      switch (field) {
        case 0:
        case 1: return values.text(key);
        case 2:
          return values.attributes([&](Reader::Text attribute, const Noted& value) {
            if (hints != nullptr) note_attribute(*hints, in_.view(attribute), value.text(in_));
          });
        default: return values.integer(key);
      }
    });
    if (!good && !in_.failed()) {
      return fail(malformed("resource and scope must be as OTLP describes them."));
    }
    text = out.view();
    return {};
  }

  Result<void> spans() {
    if (in_.here() != '[') return fail(malformed("spans must be an array."));
    Items items(in_);
    while (items.next()) {
      if (grouping_.full()) return fail(too_many_spans());
      const Reader::Mark mark = in_.mark();
      SpanHead span;
      const std::string_view problem = SpanReader(in_, grouping_.begin_span(), span).read();
      if (in_.failed()) break;
      if (problem.empty()) {
        grouping_.add(span);
        continue;
      }
      grouping_.reject(problem);
      in_.go_back(mark);
      in_.skip();
    }
    return {};
  }

  const std::string& body_;
  Reader in_;
  Grouping grouping_;
  OtlpJson read_;
  bool other_signal_ = false;  // logs or metrics
  std::string hints_ = "{";    // members that tell where the traces belong
};

}  // namespace

Result<OtlpJson> read_otlp_json(const std::string& body) {
  auto read = RequestReader(body).read();
  if (read) return read;
  // Whatever else is wrong with it: what is no JSON is called so.
  if (auto document = json::Document::parse(body); !document) return fail(document.error());
  return read;
}

}  // namespace keywright::traces
