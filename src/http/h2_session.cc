#include "http/h2_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "http/h2_callbacks.h"
#include "http/h2_pool.h"

namespace keywright::http::h2 {

namespace {

h1::HeadLimits head_limits(const ServerLimits& limits) {
  h1::HeadLimits head;
  head.first_line_bytes = limits.request_line_bytes;
  head.block_bytes = limits.head_bytes;
  return head;
}

}  // namespace

Session::Session(Worker& worker, SessionHost& host, const IpAddress& peer, bool secure)
    : worker_(worker),
      host_(host),
      peer_(peer),
      secure_(secure),
      swept_(worker.loop().now()),
      since_(worker.loop().now()) {
  engine_ = open_engine(*this);
  if (engine_ == nullptr) lost_ = true;
}

Session::~Session() { nghttp2_session_del(engine_); }

void Session::receive(std::string_view bytes) {
  if (is_over()) return;
  receiving_ = in_engine_ = true;
  const ssize_t taken = nghttp2_session_mem_recv(
      engine_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  in_engine_ = false;
  if (taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS ||
      taken == NGHTTP2_ERR_TOO_MANY_SETTINGS) {
    flooded();
  } else if (taken < 0) {
    end_with(taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR
                                                   : NGHTTP2_INTERNAL_ERROR);
  }
  act();
  receiving_ = false;
}

// Puts every frame that may be sent into the output; nothing of it waits inside nghttp2 but DATA
// that has no room here or no window there.
void Session::drain() {
  if (lost_ || in_engine_) return;
  in_engine_ = true;
  while (true) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(engine_, &data);
    if (size < 0) lost_ = true;
    if (size <= 0) break;
    output_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  in_engine_ = false;
}

void Session::refill() {
  if (lost_ || output_.size() >= kOutputFull) return;
  if (std::exchange(has_blocked_, false)) {
    for (Stream* each = first_; each != nullptr; each = each->next) {
      if (!std::exchange(each->blocked_source, false) || each->closed) continue;
      nghttp2_session_resume_data(engine_, each->id);
    }
  }
  act();
}

void Session::act() {
  if (std::exchange(acting_, true)) return;
  drain();
  while (first_event_ != nullptr) {
    Stream& stream = *first_event_;
    first_event_ = std::exchange(stream.next_event, nullptr);
    if (first_event_ == nullptr) last_event_ = nullptr;
    stream.queued = false;
    attend(stream);
    if (first_event_ == nullptr) drain();
  }
  acting_ = false;
}

// Also for one that is noted already: it may have been by the engine, which tells nobody.
void Session::note(Stream& stream) {
  if (!std::exchange(stream.queued, true)) {
    (last_event_ != nullptr ? last_event_->next_event : first_event_) = &stream;
    last_event_ = &stream;
  }
  if (!in_engine_) changed();
}

void Session::changed() {
  if (!receiving_ && !acting_) host_.has_changed();
}

bool Session::is_over() const {
  return lost_ ||
         (nghttp2_session_want_read(engine_) == 0 && nghttp2_session_want_write(engine_) == 0);
}

Stream& Session::open_stream(std::int32_t id) {
  Stream* stream = worker_.http2().take_stream().release();
  stream->begin(*this, id);
  stream->head.begin(head_limits(worker_.limits()));
  stream->body_limit = std::numeric_limits<std::uint64_t>::max();
  stream->previous = last_;
  (last_ != nullptr ? last_->next : first_) = stream;
  last_ = stream;
  ++at_work_;

  stream->began = worker_.loop().now();
  Request& request = stream->request;
  request.secure = secure_;
  request.peer = peer_;
  worker_.stamp().write_id(stream->began, stream->request_id.data());
  request.request_id = std::string_view(stream->request_id.data(), stream->request_id.size());
  return *stream;
}

// ---- One stream ---------------------------------------------------------------------------------

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

// ---- The connection -----------------------------------------------------------------------------

void Session::sweep(net::Ticks now) {
  const ServerLimits& limits = worker_.limits();
  resets_.pass(now - swept_);
  frames_.pass(now - swept_);
  swept_ = now;
  if (lost_) return;
  if (!settings_seen_ && now - since_ >= limits.header_timeout) {
    end_with(NGHTTP2_SETTINGS_TIMEOUT);
  } else if (head_since_ != net::Ticks{} && now - head_since_ >= limits.header_timeout) {
    worker_.count_refusal(Refusal::timed_out);
    was_misused_ = true;
    end_with(NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (is_quiet() && now - since_ >= limits.idle_timeout) {
    end_with(NGHTTP2_NO_ERROR);
  }
  for (Stream* each = first_; each != nullptr; each = each->next) {
    if (!is_late(*each, now)) continue;
    each->late = true;
    note(*each);
  }
}

bool Session::is_late(Stream& stream, net::Ticks now) const {
  const ServerLimits& limits = worker_.limits();
  if (stream.local_ended && !stream.remote_ended) return now - stream.since >= kDiscardingTime;
  const bool sends = stream.responded && !stream.to_send.empty();
  const bool reads = !stream.responded && !stream.remote_ended &&
                     ((stream.buffers && !stream.waits_to_gather) || stream.reader);
  if (stream.is_gone() || (!sends && !reads)) return false;
  const net::Ticks elapsed = now - stream.since;
  if (elapsed < (reads ? limits.body_grace : limits.write_stall_timeout)) return false;
  const std::uint64_t mark = reads ? stream.body_bytes : stream.sent;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double least = reads ? static_cast<double>(limits.body_bytes_per_second) * seconds : 1.0;
  const bool late = static_cast<double>(mark - stream.progress_mark) < least;
  stream.progress_mark = mark;
  stream.since = now;
  return late;
}

void Session::meet_deadline(Stream& stream) {
  if (stream.local_ended) {
    reset(stream, NGHTTP2_NO_ERROR);  // RFC 9113 8.1: the rest of the request is not needed
  } else if (stream.responded) {
    cut(stream, {});
  } else {
    stream.fault = Fault{Refusal::timed_out, "body"};
  }
}

void Session::stop() {
  if (lost_ || std::exchange(stopping_, true)) return;
  nghttp2_submit_goaway(engine_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(engine_), NGHTTP2_NO_ERROR, nullptr,
                        0);
  drain();
  changed();
}

void Session::half_close() {
  for (Stream* each = first_; each != nullptr; each = each->next) {
    if (each->remote_ended && !each->pumping) continue;
    each->was_cut = true;
    reset(*each, NGHTTP2_CANCEL);
    note(*each);
  }
  stop();
  act();
}

void Session::lose() {
  lost_ = true;
  for (Stream* each = first_; each != nullptr; each = each->next) {
    each->closed = true;
    note(*each);
  }
  act();
}

void Session::end_with(std::uint32_t error_code) {
  if (lost_) return;
  nghttp2_session_terminate_session2(engine_, nghttp2_session_get_last_proc_stream_id(engine_),
                                     error_code);
  if (!in_engine_) changed();
}

void Session::flooded() {
  if (!std::exchange(was_misused_, true)) worker_.count_refusal(Refusal::flooded);
  end_with(NGHTTP2_ENHANCE_YOUR_CALM);
}

// The server resets a stream by itself only for what the client did wrong.
void Session::has_reset(std::uint32_t error_code) {
  head_since_ = {};
  if (error_code == NGHTTP2_NO_ERROR || error_code == NGHTTP2_CANCEL ||
      error_code == NGHTTP2_INTERNAL_ERROR) {
    return;
  }
  if (error_code != NGHTTP2_REFUSED_STREAM) worker_.count_refusal(Refusal::malformed);
  spend_reset();
}

void Session::has_said_goodbye(std::uint32_t error_code) {
  if (error_code == NGHTTP2_NO_ERROR || std::exchange(was_misused_, true)) return;
  worker_.count_refusal(error_code == NGHTTP2_SETTINGS_TIMEOUT ? Refusal::timed_out
                                                               : Refusal::malformed);
}

}  // namespace keywright::http::h2
