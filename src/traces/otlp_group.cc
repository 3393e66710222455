#include "traces/otlp_group.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "json/writer.h"
#include "traces/otlp.h"
#include "traces/wire.h"

namespace keywright::traces {
namespace {

constexpr std::size_t kNameMax = 255;
constexpr std::size_t kMessageMax = 1024;

}  // namespace

void Grouping::begin_resource(domain::RoutingHints hints) {
  hints_ = std::move(hints);
  traces_.clear();
  context_in_trace_.clear();
}

void Grouping::begin_scope(std::string context) {
  context_ = std::move(context);
  context_in_trace_.clear();
}

OtlpTrace& Grouping::trace_of(const std::string& id) {
  const auto [found, fresh] = traces_.try_emplace(id, request_.traces.size());
  if (fresh) {
    OtlpTrace& trace = request_.traces.emplace_back();
    trace.trace_id = id;
    trace.hints = hints_;
  }
  return request_.traces[found->second];
}

void Grouping::add(OtlpSpan span) {
  ++request_.spans;
  OtlpTrace& trace = trace_of(span.trace_id);
  const std::size_t number = traces_.find(span.trace_id)->second;
  const auto [context, fresh] = context_in_trace_.try_emplace(number, trace.contexts.size());
  if (fresh) trace.contexts.push_back(context_);
  if (span.root && trace.name.empty()) trace.name = span.name.substr(0, kNameMax);
  if (!span.workflow_id.empty()) domain::add_hint(trace.hints.workflow_ids, span.workflow_id);
  trace.failed = trace.failed || span.failed;
  trace.size_bytes += static_cast<std::int64_t>(span.json.size());
  trace.spans.push_back({std::move(span.span_id), span.start, context->second, pack(span.json)});
}

void Grouping::reject(std::string_view problem) {
  ++request_.spans;
  if (request_.rejected++ == 0) request_.problem = problem;
}

OtlpRequest Grouping::finish() && { return std::move(request_); }

Error too_many_spans() {
  return Error(Code::too_large, "too_many_spans",
               fmt::format("A request has at most {} spans.", kSpansPerRequestMax));
}

void note_attribute(domain::RoutingHints& hints, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (key == "mibo.platform_id") {
    const auto id = Uuid::parse(value);
    return domain::add_hint(hints.platform_ids, id ? id->to_string() : value);
  }
  if (key == "service.name") return domain::add_hint(hints.service_names, value);
  if (key == "n8n.workflow.id" || key == "workflowId" || key == "workflow_id") {
    return domain::add_hint(hints.workflow_ids, value);
  }
  if (key == "chatflowId" || key == "chatflow_id") domain::add_hint(hints.chatflow_ids, value);
}

std::int64_t stored_nanoseconds(std::uint64_t value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, kMax));
}

std::string with_context(std::string_view span, std::string_view context) {
  std::string out(span);
  if (context.size() <= 2) return out;
  out.back() = ',';
  out.append(context.substr(1));
  return out;
}

std::string otlp_answer_json(std::int64_t rejected, std::string_view message) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (rejected != 0 || !message.empty()) {
    writer.key("partialSuccess").begin_object();
    writer.key("rejectedSpans").string(std::to_string(rejected));
    writer.key("errorMessage").string(message.substr(0, kMessageMax)).end_object();
  }
  writer.end_object();
  return out;
}

std::string otlp_answer_protobuf(std::int64_t rejected, std::string_view message) {
  std::string out;
  if (rejected == 0 && message.empty()) return out;
  std::string partial;
  if (rejected != 0) append_wire_varint(partial, 1, static_cast<std::uint64_t>(rejected));
  append_wire_bytes(partial, 2, message.substr(0, kMessageMax));
  append_wire_bytes(out, 1, partial);
  return out;
}

std::string status_protobuf(int code, std::string_view message) {
  std::string out;
  append_wire_varint(out, 1, static_cast<std::uint64_t>(code));
  append_wire_bytes(out, 2, message.substr(0, kMessageMax));
  return out;
}

}  // namespace keywright::traces
