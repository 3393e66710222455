// traces/otlp_group.h - sorts spans into traces as they are read. Of this room only.
//
//   Grouping grouping(body.size());
//   grouping.begin_resource(hints_of_resource);
//   grouping.begin_scope(context_json);
//   SpanText& text = grouping.begin_span();                 // the span is written to it
//   grouping.add({.trace_id = ..., .span_id = ...});
//   grouping.reject("the trace id is not 32 hex digits");   // or: takes the text back
//   OtlpRequest request = std::move(grouping).finish();
//
// Threading: one thread. Cost: a comparison a span whose trace is that of the span before it, else
// a look-up.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "traces/received.h"
#include "traces/span_text.h"

namespace keywright::traces {

inline constexpr std::size_t kTraceIdDigits = 32;
inline constexpr std::size_t kSpanIdDigits = 16;

using TraceIdText = std::array<char, kTraceIdDigits>;
using SpanIdText = std::array<char, kSpanIdDigits>;

template <std::size_t kDigits>
std::string_view view_id(const std::array<char, kDigits>& id) {
  return {id.data(), id.size()};
}

// What is said of a span beside its text.
struct SpanHead {
  TraceIdText trace_id{};
  SpanIdText span_id{};
  std::string_view name;
  std::string workflow_id;  // n8n.workflow.id
  std::int64_t start = 0;
  bool failed = false;
  bool root = false;
};

class Grouping {
 public:
  // `size`: of the body, which is about that of the spans' text.
  explicit Grouping(std::size_t size) : text_(size) {}

  // A resource begins; the spans that follow are of it.
  void begin_resource(domain::RoutingHints hints);
  // A scope of it begins. `context` is {"resource":{...},"scope":{...}}.
  void begin_scope(std::string context);
  // Where they are known only behind their spans: begin them with nothing, and end each with what
  // stands in the context, "scope":{...} and "resource":{...}, or "".
  void end_scope(std::string_view scope);
  void end_resource(std::string_view resource, const domain::RoutingHints& hints);
  // What the request says of all its traces.
  void end_request(const domain::RoutingHints& hints);

  bool full() const { return request_.spans >= static_cast<std::int64_t>(kSpansPerRequestMax); }
  // A span begins; its JSON is appended to this.
  SpanText& begin_span();
  void add(const SpanHead& span);
  void reject(std::string_view problem);

  OtlpRequest finish() &&;

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t trace_of(const TraceIdText& id);
  std::size_t context_of(std::size_t trace);

  OtlpRequest request_;
  SpanText text_;
  domain::RoutingHints hints_;
  std::string context_;
  std::map<TraceIdText, std::size_t> traces_;            // of this resource
  std::map<std::size_t, std::size_t> context_in_trace_;  // of this scope
  TraceIdText last_id_{};
  std::size_t last_trace_ = kNone;    // that of last_id_, of this resource
  std::size_t last_context_ = kNone;  // in last_trace_, of this scope
  std::size_t span_begin_ = 0;        // in the text
};

Error too_many_spans();

using domain::names_workflow;
using domain::note_attribute;

// Nanoseconds as they fit in the store.
std::int64_t stored_nanoseconds(std::uint64_t value);

}  // namespace keywright::traces
