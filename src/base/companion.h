// base/companion.h - a coroutine that runs beside its owner and ends with it.
//
//   Companion Relay::upload() { while (...) co_await exchange_.read_body(); }
//   upload_ = upload();                   // runs at once, until its first suspension
//   upload_.is_done()                     // it came to its end
//
// Destroying it while it waits withdraws what it waits for: the awaitables of net/ and http/ allow
// that. It must not be destroyed from within itself.
//
// Threading: the loop's thread. Cost: one frame allocation.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace keywright {

class Companion {
 public:
  struct promise_type {
    Companion get_return_object() noexcept {
      return Companion(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };

  Companion() = default;
  Companion(Companion&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Companion& operator=(Companion&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Companion() {
    if (handle_) handle_.destroy();
  }

  bool is_done() const { return !handle_ || handle_.done(); }

 private:
  explicit Companion(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace keywright
