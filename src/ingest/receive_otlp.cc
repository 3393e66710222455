#include "ingest/face.h"
#include "ingest/rejections.h"
#include "ingest/storing.h"
#include "ingest/visit.h"
#include "traces/native.h"
#include "traces/otlp.h"

namespace keywright::ingest {
namespace {

using domain::Route;
using domain::RouteOutcome;
using traces::StoredTrace;
using traces::TraceWrite;

Refusal malformed_spans(const std::string& problem) {
  return refusal_of(Error(Code::invalid_argument, "malformed_span",
                          "A span is not well formed: " + problem + "."));
}

Refusal full_trace() {
  return refusal_of(Error(Code::too_large, "too_many_spans",
                          "A trace has at most " + std::to_string(traces::kSpansPerTraceMax) +
                              " spans; further ones are not kept."));
}

}  // namespace

Task<Result<void>> Face::store_otlp(http::Exchange& exchange, Visit& visit) {
  traces::OtlpRequest& request = *visit.decoded.otlp;
  const LivePlatforms platforms(app_.directory, index_);
  Rejections rejections;
  // Of what traces they are is not known: each counts for itself.
  if (request.rejected > 0) {
    rejections.add(malformed_spans(request.problem), request.rejected, request.rejected);
  }
  std::vector<TraceWrite> writes;
  for (std::size_t i = 0; i < request.traces.size(); ++i) {
    traces::OtlpTrace& trace = request.traces[i];
    const Route route =
        choose_platform(trace.hints, visit.sender.scope, visit.sender.project, platforms);
    if (route.outcome != RouteOutcome::routed) {
      rejections.add(refusal_of(route.outcome), static_cast<std::int64_t>(trace.spans.size()));
      continue;
    }
    TraceWrite write = write_to(route, visit.sender, exchange.request);
    write.source = traces::Source::otlp;
    write.external_id = std::move(trace.trace_id);
    write.name = std::move(trace.name);
    write.status = trace.failed ? traces::kStatusError : traces::kStatusSuccess;
    write.size_bytes = trace.size_bytes;
    write.contexts = std::move(trace.contexts);
    write.spans = packed_spans(visit.decoded, i);
    writes.push_back(std::move(write));
  }
  const bool nothing_left = writes.empty() && rejections.spans > 0;
  if (!writes.empty()) {
    Storing storing(store_, std::move(writes));
    auto stored = co_await storing;
    if (!stored) co_return fail(std::move(stored).error());
    for (const StoredTrace& trace : *stored) {
      if (trace.spans_refused > 0) rejections.add(full_trace(), trace.spans_refused);
    }
  }
  for (const Rejections::Reason& reason : rejections.reasons) {
    note_unrouted(exchange.request, visit, reason.refusal, reason.traces);
  }
  if (nothing_left) {
    visit.is_noted = true;
    visit.refusal = std::move(rejections.reasons.front().refusal);
    co_return fail(refusal_is_ready());
  }
  const std::string message =
      rejections.reasons.empty() ? std::string() : rejections.reasons.front().refusal.message;
  if (visit.shape == Shape::otlp_protobuf) {
    write_protobuf(exchange.response, 200, traces::otlp_answer_protobuf(rejections.spans, message));
  } else {
    write_json(exchange.response, 200, traces::otlp_answer_json(rejections.spans, message));
  }
  co_return Result<void>();
}

}  // namespace keywright::ingest
