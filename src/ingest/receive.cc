#include <coroutine>
#include <utility>

#include "app/scheduler.h"
#include "ingest/face.h"
#include "ingest/upload.h"
#include "ingest/visit.h"
#include "json/writer.h"
#include "traces/native.h"
#include "traces/otlp.h"

namespace keywright::ingest {
namespace {

using domain::Route;
using domain::RouteOutcome;
using traces::Fate;
using traces::StoredTrace;
using traces::TraceStore;
using traces::TraceWrite;

// Larger bodies are parsed on a worker, so that no io thread is held up.
constexpr std::size_t kDecodedInPlaceMax = 128 * 1024;
constexpr std::size_t kSmallBody = 64 * 1024;

// co_await it on an io thread: stored, or why not.
class Storing {
 public:
  Storing(TraceStore& store, std::vector<TraceWrite> writes)
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
  Result<std::vector<StoredTrace>> await_resume() { return std::move(*stored_); }

 private:
  TraceStore& store_;
  std::vector<TraceWrite> writes_;
  std::optional<Result<std::vector<StoredTrace>>> stored_;
};

// How the sender calls this trace; "" if he does not.
Result<std::string> external_id_of(const http::Request& request, std::string_view in_body) {
  for (std::string_view name : {"X-Request-Id", "Idempotency-Key"}) {
    const auto value = request.headers.find_only(name);
    if (!value || value->empty()) continue;
    if (!traces::is_external_id(*value)) {
      return fail(invalid_field(name, "must be 1 to 255 visible ASCII characters"));
    }
    return std::string(*value);
  }
  return std::string(in_body);
}

void write_routing(json::Writer& writer, std::string_view by,
                   const std::vector<std::string>& warnings) {
  writer.key("routing").begin_object().key("by").string(by);
  writer.key("warnings").begin_array();
  for (const std::string& warning : warnings) writer.string(warning);
  writer.end_array().end_object();
}

std::string_view message_of(Fate fate) {
  switch (fate) {
    case Fate::created: return "Trace created";
    case Fate::updated: return "Trace updated";
    case Fate::unchanged: return "Trace unchanged";
  }
  return "";
}

// What is kept of the write while it is stored, for the answer.
struct Told {
  std::string platform_id;
  std::string external_id;
  std::string routed_by;
  std::vector<std::string> warnings;
};

std::string native_answer(const StoredTrace& stored, const Told& told, Time now) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(true);
  writer.key("message").string(message_of(stored.fate));
  writer.key("timestamp").string(format_rfc3339(now));
  writer.key("data").begin_object().key("id").string(stored.id.to_string());
  writer.key("platformId").string(told.platform_id);
  if (!told.external_id.empty()) writer.key("externalId").string(told.external_id);
  writer.key("status").string(stored.status);
  if (stored.fate == Fate::unchanged) writer.key("unchanged").boolean(true);
  writer.key("createdAt").string(format_rfc3339(stored.created_at));
  writer.key("updatedAt").string(format_rfc3339(stored.updated_at));
  write_routing(writer, told.routed_by, told.warnings);
  writer.end_object().end_object();
  return body;
}

// How often other servers of this kind have sent it on before.
std::int64_t hops_of(const http::Request& request) {
  const std::string_view text = request.headers.find("X-Keywright-Hops").value_or("");
  const bool is_digit = text.size() == 1 && text.front() >= '0' && text.front() <= '9';
  if (text.empty()) return 0;
  return is_digit ? text.front() - '0' : traces::kHopsMax;
}

TraceWrite write_to(const Route& route, const Sender& sender, const http::Request& request) {
  TraceWrite write;
  write.hops = hops_of(request);
  write.project = sender.project;
  write.platform = route.platform->id;
  write.key_id = sender.key_id;
  write.routed_by = name_of(route.by);
  write.warnings = route.warnings;
  return write;
}

// The first reason for which spans were refused, and how many.
struct Rejections {
  std::int64_t spans = 0;
  std::optional<Refusal> first;

  void add(std::int64_t count, Refusal refusal) {
    spans += count;
    if (!first) first = std::move(refusal);
  }
};

}  // namespace

// Who comes too often with little keeps the connection: the body is as good as there.
bool Face::is_small_and_limited(const http::Request& request, const Visit& visit) {
  const std::size_t length = announced_length(request);
  return visit.refusal && visit.refusal->status == 429 && length > 0 && length <= kSmallBody;
}

Task<void> Face::receive(http::Exchange& exchange, Door door) {
  Visit visit;
  visit.door = door;
  const std::string_view type = exchange.request.headers.find("Content-Type").value_or("");
  if (type.starts_with("application/x-protobuf") || type.starts_with("application/protobuf")) {
    visit.shape = Shape::otlp_protobuf;
  } else if (door == Door::otlp) {
    visit.shape = Shape::otlp_json;
  }
  auto done = co_await take_in(exchange, visit);
  if (done) co_return tell_limits(exchange, visit);
  const bool answers_first = !visit.body_begun && !is_small_and_limited(exchange.request, visit);
  if (!answers_first) co_await drain(exchange);
  if (visit.admitted) {
    const Refusal refusal = visit.refusal ? *visit.refusal : refusal_of(done.error());
    note_unrouted(exchange, visit, refusal);
  }
  refuse(exchange, visit, done.error());
  if (answers_first) drain_afterwards(exchange);
}

Task<Result<void>> Face::take_in(http::Exchange& exchange, Visit& visit) {
  KW_CO_CHECK_OK(co_await admit_slowly(exchange.request, visit));
  Budget::Share share(budget_, visit.sender.key_id);
  KW_CO_CHECK_OK(check_announced_size(exchange.request));
  auto kind = body_kind(exchange.request);
  if (!kind) co_return fail(std::move(kind).error());
  visit.body_begun = true;
  Upload upload(exchange, *kind, share);
  auto body = co_await upload.receive(app_, visit.caller);
  if (upload.was_cut()) visit.body_begun = false;  // the answer does not wait for the rest
  if (!body) co_return fail(std::move(body).error());
  visit.body_bytes = body->size();
  blot_out(*body, visit.token);
  auto decoded = co_await decode_body(std::move(*body), kind->form, visit.door);
  if (!decoded) co_return fail(std::move(decoded).error());
  visit.decoded = std::move(*decoded);
  KW_CO_CHECK_OK(admit_again(visit));
  if (visit.decoded.native) co_return co_await store_native(exchange, visit);
  if (visit.shape == Shape::native) visit.shape = Shape::otlp_json;
  co_return co_await store_otlp(exchange, visit);
}

Task<Result<Decoded>> Face::decode_body(std::string body, Form form, Door door) {
  if (body.size() <= kDecodedInPlaceMax) co_return decode(std::move(body), form, door);
  auto work = [&] {
    auto decoded = decode(std::move(body), form, door);
    if (decoded) prepare(*decoded);
    return decoded;
  };
  co_return co_await decoding_.run(work);
}

Task<Result<void>> Face::store_native(http::Exchange& exchange, Visit& visit) {
  traces::NativeTrace& trace = *visit.decoded.native;
  KW_CO_TRY(std::string external_id, external_id_of(exchange.request, trace.external_id));
  const LivePlatforms platforms(app_.directory, index_);
  const Route route =
      choose_platform(trace.hints, visit.sender.scope, visit.sender.project, platforms);
  if (route.outcome != RouteOutcome::routed) {
    visit.refusal = refusal_of(route.outcome);
    co_return fail(refusal_is_ready());
  }
  TraceWrite write = write_to(route, visit.sender, exchange.request);
  Told told{write.platform.to_string(), external_id, write.routed_by, write.warnings};
  write.external_id = std::move(external_id);
  write.name = std::move(trace.name);
  write.status = std::move(trace.status);
  write.span_count = trace.span_count;
  write.size_bytes = static_cast<std::int64_t>(visit.decoded.body.size());
  if (!write.external_id.empty()) write.digest = traces::digest_of(visit.decoded.body);
  write.body = packed_body(visit.decoded);
  std::vector<TraceWrite> writes;
  writes.push_back(std::move(write));
  Storing storing(store_, std::move(writes));
  auto stored = co_await storing;
  if (!stored) co_return fail(std::move(stored).error());
  const StoredTrace& first = stored->front();
  write_json(exchange.response, first.fate == Fate::created ? 201 : 200,
             native_answer(first, told, app_.clock.now()));
  co_return Result<void>();
}

Task<Result<void>> Face::store_otlp(http::Exchange& exchange, Visit& visit) {
  traces::OtlpRequest& request = *visit.decoded.otlp;
  const LivePlatforms platforms(app_.directory, index_);
  Rejections rejections;
  if (request.rejected > 0) {
    const Error error(Code::invalid_argument, "malformed_span",
                      "A span is not well formed: " + request.problem + ".");
    rejections.add(request.rejected, refusal_of(error));
  }
  std::vector<TraceWrite> writes;
  for (std::size_t i = 0; i < request.traces.size(); ++i) {
    traces::OtlpTrace& trace = request.traces[i];
    const Route route =
        choose_platform(trace.hints, visit.sender.scope, visit.sender.project, platforms);
    if (route.outcome != RouteOutcome::routed) {
      rejections.add(static_cast<std::int64_t>(trace.spans.size()), refusal_of(route.outcome));
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
  if (writes.empty() && rejections.spans > 0) {
    visit.refusal = std::move(rejections.first);
    co_return fail(refusal_is_ready());
  }
  std::string message = rejections.first ? rejections.first->message : std::string();
  if (!writes.empty()) {
    Storing storing(store_, std::move(writes));
    auto stored = co_await storing;
    if (!stored) co_return fail(std::move(stored).error());
    for (const StoredTrace& trace : *stored) {
      if (trace.spans_refused == 0) continue;
      rejections.spans += trace.spans_refused;
      if (message.empty()) message = "A trace has too many spans; further ones are not kept.";
    }
  }
  if (rejections.first) note_unrouted(exchange, visit, *rejections.first);
  if (visit.shape == Shape::otlp_protobuf) {
    write_protobuf(exchange.response, 200, traces::otlp_answer_protobuf(rejections.spans, message));
  } else {
    write_json(exchange.response, 200, traces::otlp_answer_json(rejections.spans, message));
  }
  co_return Result<void>();
}

void Face::note_unrouted(const http::Exchange& exchange, const Visit& visit,
                         const Refusal& refusal) const {
  const http::Request& request = exchange.request;
  app::UnroutedTrace trace;
  trace.time = app_.clock.now();
  trace.key_id = visit.sender.key_id;
  trace.reason = refusal.code;
  trace.message = refusal.message;
  if (!refusal.details.empty()) {
    trace.message = refusal.details.front().field + ": " + refusal.details.front().message;
  }
  trace.path = request.path;
  trace.content_type = request.headers.find("Content-Type").value_or("");
  trace.user_agent = request.headers.find("User-Agent").value_or("");
  trace.external_id = request.headers.find("X-Request-Id").value_or("");
  for (std::string* text :
       {&trace.path, &trace.content_type, &trace.user_agent, &trace.external_id, &trace.message}) {
    blot_out(*text, visit.token);
  }
  trace.address = visit.address.to_string();
  trace.size_bytes = static_cast<std::int64_t>(visit.body_bytes);
  trace.request_id = request.request_id;
  unrouted_.note(visit.sender.project, std::move(trace));
}

}  // namespace keywright::ingest
