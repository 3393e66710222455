// net/loop.h - an event loop on one thread, and a group of them.
//
//   net::LoopGroup loops(2);
//   loops.start();
//   loops[0].post([] { ... });                           // runs soon, on loop 0's thread
//
//   Task<void> tick(net::Loop& loop) {
//     co_await loop.sleep(std::chrono::milliseconds(250));   // resumes on `loop`
//   }
//   auto value = net::run(my_task(), loop);              // blocking facade: tests and the CLI
//
// A loop waits in epoll with edge-triggered descriptors (net/descriptor.h), keeps timers in order
// of their time, and runs what was posted to it. The reason for an own reactor is in
// docs/adr/0002-http.md.
//
// Threading: post(), stop() and switch_to() may be used from any thread; everything else belongs to
//   the loop's thread (or to the thread that owns a loop that is not running).
// Lifetime: what is posted or scheduled and has not run when the loop is destroyed is dropped.
//   A sleep() that is destroyed with its coroutine takes its timer along.
// Cost: one epoll_wait for each round; a timer is one tree node and no system call; a post wakes
//   the loop with one eventfd write, and only when the queue was empty.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task.h"

namespace keywright::net {

class Descriptor;

using Duration = std::chrono::nanoseconds;
// Clock::boot_time(): for deadlines inside one process.
using Ticks = std::chrono::nanoseconds;

enum class TimerId : std::uint64_t { none = 0 };

// What a loop can be asked to run: an intrusive node, so that resuming a coroutine allocates
// nothing.
struct PostNode {
  explicit PostNode(void (*function)(PostNode&, bool)) : run(function) {}
  PostNode* next = nullptr;
  void (*run)(PostNode&, bool cancelled);  // cancelled: the loop is going away; only clean up
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The loop whose run() is on the stack of this thread, or nullptr.
  static Loop* current();
  bool is_current() const { return current() == this; }

  void run();                   // until stop()
  void run_once(Duration max);  // one round, waiting at most `max`; for tests and facades
  void stop();

  // Runs `function` on the loop's thread, never inside this call. Move-only functions are welcome.
  template <class Function>
  void post(Function function);
  void post_node(PostNode& node);

  TimerId run_after(Duration delay, std::function<void()> function);
  bool cancel(TimerId timer);  // false: it has run already

  // The time of the current round, cheap and a little old; and a fresh reading.
  Ticks now() const { return now_; }
  Ticks read_clock();

  struct Sleep;
  struct Switch;
  Sleep sleep(Duration delay);
  Switch switch_to();  // continues on this loop's thread; nothing to do if already there
  Switch yield();      // lets everything else that is ready run first

 private:
  friend class Descriptor;
  struct Timer {
    Ticks at;
    std::uint64_t id;
    bool operator<(const Timer& other) const {
      return at != other.at ? at < other.at : id < other.id;
    }
  };

  void add(Descriptor& descriptor);
  void remove(Descriptor& descriptor);
  void wake_later(Descriptor& descriptor);
  void run_woken();
  void drain_posted(bool cancelled);
  void run_timers();
  Duration time_to_wait(Duration max) const;

  SystemClock clock_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  Ticks now_{};
  std::atomic<bool> stopping_ = false;
  std::atomic<PostNode*> posted_ = nullptr;
  std::map<Timer, std::function<void()>> timers_;
  std::map<std::uint64_t, Ticks> timer_times_;
  std::uint64_t last_timer_ = 0;
  std::vector<Descriptor*> woken_;
  struct Round;
  Round* round_ = nullptr;  // the events being delivered, so that a closed descriptor gets no more
};

struct Loop::Sleep {
  Loop& loop;
  Duration delay;
  TimerId timer = TimerId::none;

  Sleep(Loop& on, Duration how_long) : loop(on), delay(how_long) {}
  Sleep(const Sleep&) = delete;
  ~Sleep() {
    if (timer != TimerId::none) loop.cancel(timer);
  }
  bool await_ready() const { return delay <= Duration::zero(); }
  void await_suspend(std::coroutine_handle<> handle) {
    timer = loop.run_after(delay, [this, handle] {
      timer = TimerId::none;
      handle.resume();
    });
  }
  void await_resume() const {}
};

inline Loop::Sleep Loop::sleep(Duration delay) { return Sleep(*this, delay); }

struct Loop::Switch : PostNode {
  Loop& loop;
  bool suspends_always;
  std::coroutine_handle<> handle;

  Switch(Loop& to, bool always) : PostNode(&Switch::resume), loop(to), suspends_always(always) {}
  bool await_ready() const { return !suspends_always && loop.is_current(); }
  void await_suspend(std::coroutine_handle<> suspended) {
    handle = suspended;
    loop.post_node(*this);
  }
  void await_resume() const {}

 private:
  static void resume(PostNode& node, bool cancelled) {
    if (!cancelled) static_cast<Switch&>(node).handle.resume();
  }
};

inline Loop::Switch Loop::switch_to() { return Switch(*this, false); }
inline Loop::Switch Loop::yield() { return Switch(*this, true); }

template <class Function>
void Loop::post(Function function) {
  struct Posted : PostNode {
    explicit Posted(Function f) : PostNode(&Posted::invoke), call(std::move(f)) {}
    static void invoke(PostNode& node, bool cancelled) {
      std::unique_ptr<Posted> self(static_cast<Posted*>(&node));
      if (!cancelled) self->call();
    }
    Function call;
  };
  post_node(*new Posted(std::move(function)));
}

// N loops, each on a thread of its own once started.
//
// Threading: construct, start, stop and destroy from one thread that is none of the loops'.
class LoopGroup {
 public:
  explicit LoopGroup(std::size_t count);
  ~LoopGroup();  // stops and joins

  void start();
  void stop();

  bool is_running() const { return !threads_.empty(); }

  std::size_t size() const { return loops_.size(); }
  Loop& operator[](std::size_t index) { return *loops_[index]; }

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

// Runs `task` on `loop` (which must not be running) on this thread until it has finished.
template <class T>
T run(Task<T> task, Loop& loop) {
  std::optional<T> result;
  start_detached([](Task<T> work, std::optional<T>& out, Loop& on) -> Task<void> {
    co_await on.switch_to();
    out.emplace(co_await std::move(work));
    on.stop();
  }(std::move(task), result, loop));
  loop.run();
  return std::move(*result);
}

inline void run(Task<void> task, Loop& loop) {
  start_detached([](Task<void> work, Loop& on) -> Task<void> {
    co_await on.switch_to();
    co_await std::move(work);
    on.stop();
  }(std::move(task), loop));
  loop.run();
}

}  // namespace keywright::net
