// net/descriptor.h - a file descriptor that a Loop watches, edge-triggered.
//
//   net::Descriptor watched(loop, fd);                  // takes the fd, sets nothing on it
//   co_await watched.readable();                        // then read until EAGAIN ...
//   watched.clear_readable();                           // ... and say so
//
// `readable` and `writable` are remembered: an edge sets them, and the reader that has met EAGAIN
// (or a short read) clears them. So a keep-alive request costs one recv, not a second one that
// only finds nothing. Streams (net/stream.h) are built on this; so may be any library that hands
// out a non-blocking descriptor.
//
// Threading: the loop's thread only. Lifetime: closes the descriptor; no operation may be pending
//   when it is destroyed unless its awaiter is destroyed too.
// Cost: one epoll_ctl at construction, one at destruction.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>

#include "net/loop.h"

namespace keywright::net {

// Something that waits for a direction of a descriptor. try_finish() is called on each edge, until
// it says that it is done; its coroutine is then resumed.
class Operation {
 public:
  virtual bool try_finish() = 0;
  std::coroutine_handle<> continuation;

 protected:
  ~Operation() = default;
};

// For a descriptor that never got an owner.
void close_descriptor(int fd);

class Descriptor {
 public:
  Descriptor(Loop& loop, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  Loop& loop() const { return loop_; }
  int fd() const { return fd_; }
  int release();  // stops watching and gives the descriptor back, open

  bool is_readable() const { return readable_; }
  bool is_writable() const { return writable_; }
  bool has_hung_up() const { return hung_up_; }  // the peer has closed at least its sending side
  void assume_writable() { writable_ = true; }   // of a socket that has just been connected
  void clear_readable() { readable_ = false; }
  void clear_writable() { writable_ = false; }

  // At most one pending operation for each direction.
  void set_reader(Operation* operation) { reader_ = operation; }
  void set_writer(Operation* operation) { writer_ = operation; }
  Operation* reader() const { return reader_; }
  Operation* writer() const { return writer_; }
  // Tries both pending operations again, in the loop's next round: after a cancellation, for
  // instance.
  void wake() { loop_.wake_later(*this); }

  // Called once when the peer hangs up; replaces the one before.
  void on_hang_up(std::function<void()> function);

  class Ready;
  Ready readable();
  Ready writable();

 private:
  friend class Loop;
  void deliver(std::uint32_t events);
  void try_operations();

  Loop& loop_;
  int fd_;
  bool readable_ = false;
  bool writable_ = false;
  bool hung_up_ = false;
  Operation* reader_ = nullptr;
  Operation* writer_ = nullptr;
  std::function<void()> hang_up_;
  bool* destroyed_ = nullptr;  // set while operations are resumed: one of them may end us
};

class Descriptor::Ready final : public Operation {
 public:
  Ready(Descriptor& descriptor, bool for_reading)
      : descriptor_(descriptor), for_reading_(for_reading) {}
  Ready(const Ready&) = delete;
  ~Ready() { detach(); }

  bool try_finish() override {
    return for_reading_ ? descriptor_.is_readable() : descriptor_.is_writable();
  }
  bool await_ready() { return try_finish(); }
  void await_suspend(std::coroutine_handle<> handle) {
    continuation = handle;
    for_reading_ ? descriptor_.set_reader(this) : descriptor_.set_writer(this);
  }
  void await_resume() const {}

 private:
  void detach() {
    if (descriptor_.reader_ == this) descriptor_.reader_ = nullptr;
    if (descriptor_.writer_ == this) descriptor_.writer_ = nullptr;
  }
  Descriptor& descriptor_;
  bool for_reading_;
};

inline Descriptor::Ready Descriptor::readable() { return Ready(*this, true); }
inline Descriptor::Ready Descriptor::writable() { return Ready(*this, false); }

}  // namespace keywright::net
