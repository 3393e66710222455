// gateway/relay.h - one request on its way to an upstream, and its answer on the way back. For this
// room's own use; proxy.h is the way in.
//
// reach() sends the request and reads the head of the answer; begin() fills the response. A small
// answer that is there as a whole becomes the response's body and the relay ends; otherwise the
// relay is the response's stream. The client's body is sent by a companion beside all that, so an
// upstream may answer before it has read everything.
//
// Threading: the loop's thread. Lifetime: ends with the exchange.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string>

#include "base/companion.h"
#include "gateway/dialling.h"
#include "gateway/proxy.h"

namespace keywright::gateway {

class Relay final : public http::BodyStream, public admission::OpenExchange {
 public:
  Relay(Proxy& proxy, http::Exchange& exchange, ProxyRequest request);
  ~Relay() override;

  Task<void> reach();
  // After reach(). What is left to stream is handed to the response, with `self`.
  void begin(std::unique_ptr<Relay> self);

  // http::BodyStream
  Task<Result<std::string_view>> next() override;
  void cancel() override;

  void client_left();

 protected:
  void on_refused(const Error& why) override;
  void on_sweep(net::Ticks now) override;

 private:
  // Where the companion waits until the head has been written.
  struct Gate {
    bool open = false;
    std::coroutine_handle<> waiting;
    bool await_ready() const { return open; }
    void await_suspend(std::coroutine_handle<> handle) { waiting = handle; }
    void await_resume() const {}
    void release() {
      open = true;
      if (waiting) std::exchange(waiting, nullptr).resume();
    }
  };
  struct Failure {
    int status = 0;
    std::string_view code;
    std::string_view detail;
  };
  enum class Receiving : unsigned char { head, lost, failed };

  bool expects_body() const;
  Companion send_body();
  void body_failed(const Error& error);
  Task<Result<void>> connect();
  Result<void> connect_failed(const std::string& reason);
  Task<void> send_head();
  void append_framing();
  Task<Receiving> receive_head();
  bool may_repeat() const;
  bool is_stopped() const { return refusal_ || failure_ || gone_; }
  void fail_with(int status, std::string_view code, std::string_view detail);
  void wake();

  void answer_instead();
  void begin_tunnel();
  bool take_what_is_there(http::Response& response);
  Result<std::string_view> changed(std::string_view piece);
  void give_back_connection();

  Proxy& proxy_;
  Proxy::OnLoop& here_;
  http::Exchange& exchange_;
  ProxyRequest request_;
  std::unique_ptr<ProxyHooks> hooks_;
  std::unique_ptr<UpstreamConnection> connection_;
  Dialling* dialling_ = nullptr;  // while there is no connection yet

  std::string gathered_;  // of the client's body, before the head is written; then a chunk
  bool head_composed_ = false;
  bool body_whole_ = false;  // all of it has been received from the client
  bool body_sent_ = false;
  bool chunked_ = false;
  bool changes_ = false;
  Gate gate_;

  std::optional<Error> refusal_;
  std::optional<Failure> failure_;
  bool gone_ = false;  // the client
  bool begun_ = false;
  bool body_over_ = false;  // its last piece has been taken
  bool complete_ = false;   // and everything has been given to the client
  bool waits_for_head_ = false;
  bool waits_for_piece_ = false;
  bool idle_due_ = false;
  net::Ticks since_{};  // the last progress
  std::chrono::milliseconds first_byte_timeout_{};
  Companion upload_;  // last: it uses the others
};

}  // namespace keywright::gateway
