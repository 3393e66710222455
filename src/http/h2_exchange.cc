// The part of Session that moves a stream along: from the head of its request to the end of its
// answer, and what happens to it when that goes wrong.
#include <algorithm>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "http/h2_callbacks.h"
#include "http/h2_pool.h"
#include "http/h2_session.h"

namespace keywright::http::h2 {

// Does what became possible since the last time. Only here a stream's life ends.
void Session::attend(Stream& stream) {
  if (stream.is_gone()) {
    tell_disconnected(stream);
  } else if (std::exchange(stream.late, false)) {
    meet_deadline(stream);
  } else if (stream.head_done && !stream.started) {
    start(stream);
  }
  if (stream.buffers && !stream.responded && !stream.is_gone()) {
    if (stream.fault) {
      refuse(stream, *stream.fault);
    } else if (stream.remote_ended) {
      serve(stream);
    }
  }
  if (stream.reader && stream.may_read()) std::exchange(stream.reader, nullptr).resume();
  if (stream.pump && stream.may_pump()) std::exchange(stream.pump, nullptr).resume();
  if (stream.closed && !stream.has_work() && !stream.queued) release(stream);
}

void Session::start(Stream& stream) {
  stream.started = true;
  if (auto fault = stream.head.finish()) return refuse(stream, *fault);
  const bool has_body = !stream.remote_ended || stream.body_bytes > 0;
  if (!has_body) return serve(stream);
  stream.streams = worker_.handler().streams_body(stream.request);
  stream.body_limit = worker_.handler().body_limit(stream.request);
  const std::uint64_t announced = stream.head.content_length().value_or(0);
  if (std::max(announced, stream.body_bytes) > stream.body_limit) {
    return refuse(stream, Fault{Refusal::body_too_large, "content_length"});
  }
  if (stream.streams) return serve(stream);
  stream.buffers = true;
  stream.since = worker_.loop().now();
  stream.progress_mark = stream.body_bytes;
  if (stream.remote_ended) return;
  send_continue(stream);
  if (stream.unreturned > kStreamWindow / 2) want_to_gather(stream);
}

void Session::serve(Stream& stream) {
  if (std::exchange(stream.buffers, false)) stream.request.body = stream.body;
  stream.exchange.emplace(stream.request, stream.response, worker_.loop(), stream);
  if (auto answer = worker_.handler().handle(*stream.exchange)) {
    stream.handling = true;
    return start_detached(await_answer(stream, std::move(*answer)));
  }
  respond(stream);
  if (stream.responded && stream.response.stream) {
    stream.pumping = true;
    start_detached(pull(stream));
  }
}

Task<void> Session::await_answer(Stream& stream, Task<void> answer) {
  co_await std::move(answer);  // also for a client that is gone: it was asked for
  respond(stream);
  stream.pumping = stream.responded && stream.response.stream;
  stream.handling = false;
  if (stream.pumping) co_await pull(stream);
  note(stream);
}

void Session::respond(Stream& stream) {
  if (!stream.is_gone()) {
    worker_.handler().before_response(*stream.exchange);
    if (!stream.is_gone()) return submit_head(stream);
  }
  stream.response.stream.reset();
}

void Session::submit_head(Stream& stream) {
  Response& answer = stream.response;
  if (answer.status < 200) {  // HTTP/2 has no 101
    answer.clear();
    write_refusal(answer, Fault{Refusal::not_implemented, "upgrade"}, stream.request.request_id);
  }
  ResponseFields fields;
  const bool may_have_body = h1::allows_body(answer.status);
  const bool has_body = may_have_body && stream.request.method != Method::head;
  if (!has_body && answer.stream && !answer.stream_length) {
    fields.length.reset();
  } else if (may_have_body) {
    fields.length = answer.stream ? answer.stream_length : answer.body.size();
  }
  if (!has_body) answer.stream.reset();
  fields.date = worker_.stamp().date(worker_.loop().now());
  fields.request_id = stream.request.request_id;
  stream.to_send = has_body ? std::string_view(answer.body) : std::string_view();
  stream.last_piece = answer.stream == nullptr;
  stream.response_bytes = stream.to_send.size();
  stream.since = worker_.loop().now();
  stream.progress_mark = 0;
  stream.responded = true;
  const bool has_data = answer.stream != nullptr || !stream.to_send.empty();
  if (!submit_response(engine_, stream, worker_.http2().head_writer().write(answer, fields),
                       has_data)) {
    reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  drain();
  if (answer.close_connection) stop();
  changed();
}

void Session::continue_sending(Stream& stream) {
  stream.since = worker_.loop().now();
  stream.progress_mark = stream.sent;
  if (std::exchange(stream.idle_source, false) && !stream.closed && !lost_) {
    nghttp2_session_resume_data(engine_, stream.id);
  }
  drain();
  changed();
}

Task<void> Session::pull(Stream& stream) {
  Response& answer = stream.response;
  const std::optional<std::uint64_t> length = answer.stream_length;
  bool complete = false;
  while (!complete) {
    co_await stream.until_taken();
    if (stream.is_gone()) break;
    Result<std::string_view> piece = co_await answer.stream->next();
    if (!piece || stream.is_gone()) break;
    stream.response_bytes += piece->size();
    if (length && stream.response_bytes > *length) break;
    complete = piece->empty();
    if (complete && length && stream.response_bytes != *length) {
      complete = false;
      break;
    }
    stream.last_piece = complete;
    stream.to_send = *piece;
    continue_sending(stream);
  }
  if (!complete && !stream.is_gone()) {
    stream.was_cut = true;
    reset(stream, NGHTTP2_INTERNAL_ERROR);
    drain();
  }
  if (!complete) stream.to_send = {};
  stream.pumping = false;
  answer.stream.reset();
  note(stream);
}

void Session::refuse(Stream& stream, const Fault& fault) {
  stream.buffers = false;
  worker_.count_refusal(fault.refusal);
  write_refusal(stream.response, fault, stream.request.request_id);
  if (fault.refusal == Refusal::body_too_large) {
    worker_.handler().body_too_large(stream.request, stream.response);
  }
  submit_head(stream);
}

void Session::send_continue(Stream& stream) {
  if (!stream.head.expects_continue() || stream.body_bytes > 0 || stream.is_gone()) return;
  if (std::exchange(stream.said_continue, true) || stream.responded) return;
  std::uint8_t name[] = ":status";
  std::uint8_t value[] = "100";
  const nghttp2_nv status{name, value, sizeof name - 1, sizeof value - 1, NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(engine_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &status, 1, nullptr);
  drain();
  changed();
}

void Session::cut(Stream& stream, std::string_view last_bytes) {
  if (stream.is_gone()) return;
  if (stream.pumping && stream.to_send.empty() && !stream.last_piece && !last_bytes.empty()) {
    stream.to_send = last_bytes;
    stream.response_bytes += last_bytes.size();
    continue_sending(stream);
    stream.to_send = {};
  }
  stream.was_cut = true;
  reset(stream, NGHTTP2_CANCEL);
  drain();
  note(stream);
}

void Session::reset(Stream& stream, std::uint32_t error_code) {
  if (stream.closed || lost_) return;
  nghttp2_submit_rst_stream(engine_, NGHTTP2_FLAG_NONE, stream.id, error_code);
}

// Either call may resume what waits for it.
void Session::tell_disconnected(Stream& stream) {
  if (!stream.has_work()) return;
  if (stream.disconnected) std::exchange(stream.disconnected, nullptr)();
  if (stream.pumping && stream.response.stream && !std::exchange(stream.was_cancelled, true)) {
    stream.response.stream->cancel();
  }
}

void Session::release(Stream& stream) {
  if (stream.started) {
    if (!stream.responded) stream.response.status = 0;  // in logs and counters: cut before it began
    worker_.report(stream.request, stream.response.status, stream.response_bytes, stream.began);
  }
  if (stream.local_ended) resets_.earn(1);
  gathered_ -= stream.gathering;
  const bool gave_room = stream.gathering > 0;
  if (reading_head_ == &stream) reading_head_ = nullptr;
  (stream.previous != nullptr ? stream.previous->next : first_) = stream.next;
  (stream.next != nullptr ? stream.next->previous : last_) = stream.previous;
  --at_work_;
  worker_.http2().give_back(std::unique_ptr<Stream>(&stream));
  if (gave_room) gather_next();
  if (first_ == nullptr) since_ = worker_.loop().now();
}

}  // namespace keywright::http::h2
