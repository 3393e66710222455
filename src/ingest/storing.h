// ingest/storing.h - from a trace that has its platform to the store. Of this room only.
//
//   TraceWrite write = native_write(route, sender, request, trace, body, external_id);
//   write.body = traces::pack(body);
//   const Told told = told_of(write);
//   Storing storing(store, std::move(writes));
//   auto stored = co_await storing;                     // durable, or why not
//   write_stored(writer, stored->front(), told);        // what its sender is told
//
// Threading: the exchange's loop. Lifetime: the store outlives it. Cost: a part of a commit.
#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/scheduler.h"
#include "base/result.h"
#include "http/message.h"
#include "ingest/key.h"
#include "json/writer.h"
#include "traces/trace_store.h"

namespace keywright::ingest {

// co_await it on an io thread: stored, or why not.
class Storing {
 public:
  Storing(traces::TraceStore& store, std::vector<traces::TraceWrite> writes)
      : store_(store), writes_(std::move(writes)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    app::Scheduler* home = app::Scheduler::current();
    store_.submit(std::move(writes_), [this, home, waiting](auto stored) {
      stored_.emplace(std::move(stored));
      if (home == nullptr) return waiting.resume();
      home->post([waiting] { waiting.resume(); });
    });
  }
  Result<std::vector<traces::StoredTrace>> await_resume() { return std::move(*stored_); }

 private:
  traces::TraceStore& store_;
  std::vector<traces::TraceWrite> writes_;
  std::optional<Result<std::vector<traces::StoredTrace>>> stored_;
};

// All but what the trace consists of.
traces::TraceWrite write_to(const domain::Route& route, const Sender& sender,
                            const http::Request& request);

// All but the body, which is `text`. Takes name and status out of `trace`.
traces::TraceWrite native_write(const domain::Route& route, const Sender& sender,
                                const http::Request& request, traces::NativeTrace& trace,
                                std::string_view text, std::string external_id);

// What is kept of a write while it is stored, for the answer.
struct Told {
  std::string platform_id;
  std::string external_id;
  std::string routed_by;
  std::vector<std::string> warnings;
};

Told told_of(const traces::TraceWrite& write);

std::string_view message_of(traces::Fate fate);  // "Trace created"

// The object that describes it: {"id":...,"routing":{...}}.
void write_stored(json::Writer& writer, const traces::StoredTrace& stored, const Told& told);

}  // namespace keywright::ingest
