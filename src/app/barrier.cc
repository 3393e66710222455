#include "app/barrier.h"

#include <latch>
#include <memory>

namespace keywright::app {

void Barrier::add(Scheduler& thread) {
  const std::lock_guard lock(mutex_);
  threads_.push_back(&thread);
}

void Barrier::disband() {
  const std::lock_guard lock(mutex_);
  threads_.clear();
}

void Barrier::pass() {
  const std::lock_guard lock(mutex_);  // disband() waits for a pass under way
  const auto passed = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(threads_.size()));
  for (Scheduler* thread : threads_) {
    thread->post([this, passed] {
      if (on_each_) on_each_();
      passed->count_down();
    });
  }
  passed->wait();
}

}  // namespace keywright::app
