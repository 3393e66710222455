// ingest/stored_traces.h - the trace store as operations see it (app/trace_reader.h).
//
//   StoredTraces traces(store, unrouted);
//   app.traces = &traces;
//
// Threading: any thread. Lifetime: store and log outlive it. Cost: that of the store.
#pragma once

#include "app/trace_reader.h"
#include "ingest/unrouted.h"
#include "traces/trace_store.h"

namespace keywright::ingest {

// As the API shows it, without body and spans.
app::Trace trace_of(const traces::TraceRow& row);

class StoredTraces final : public app::TraceReader {
 public:
  StoredTraces(traces::TraceStore& store, const UnroutedLog& unrouted)
      : store_(store), unrouted_(unrouted) {}

  Result<app::TracePage> list_traces(const app::TraceQuery& query) override;
  Result<std::optional<app::Trace>> get_trace(domain::ProjectId project, std::string_view id,
                                              const app::SpanPage& page) override;
  Result<bool> delete_trace(domain::ProjectId project, std::string_view id) override;
  Result<app::UnroutedReport> unrouted(domain::ProjectId project) override;
  app::TraceForwarding* forwarding() override { return forwarding_; }
  // Before the first request.
  void set_forwarding(app::TraceForwarding* forwarding) { forwarding_ = forwarding; }

 private:
  traces::TraceStore& store_;
  const UnroutedLog& unrouted_;
  app::TraceForwarding* forwarding_ = nullptr;
};

}  // namespace keywright::ingest
