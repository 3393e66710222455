#include "net/descriptor.h"

#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

namespace keywright::net {

void close_descriptor(int fd) { ::close(fd); }

Descriptor::Descriptor(Loop& loop, int fd) : loop_(loop), fd_(fd) { loop_.add(*this); }

Descriptor::~Descriptor() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (fd_ < 0) return;
  loop_.remove(*this);
  ::close(fd_);
}

int Descriptor::release() {
  loop_.remove(*this);
  return std::exchange(fd_, -1);
}

void Descriptor::on_hang_up(std::function<void()> function) {
  hang_up_ = std::move(function);
  if (hung_up_ && hang_up_) wake();
}

void Descriptor::deliver(std::uint32_t events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_ = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) hung_up_ = true;
  try_operations();
}

void Descriptor::try_operations() {
  bool destroyed = false;
  bool* outer = std::exchange(destroyed_, &destroyed);
  // A resumed coroutine may destroy this object, and must not be called back from in here.
  auto run = [&](Operation*& place) {
    if (place == nullptr || !place->try_finish()) return;
    std::exchange(place, nullptr)->continuation.resume();
  };
  run(reader_);
  if (!destroyed) run(writer_);
  if (!destroyed && hung_up_ && hang_up_) std::exchange(hang_up_, nullptr)();
  if (!destroyed) {
    destroyed_ = outer;
  } else if (outer != nullptr) {
    *outer = true;
  }
}

}  // namespace keywright::net
