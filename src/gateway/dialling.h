// gateway/dialling.h - waits for a new connection, or until nobody wants it any more. For this
// room's own use.
//
//   Dialling dialling(loop, pool.connect(target));
//   auto opened = co_await dialling;                     // Result, as of connect()
//   ...
//   dialling.give_up();                                  // from elsewhere on the loop: ends it
//   soon
//
// Errors: those of connect(), and unavailable `given_up`.
// Threading: the loop's thread. Lifetime: destroying it, or giving up, withdraws what connect()
//   waits for; the one who waits is resumed later, never inside give_up().
// Cost: one timer where it is given up.
#pragma once

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "base/task.h"
#include "gateway/upstream_connection.h"
#include "net/loop.h"

namespace keywright::gateway {

class Dialling {
 public:
  using Opened = Result<std::unique_ptr<UpstreamConnection>>;

  Dialling(net::Loop& loop, Task<Opened> connecting)
      : loop_(loop), connecting_(std::move(connecting)) {}
  Dialling(const Dialling&) = delete;
  Dialling& operator=(const Dialling&) = delete;
  ~Dialling() {
    if (timer_ != net::TimerId::none) loop_.cancel(timer_);
  }

  void give_up() {
    if (timer_ != net::TimerId::none) return;
    timer_ = loop_.run_after(std::chrono::milliseconds(0), [this] {
      timer_ = net::TimerId::none;
      connecting_.reset();
      std::exchange(waiting_, nullptr).resume();
    });
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    inner_.emplace(std::move(*connecting_).operator co_await());
    return inner_->await_suspend(waiting);
  }
  Opened await_resume() {
    if (connecting_) return inner_->await_resume();
    return fail(Code::unavailable, "given_up", "Nobody waits for the connection any more.");
  }

 private:
  using Inner = decltype(std::declval<Task<Opened>>().operator co_await());

  net::Loop& loop_;
  std::optional<Task<Opened>> connecting_;
  std::optional<Inner> inner_;
  std::coroutine_handle<> waiting_;
  net::TimerId timer_ = net::TimerId::none;
};

}  // namespace keywright::gateway
