// http/h2_stream.h - one stream of HTTP/2: a request, its response, and how far both have come.
//
// What a Connection is for HTTP/1.1 is split here: the Session (http/h2_session.h) moves streams
// along, a Stream holds what belongs to one of them and is the control of its Exchange.
//
// Streams come from a pool of the worker and go back to it with the capacity of their buffers.
//
// Threading: the worker's loop.
// Lifetime: at work until nghttp2 has closed it and nobody's coroutine refers to it any more;
// Session::release() decides.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/task.h"
#include "http/h1_writer.h"
#include "http/h2_head.h"
#include "http/server.h"
#include "net/loop.h"

namespace keywright::http::h2 {

class Session;

class Stream final : public ExchangeControl {
 public:
  Stream() : head(request) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void begin(Session& of_session, std::int32_t with_id);
  void clear();

  // -- ExchangeControl
  Task<Result<std::string_view>> read_body() override;
  void cut(std::string_view last_bytes) override;
  void on_disconnect(std::function<void()> function) override;
  bool client_has_gone() const override { return is_gone(); }

  bool is_gone() const { return closed || was_cut; }
  bool has_work() const { return handling || pumping; }
  bool may_read() const { return !body.empty() || remote_ended || fault || is_gone(); }
  bool may_pump() const { return to_send.empty() || is_gone(); }

  // Waits in its place until the condition beside it holds; the session resumes it. May be
  // destroyed while it waits.
  class Waiting {
   public:
    Waiting(std::coroutine_handle<>& place, bool is_ready) : place_(place), is_ready_(is_ready) {}
    Waiting(const Waiting&) = delete;
    ~Waiting() {
      if (handle_ && place_ == handle_) place_ = nullptr;
    }
    bool await_ready() const { return is_ready_; }
    void await_suspend(std::coroutine_handle<> handle) { place_ = handle_ = handle; }
    void await_resume() const {}

   private:
    std::coroutine_handle<>& place_;
    std::coroutine_handle<> handle_;
    bool is_ready_;
  };
  Waiting until_readable() { return {reader, may_read()}; }
  Waiting until_taken() { return {pump, may_pump()}; }

  Session* session = nullptr;
  std::int32_t id = 0;
  Stream* next = nullptr;  // of the session's list, in the order they came
  Stream* previous = nullptr;
  Stream* next_event = nullptr;

  Request request;
  HeadReader head;
  std::string body;   // received and not yet taken
  std::string taken;  // what read_body() handed out
  Response response;
  std::optional<Exchange> exchange;
  std::array<char, h1::Stamp::kIdSize> request_id;
  std::function<void()> disconnected;
  std::optional<Fault> fault;  // of the request's body

  std::string_view to_send;  // DATA that is ready: of response.body, or a piece of its stream
  std::coroutine_handle<> reader;
  std::coroutine_handle<> pump;

  std::uint64_t body_limit = 0;
  std::uint64_t body_bytes = 0;  // received
  std::uint64_t unreturned = 0;  // of them, not given back to the stream's window
  std::uint64_t discarded = 0;   // received after the answer
  std::uint64_t gathering = 0;   // what the session has set aside for the body
  std::uint64_t response_bytes = 0;
  std::uint64_t progress_mark = 0;
  net::Ticks began{};
  net::Ticks since{};   // the beginning of what is being waited for
  net::Ticks waited{};  // of earlier waits for a body that is read in pieces
  std::uint64_t sent = 0;

  bool queued = false;     // has an event
  bool head_done = false;  // the fields are complete
  bool started = false;    // the handler, or a refusal, has been given the request
  bool buffers = false;    // the body is gathered before the handler is asked
  bool streams = false;    // the handler takes the body in pieces
  bool waits_to_gather = false;
  bool remote_ended = false;    // the request is complete
  bool responded = false;       // the head of the response is out
  bool last_piece = false;      // nothing follows to_send
  bool idle_source = false;     // nghttp2 waits until there is DATA
  bool blocked_source = false;  // nghttp2 waits until there is room in the output
  bool local_ended = false;     // the end of the response is out
  bool closed = false;          // nghttp2 knows it no more, or the connection is gone
  bool was_cut = false;
  bool late = false;      // has met a deadline
  bool handling = false;  // the handler's task runs
  bool pumping = false;   // the response's stream is being pulled
  bool said_continue = false;
  bool was_cancelled = false;  // the response's stream knows
};

}  // namespace keywright::http::h2
