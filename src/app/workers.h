// app/workers.h - a few threads for work that must not hold up an io thread: store reads, Argon2id.
//
//   auto read = [&] { return store.list_records(filter, page); };
//   // What read() comes to, or `unavailable`; goes on on the loop it left.
//   auto records = co_await workers.run(read);
//
// The queue is bounded: when it is full, run() answers `unavailable` with Retry-After at once, so
// that a flood of slow work cannot pile up.
//
// Threading: run() on an io thread, or on any thread when there is none (then it runs in place).
// Lifetime: stop() before the io threads stop; queued work is finished.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "app/scheduler.h"
#include "base/result.h"

namespace keywright::app {

class Workers {
 public:
  Workers(std::size_t threads, std::size_t queue_max);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  template <class Work>
  class Job;

  // `work` is kept by reference until the await is over. Its result is a Result<T>.
  template <class Work>
  Job<Work> run(Work& work) {
    return Job<Work>(*this, work);
  }

  void stop();

 private:
  bool enqueue(std::function<void()> job);
  void loop();

  std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

template <class Work>
class Workers::Job {
 public:
  using Answer = decltype(std::declval<Work&>()());

  Job(Workers& workers, Work& work) : workers_(workers), work_(work) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    Scheduler* home = Scheduler::current();
    if (home == nullptr) {
      answer_.emplace(work_());
      return false;
    }
    const bool accepted = workers_.enqueue([this, home, waiting] {
      answer_.emplace(work_());
      home->post([waiting] { waiting.resume(); });
    });
    if (accepted) return true;
    answer_.emplace(fail(
        Error(Code::unavailable, "overloaded", "Too much work is waiting; try again in a moment.")
            .with_retry_after_seconds(1)));
    return false;
  }
  Answer await_resume() { return std::move(*answer_); }

 private:
  Workers& workers_;
  Work& work_;
  std::optional<Answer> answer_;
};

}  // namespace keywright::app
