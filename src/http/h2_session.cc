#include "http/h2_session.h"

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
