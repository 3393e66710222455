#include <utility>

#include "base/text.h"
#include "ingest/face.h"
#include "ingest/storing.h"
#include "ingest/upload.h"
#include "ingest/visit.h"
#include "json/writer.h"
#include "traces/native.h"

namespace keywright::ingest {
namespace {

using domain::Route;
using domain::RouteOutcome;
using traces::Fate;
using traces::StoredTrace;
using traces::TraceWrite;

// Larger bodies are parsed on a worker, so that no io thread is held up.
constexpr std::size_t kDecodedInPlaceMax = 128 * 1024;
constexpr std::size_t kSmallBody = 64 * 1024;

// How the sender calls this trace; "" if he does not.
Result<std::string> external_id_of(const http::Request& request, std::string_view in_body) {
  for (std::string_view name : {"X-Request-Id", "Idempotency-Key"}) {
    std::string_view id;
    for (const http::Field& field : request.headers) {
      if (!equals_ignoring_case(field.name, name) || field.value.empty()) continue;
      if (!id.empty() && id != field.value) {
        return fail(invalid_field(name, "must stand there once; there are two that differ"));
      }
      id = field.value;
    }
    if (id.empty()) continue;
    if (!traces::is_external_id(id)) {
      return fail(invalid_field(name, "must be 1 to 255 visible ASCII characters"));
    }
    return std::string(id);
  }
  return std::string(in_body);
}

Error native_only() {
  return Error(Code::unsupported_media_type, "unsupported_media_type",
               "A batch is JSON, of native traces. Send OTLP to /v1/traces.");
}

std::string native_answer(const StoredTrace& stored, const Told& told, Time now) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(true);
  writer.key("message").string(message_of(stored.fate));
  writer.key("timestamp").string(format_rfc3339(now)).key("data");
  write_stored(writer, stored, told);
  writer.end_object();
  return body;
}

}  // namespace

// Who comes too often with little keeps the connection: the body is as good as there.
bool Face::is_small_and_limited(const http::Request& request, const Visit& visit) {
  const std::size_t length = announced_length(request);
  return visit.refusal && visit.refusal->status == 429 && length > 0 && length <= kSmallBody;
}

Task<void> Face::receive(http::Exchange& exchange, Door door) {
  Visit visit;
  visit.door = door;
  visit.shape = shape_of(exchange.request, door);
  auto done = co_await take_in(exchange, visit);
  if (done) co_return accept(exchange, visit);
  const bool answers_first = !visit.body_begun && !is_small_and_limited(exchange.request, visit);
  const bool came_to_an_end = done.error().reason() != "client_gone";
  if (!answers_first && came_to_an_end) co_await drain(exchange);
  note_refused(exchange.request, visit, done.error());
  refuse(exchange.request, exchange.response, visit, done.error());
  if (answers_first) drain_afterwards(exchange);
}

Task<Result<void>> Face::take_in(http::Exchange& exchange, Visit& visit) {
  KW_CO_CHECK_OK(co_await admit_slowly(exchange.request, visit));
  Budget::Share share(budget_, visit.sender.key_id);
  KW_CO_CHECK_OK(check_announced_size(exchange.request));
  auto kind = body_kind(exchange.request);
  if (!kind) co_return fail(std::move(kind).error());
  if (visit.door == Door::batch && kind->form != Form::json) co_return fail(native_only());
  visit.body_begun = true;
  Upload upload(exchange, *kind, share);
  auto body = co_await upload.receive(app_, visit.caller);
  if (upload.was_cut()) visit.body_begun = false;  // the answer does not wait for the rest
  if (!body) co_return fail(std::move(body).error());
  visit.body_bytes = body->size();
  blot_out(*body, visit.token);
  bool is_otlp = false;
  auto decoded = co_await decode_body(std::move(*body), kind->form, visit.door, is_otlp);
  if (is_otlp && visit.shape == Shape::native) visit.shape = Shape::otlp_json;
  if (!decoded) co_return fail(std::move(decoded).error());
  visit.decoded = std::move(*decoded);
  KW_CO_CHECK_OK(admit_again(visit));
  if (visit.decoded.batch) co_return co_await store_batch(exchange, visit);
  if (visit.decoded.native) co_return co_await store_native(exchange, visit);
  co_return co_await store_otlp(exchange, visit);
}

Task<Result<Decoded>> Face::decode_body(std::string body, Form form, Door door, bool& is_otlp) {
  if (body.size() <= kDecodedInPlaceMax) co_return decode(std::move(body), form, door, &is_otlp);
  auto work = [&] {
    auto decoded = decode(std::move(body), form, door, &is_otlp);
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
  TraceWrite write = native_write(route, visit.sender, exchange.request, trace, visit.decoded.body,
                                  std::move(external_id));
  const Told told = told_of(write);
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

}  // namespace keywright::ingest
