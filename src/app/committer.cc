#include "app/committer.h"

#include <chrono>
#include <future>
#include <vector>

#include "base/log.h"

namespace keywright::app {
namespace {

constexpr std::size_t kGroupMax = 512;

Error stopping() {
  return Error(Code::unavailable, "stopping", "The server is stopping; try again in a moment.")
      .with_retry_after_seconds(1);
}

}  // namespace

Committer::Committer(ChangeTools tools, const Clock& clock, Barrier& barrier)
    : tools_(tools), clock_(clock), barrier_(barrier), thread_([this] { write_loop(); }) {}

Committer::~Committer() { stop(); }

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Committer::enqueue(Command command) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(command));
      wake_.notify_one();
      return;
    }
  }
  command.done(fail(stopping()));
}

Committer::Submission Committer::submit(const ChangeWork& work) { return {*this, work}; }

void Committer::Submission::await_suspend(std::coroutine_handle<> waiting) {
  Scheduler* home = Scheduler::current();
  const auto done = [this, home, waiting](Result<Committed> result) {
    result_.emplace(std::move(result));
    if (home == nullptr) return waiting.resume();
    home->post([waiting] { waiting.resume(); });
  };
  committer_.enqueue({&work_, done, std::nullopt});
}

Result<Committed> Committer::run(const ChangeWork& work) {
  std::promise<Result<Committed>> promise;
  auto future = promise.get_future();
  enqueue({&work, [&](Result<Committed> result) { promise.set_value(std::move(result)); }, {}});
  return future.get();
}

void Committer::post(ChangeWork work) {
  const auto done = [](const Result<Committed>& result) {
    if (!result) log_warning("change_not_written", {{"problem", result.error().detail()}});
  };
  enqueue({nullptr, done, std::move(work)});
}

void Committer::write_loop() {
  while (true) {
    std::deque<Command> group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < kGroupMax) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    write_group(group);
  }
}

void Committer::write_group(std::deque<Command>& group) {
  Pending pending;
  std::vector<store::Transaction> transactions;
  std::vector<Result<void>> decided;
  std::vector<std::optional<std::size_t>> written(group.size());
  for (std::size_t i = 0; i < group.size(); ++i) {
    Change change(tools_, pending, clock_.now());
    const ChangeWork& work = group[i].owned ? *group[i].owned : *group[i].work;
    decided.push_back(work(change));
    const store::Transaction& made = change.transaction;
    const bool empty = made.records.empty() && made.keys.empty() && made.events.empty();
    if (!decided.back() || empty) continue;
    change.merge_into(pending);
    written[i] = transactions.size();
    transactions.push_back(std::move(change.transaction));
  }
  std::vector<Result<store::Position>> results;
  if (!transactions.empty()) results = tools_.store.commit(transactions);
  const std::int64_t waited_ms = publish(transactions, results);
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!decided[i]) {
      group[i].done(fail(std::move(decided[i]).error()));
    } else if (!written[i]) {
      group[i].done(Committed{});
    } else if (const auto& result = results[*written[i]]; result) {
      group[i].done(Committed{*result, waited_ms});
    } else {
      group[i].done(fail(result.error()));
    }
  }
}

// Also when nothing was written: a change that found its work already done (a repeated revocation)
// must not return earlier than the one that did it.
std::int64_t Committer::publish(const std::vector<store::Transaction>& transactions,
                                const std::vector<Result<store::Position>>& results) {
  const auto before = clock_.boot_time();
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    if (results[i]) tools_.directory.apply(transactions[i]);
  }
  if (transactions.empty()) return 0;
  barrier_.pass();
  tools_.directory.free_retired();
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.boot_time() - before).count();
}

}  // namespace keywright::app
