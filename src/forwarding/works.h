// forwarding/works.h - changes of the outbox that are under way. Of this room only.
//
//   works.submit([=](Outbox& outbox) { return outbox.delivered(platform, sequence, state); });
//   Saving saving(works, loop, work);
//   Result<void> saved = co_await saving;          // resumes on the loop
//   works.wait();                                  // before what they refer to goes
//
// Threading: any thread. Lifetime: the store outlives it.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"
#include "net/loop.h"
#include "traces/trace_store.h"

namespace keywright::forwarding {

class Works {
 public:
  explicit Works(traces::TraceStore& store) : store_(store) {}

  // Nobody waits; a failure is logged, and what it was to say is said by the next one.
  void submit(traces::TraceStore::Work work) {
    submit(std::move(work), [](const Result<void>& done) {
      if (!done) log_warning("forwarding_not_saved", {{"problem", done.error().detail()}});
    });
  }
  void submit(traces::TraceStore::Work work, std::function<void(Result<void>)> done) {
    {
      const std::lock_guard lock(mutex_);
      ++under_way_;
    }
    store_.submit_work(std::move(work), [this, done = std::move(done)](Result<void> result) {
      done(std::move(result));
      const std::lock_guard lock(mutex_);
      if (--under_way_ == 0) none_.notify_all();
    });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [&] { return under_way_ == 0; });
  }

 private:
  traces::TraceStore& store_;
  std::mutex mutex_;
  std::condition_variable none_;
  int under_way_ = 0;
};

class Saving {
 public:
  Saving(Works& works, net::Loop& loop, traces::TraceStore::Work work)
      : works_(works), loop_(loop), work_(std::move(work)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    works_.submit(std::move(work_), [this, waiting](Result<void> done) {
      done_.emplace(std::move(done));
      loop_.post([waiting] { waiting.resume(); });
    });
  }
  Result<void> await_resume() { return std::move(*done_); }

 private:
  Works& works_;
  net::Loop& loop_;
  traces::TraceStore::Work work_;
  std::optional<Result<void>> done_;
};

}  // namespace keywright::forwarding
