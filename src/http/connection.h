// http/connection.h - one HTTP/1.1 connection of a server, from accept to close.
//
// run() is the whole life, top to bottom: wait, read a head, read a body, let the handler answer,
// write, and again. What every request does is in that one coroutine and allocates nothing; what
// few do (a body that comes in pieces, a streamed response, a refusal) is in tasks of its own.
// HTTP/2 is one of them: when TLS has agreed upon it by ALPN, or the first request is its preface.
//
// Threading: the worker's loop. Lifetime: owns itself; ends with its coroutine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/task.h"
#include "http/server.h"
#include "http/worker.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/tls_session.h"

namespace keywright::http {

namespace h2 {
class Link;
}

class Connection final : public ExchangeControl {
 public:
  static void start(Worker& worker, const net::Accepted& accepted,
                    std::unique_ptr<net::TlsSession> tls);
  Connection(Worker& worker, const net::Accepted& accepted, std::unique_ptr<net::TlsSession> tls);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Connection* next_in_list = nullptr;
  Connection* previous_in_list = nullptr;

  void sweep(net::Ticks now);
  void stop_when_idle();

  Task<Result<std::string_view>> read_body() override;
  void cut(std::string_view last_bytes) override;
  void on_disconnect(std::function<void()> function) override;
  bool client_has_gone() const override { return stream_.has_hung_up() || cut_; }
  Task<Result<std::string_view>> read_upgraded() override;

 private:
  using Progress = h1::RequestReader::Progress;
  enum class Phase : unsigned char {
    handshake,  // TLS
    idle,       // nothing of a request has arrived
    head,
    body,
    handler,  // no limit: the handler keeps its own
    writing,
    lingering,  // the last answer is out; unread bytes are drained so that no reset overtakes it
  };
  // What is needed before the next request can be handled.
  enum class Step : unsigned char { idle, head, body, ready, refused, gone };
  enum class Next : unsigned char { request, close, close_lingering };
  class Flush;

  static Task<void> run(std::unique_ptr<Connection> self);
  Task<void> serve();
  void enter(Phase phase);
  Request& request() { return workspace_->reader.request(); }
  Response& response() { return workspace_->response; }
  std::string& output() { return workspace_->output; }

  Step advance();
  void begin_request();
  Step refused(const Fault& fault);
  Task<Step> receive_body();
  Task<void> refuse();
  Task<void> linger();
  bool is_http2() const;
  Task<void> serve_http2();
  Flush flush();

  Next finish_response(Exchange& exchange);
  Next decide_next();
  h1::ResponseFraming frame_response(Next next);
  Task<Next> stream_response(Next next);
  void append_piece(std::string_view piece);
  void hung_up();
  void end_exchange();

  Worker& worker_;
  net::Stream stream_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<h2::Link> http2_;  // once it is known that the client speaks HTTP/2
  Phase phase_ = Phase::idle;
  bool is_first_ = true;  // no request has been read yet
  bool cut_ = false;
  bool streaming_ = false;      // a response stream is being pulled
  bool watching_ = false;       // the stream has our hang-up callback
  bool continue_owed_ = false;  // the client waits for 100 Continue
  h1::BodyFraming stream_framing_ = h1::BodyFraming::chunked;
  Fault fault_{Refusal::malformed, {}};
  net::Ticks since_{};               // when the phase began, or when it last had made progress
  std::uint64_t progress_mark_ = 0;  // bytes at since_: of the body, or written
  net::Ticks body_waited_{};         // since_ and progress_mark_ of a streamed body, between reads
  std::uint64_t body_mark_ = 0;
  net::Ticks request_began_{};
  std::uint64_t response_bytes_ = 0;
  std::string_view large_body_;  // sent from where it is, after output()
  std::function<void()> disconnected_;
  bool* destroyed_ = nullptr;  // set while foreign code is called that may end us
};

}  // namespace keywright::http
