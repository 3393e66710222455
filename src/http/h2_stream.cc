#include "http/h2_stream.h"

#include <utility>

#include "http/h2_session.h"

namespace keywright::http::h2 {

namespace {

constexpr std::size_t kKeptCapacity = 64 * 1024;

void clear_keeping_some(std::string& text) {
  text.clear();
  if (text.capacity() > kKeptCapacity) text.shrink_to_fit();
}

}  // namespace

void Stream::begin(Session& of_session, std::int32_t with_id) {
  session = &of_session;
  id = with_id;
}

void Stream::clear() {
  exchange.reset();
  disconnected = nullptr;
  response.clear();
  clear_keeping_some(body);
  clear_keeping_some(taken);
  fault.reset();
  to_send = {};
  reader = pump = nullptr;
  session = nullptr;
  next = previous = next_event = nullptr;
  body_limit = body_bytes = unreturned = discarded = gathering = response_bytes = progress_mark =
      sent = 0;
  began = since = waited = {};
  queued = head_done = started = buffers = streams = waits_to_gather = remote_ended = responded =
      false;
  last_piece = idle_source = blocked_source = local_ended = closed = was_cut = late = false;
  handling = pumping = said_continue = was_cancelled = false;
}

Task<Result<std::string_view>> Stream::read_body() {
  if (!may_read()) {
    // Only the time spent waiting for the client counts against it, and none once the answer has
    // begun.
    if (!responded) since = session->worker().loop().now() - waited;
    session->send_continue(*this);
    co_await until_readable();
    if (!responded) waited = session->worker().loop().now() - since;
  }
  if (is_gone() || (fault && fault->refusal == Refusal::timed_out)) {
    co_return fail(Code::unavailable, "client_gone", "The request body did not arrive.");
  }
  if (fault) {
    const bool too_large = fault->refusal == Refusal::body_too_large;
    co_return fail(too_large ? Code::too_large : Code::invalid_argument,
                   too_large ? "body_too_large" : "malformed_body", detail_of(fault->refusal));
  }
  taken.clear();
  taken.swap(body);
  if (!taken.empty()) session->return_window(*this);
  co_return std::string_view(taken);
}

void Stream::cut(std::string_view last_bytes) { session->cut(*this, last_bytes); }

void Stream::on_disconnect(std::function<void()> function) {
  disconnected = std::move(function);
  if (is_gone() && disconnected) session->note(*this);
}

}  // namespace keywright::http::h2
