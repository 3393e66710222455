// traces/otlp_group.h - sorts spans into traces as they are read. Of this room only.
//
//   Grouping grouping;
//   grouping.begin(context_json, hints_of_resource);
//   grouping.add({.trace_id = ..., .span_id = ..., .json = ...});
//   grouping.reject("the trace id is not 32 hex digits");
//   OtlpRequest request = std::move(grouping).finish();
//
// Threading: one thread. Cost: a hash look-up and a compression a span.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "traces/received.h"

namespace keywright::traces {

struct OtlpSpan {
  std::string trace_id;
  std::string span_id;
  std::string name;
  std::string workflow_id;  // n8n.workflow.id
  std::int64_t start = 0;
  bool failed = false;
  bool root = false;
  std::string json;
};

class Grouping {
 public:
  // A resource begins; the spans that follow are of it.
  void begin_resource(domain::RoutingHints hints);
  // A scope of it begins. `context` is {"resource":{...},"scope":{...}}.
  void begin_scope(std::string context);

  bool full() const { return request_.spans >= static_cast<std::int64_t>(kSpansPerRequestMax); }
  void add(OtlpSpan span);
  void reject(std::string_view problem);

  OtlpRequest finish() &&;

 private:
  OtlpTrace& trace_of(const std::string& id);

  OtlpRequest request_;
  domain::RoutingHints hints_;
  std::string context_;
  std::map<std::string, std::size_t, std::less<>> traces_;  // of this resource
  std::map<std::size_t, std::size_t> context_in_trace_;     // of this scope
};

Error too_many_spans();

// Takes what names a platform out of an attribute of a resource or a span.
void note_attribute(domain::RoutingHints& hints, std::string_view key, std::string_view value);

// Nanoseconds as they fit in the store.
std::int64_t stored_nanoseconds(std::uint64_t value);

}  // namespace keywright::traces
