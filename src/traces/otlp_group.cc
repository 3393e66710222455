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
  last_trace_ = last_context_ = kNone;
}

void Grouping::begin_scope(std::string context) {
  context_ = std::move(context);
  context_in_trace_.clear();
  last_context_ = kNone;
}

void Grouping::end_scope(std::string_view scope) {
  for (const auto& [trace, context] : context_in_trace_) {
    request_.traces[trace].contexts[context] = scope;
  }
}

void Grouping::end_resource(std::string_view resource, const domain::RoutingHints& hints) {
  for (const auto& [id, number] : traces_) {
    OtlpTrace& trace = request_.traces[number];
    domain::add_hints(trace.hints, hints);
    for (std::string& context : trace.contexts) {
      const bool both = !resource.empty() && !context.empty();
      context = fmt::format("{{{}{}{}}}", resource, both ? "," : "", context);
    }
  }
}

void Grouping::end_request(const domain::RoutingHints& hints) {
  for (OtlpTrace& trace : request_.traces) domain::add_hints(trace.hints, hints);
}

SpanText& Grouping::begin_span() {
  span_begin_ = text_.size();
  text_.cut(span_begin_);
  return text_;
}

std::size_t Grouping::trace_of(const TraceIdText& id) {
  if (last_trace_ != kNone && last_id_ == id) return last_trace_;
  const auto [found, fresh] = traces_.try_emplace(id, request_.traces.size());
  if (fresh) {
    OtlpTrace& trace = request_.traces.emplace_back();
    trace.trace_id = view_id(id);
    trace.hints = hints_;
  }
  last_id_ = id;
  last_trace_ = found->second;
  last_context_ = kNone;
  return last_trace_;
}

std::size_t Grouping::context_of(std::size_t trace) {
  if (last_context_ != kNone) return last_context_;
  std::vector<std::string>& contexts = request_.traces[trace].contexts;
  const auto [found, fresh] = context_in_trace_.try_emplace(trace, contexts.size());
  if (fresh) contexts.push_back(context_);
  last_context_ = found->second;
  return last_context_;
}

void Grouping::add(const SpanHead& span) {
  ++request_.spans;
  const std::size_t number = trace_of(span.trace_id);
  const std::size_t context = context_of(number);
  OtlpTrace& trace = request_.traces[number];
  if (span.root && trace.name.empty()) trace.name = span.name.substr(0, kNameMax);
  if (!span.workflow_id.empty()) domain::add_hint(trace.hints.workflow_ids, span.workflow_id);
  trace.failed = trace.failed || span.failed;
  const std::size_t size = text_.size() - span_begin_;
  trace.size_bytes += static_cast<std::int64_t>(size);
  trace.spans.push_back({span.span_id, span.start, span_begin_, size, context});
}

void Grouping::reject(std::string_view problem) {
  ++request_.spans;
  text_.cut(span_begin_);
  if (request_.rejected++ == 0) request_.problem = problem;
}

OtlpRequest Grouping::finish() && {
  request_.text = std::move(text_).take();
  return std::move(request_);
}

std::vector<SpanWrite> pack_spans(const OtlpRequest& request, const OtlpTrace& trace) {
  std::vector<SpanWrite> spans;
  spans.reserve(trace.spans.size());
  for (const OtlpSpan& span : trace.spans) {
    spans.push_back(
        {std::string(span.span_id()), span.start, span.context, pack(request.json(span))});
  }
  return spans;
}

Error too_many_spans() {
  return Error(Code::too_large, "too_many_spans",
               fmt::format("A request has at most {} spans.", kSpansPerRequestMax));
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
