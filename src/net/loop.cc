#include "net/loop.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "net/descriptor.h"

namespace keywright::net {

namespace {

thread_local Loop* current_loop = nullptr;

constexpr int kEventsPerRound = 256;

// Without a loop nothing can be served: these calls fail only when the system has nothing left.
int require(int fd, const char* call) {
  if (fd < 0) {
    log_error("loop_failed", {{"call", call}, {"errno", errno}});
    std::abort();
  }
  return fd;
}

}  // namespace

struct Loop::Round {
  epoll_event events[kEventsPerRound];
  int count = 0;
  int next = 0;
};

Loop::Loop()
    : epoll_fd_(require(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_fd_(require(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  // Edge-triggered: each write is an edge, so the counter never has to be read.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  require(::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event), "epoll_ctl");
  now_ = clock_.boot_time();
}

Loop::~Loop() {
  drain_posted(true);
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

Loop* Loop::current() { return current_loop; }

Ticks Loop::read_clock() {
  now_ = clock_.boot_time();
  return now_;
}

void Loop::add(Descriptor& descriptor) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &descriptor;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, descriptor.fd(), &event) != 0) {
    // Out of kernel memory or of watches: the owner sees a descriptor that has hung up.
    log_error("descriptor_not_watched", {{"errno", errno}});
    descriptor.deliver(EPOLLHUP);
  }
}

void Loop::remove(Descriptor& descriptor) {
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, descriptor.fd(), nullptr);
  if (round_ != nullptr) {
    for (int i = round_->next; i < round_->count; ++i) {
      if (round_->events[i].data.ptr == &descriptor) round_->events[i].events = 0;
    }
  }
  for (Descriptor*& woken : woken_) {
    if (woken == &descriptor) woken = nullptr;
  }
}

void Loop::wake_later(Descriptor& descriptor) { woken_.push_back(&descriptor); }

void Loop::run_woken() {
  // What is woken from in here waits for the next round.
  const std::size_t count = woken_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (Descriptor* descriptor = std::exchange(woken_[i], nullptr)) descriptor->try_operations();
  }
  woken_.erase(woken_.begin(), woken_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Loop::post_node(PostNode& node) {
  PostNode* head = posted_.load(std::memory_order_relaxed);
  do {
    node.next = head;
  } while (!posted_.compare_exchange_weak(head, &node, std::memory_order_release,
                                          std::memory_order_relaxed));
  // Whoever found the queue empty wakes the loop. Its own thread looks before it waits.
  if (head == nullptr && !is_current()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(wake_fd_, &one, sizeof one);
  }
}

void Loop::drain_posted(bool cancelled) {
  PostNode* newest = posted_.exchange(nullptr, std::memory_order_acquire);
  PostNode* oldest = nullptr;
  while (newest != nullptr) {
    PostNode* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    PostNode* next = oldest->next;  // running the node may end its life
    oldest->run(*oldest, cancelled);
    oldest = next;
  }
}

TimerId Loop::run_after(Duration delay, std::function<void()> function) {
  const Ticks at = read_clock() + delay;
  const std::uint64_t id = ++last_timer_;
  timers_.emplace(Timer{at, id}, std::move(function));
  timer_times_.emplace(id, at);
  return static_cast<TimerId>(id);
}

bool Loop::cancel(TimerId timer) {
  const auto id = static_cast<std::uint64_t>(timer);
  auto found = timer_times_.find(id);
  if (found == timer_times_.end()) return false;
  timers_.erase(Timer{found->second, id});
  timer_times_.erase(found);
  return true;
}

void Loop::run_timers() {
  const Ticks now = now_;
  while (!timers_.empty() && timers_.begin()->first.at <= now) {
    auto node = timers_.extract(timers_.begin());
    timer_times_.erase(node.key().id);
    node.mapped()();
  }
}

Duration Loop::time_to_wait(Duration max) const {
  if (!woken_.empty() || posted_.load(std::memory_order_acquire) != nullptr) {
    return Duration::zero();
  }
  if (timers_.empty()) return max;
  const Duration until_timer = timers_.begin()->first.at - now_;
  return std::clamp(until_timer, Duration::zero(), max);
}

void Loop::run_once(Duration max) {
  Loop* previous = std::exchange(current_loop, this);
  Round round;
  // Rounded up: a round that wakes before its timer is due would only wait again.
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(time_to_wait(max));
  round.count =
      ::epoll_wait(epoll_fd_, round.events, kEventsPerRound, static_cast<int>(wait.count()));
  read_clock();
  round_ = &round;
  while (round.next < round.count) {
    const epoll_event event = round.events[round.next++];
    if (event.data.ptr != nullptr && event.events != 0) {
      static_cast<Descriptor*>(event.data.ptr)->deliver(event.events);
    }
  }
  round_ = nullptr;
  if (!woken_.empty()) run_woken();
  run_timers();
  drain_posted(false);
  current_loop = previous;
}

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) run_once(std::chrono::seconds(3600));
  stopping_.store(false, std::memory_order_release);
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(wake_fd_, &one, sizeof one);
}

LoopGroup::LoopGroup(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>());
}

LoopGroup::~LoopGroup() { stop(); }

void LoopGroup::start() {
  for (auto& loop : loops_) {
    threads_.emplace_back([&on = *loop] {
      ::pthread_setname_np(::pthread_self(), "keywright-io");
      on.run();
    });
  }
}

void LoopGroup::stop() {
  if (threads_.empty()) return;
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace keywright::net
