#include "app/committer.h"

#include <future>
#include <utility>
#include <vector>

#include "base/log.h"

namespace keywright::app {
namespace {

constexpr std::size_t kGroupMax = 512;

Error stopping() {
  return Error(Code::unavailable, "stopping", "The server is stopping; try again in a moment.")
      .with_retry_after_seconds(1);
}

bool writes_nothing(const store::Transaction& transaction) {
  return transaction.records.empty() && transaction.keys.empty() && transaction.events.empty() &&
         !transaction.idempotent_answer;
}

// Events and answers to repeated requests are in no record: who acts on the records in memory acts
// on the newest ones before and after.
bool moves_records(const store::Transaction& transaction) {
  return transaction.removes_access || !transaction.records.empty() || !transaction.keys.empty();
}

void log_failure(const Result<Committed>& result) {
  if (!result) log_warning("change_not_written", {{"problem", result.error().detail()}});
}

// Only what makes something new takes nothing away. A change that found its work done (a repeated
// revocation) is not earlier than the one that did it.
bool only_adds(const Change& change) {
  const store::Transaction& transaction = change.transaction;
  if (transaction.removes_access) return false;
  if (transaction.records.empty() && transaction.keys.empty()) return false;
  for (const store::RecordWrite& write : transaction.records) {
    if (write.deleted) return false;
    if (change.directory().has_record(write.record.type, write.record.id)) return false;
  }
  for (const domain::Key& key : transaction.keys) {
    if (change.directory().keys().find(key.id) != nullptr) return false;
  }
  return true;
}

SharedLog::Wait wait_for(const Change& change) {
  return only_adds(change) ? SharedLog::Wait::briefly : SharedLog::Wait::for_all;
}

}  // namespace

Committer::Committer(ChangeTools tools, const Clock& clock, Barrier& barrier, SharedLog* shared_log)
    : tools_(tools), clock_(clock), barrier_(barrier), shared_log_(shared_log), thread_([this] {
        write_loop();
      }) {}

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

void Committer::post(ChangeWork work) { enqueue({nullptr, log_failure, std::move(work)}); }

void Committer::post_soon(ChangeWork work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return log_failure(fail(stopping()));
  soon_.push_back({nullptr, log_failure, std::move(work)});
  if (soon_.size() == 1) wake_.notify_one();
}

// Under the mutex.
void Committer::fill(std::deque<Command>& group) {
  while (!queue_.empty() && group.size() < kGroupMax) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
}

// What arrived while other nodes had their turns.
void Committer::take_more(std::deque<Command>& group) {
  const std::lock_guard lock(mutex_);
  fill(group);
}

// After events that could wait, the writer rests for kSoon: only other work wakes it meanwhile.
bool Committer::take_group(std::deque<Command>& group) {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return stopping_ || !queue_.empty(); };
  if (resting_ && !wake_.wait_for(lock, kSoon, has_work)) resting_ = false;
  if (!resting_) wake_.wait(lock, [&] { return has_work() || !soon_.empty(); });
  fill(group);
  if (!soon_.empty() && (!group.empty() || !resting_ || stopping_)) {
    for (Command& command : soon_) group.push_back(std::move(command));
    soon_.clear();
    resting_ = true;
  }
  return !group.empty();
}

void Committer::write_loop() {
  while (true) {
    std::deque<Command> group;
    if (!take_group(group)) return;
    write_group(group);
  }
}

void Committer::write_group(std::deque<Command>& group) {
  bool moved = false;
  if (shared_log_ != nullptr) {
    const auto begun = shared_log_->begin();
    if (!begun) {
      for (Command& command : group) command.done(fail(begun.error()));
      return;
    }
    moved = *begun;
    take_more(group);
  }
  Pending pending;
  std::vector<store::Transaction> transactions;
  std::vector<Result<void>> decided;
  std::vector<std::optional<SharedLog::Wait>> waits(group.size());
  std::vector<std::optional<std::size_t>> written(group.size());
  for (std::size_t i = 0; i < group.size(); ++i) {
    Change change(tools_, pending, clock_.now());
    const ChangeWork& work = group[i].owned ? *group[i].owned : *group[i].work;
    decided.push_back(work(change));
    if (shared_log_ != nullptr && !group[i].owned) waits[i] = wait_for(change);
    if (!decided.back() || writes_nothing(change.transaction)) continue;
    change.merge_into(pending);
    written[i] = transactions.size();
    transactions.push_back(std::move(change.transaction));
  }
  std::vector<Result<store::Position>> results;
  if (!transactions.empty()) results = tools_.store.commit(transactions);
  const auto committed_at = clock_.boot_time();
  publish(transactions, results, moved);
  if (shared_log_ != nullptr) shared_log_->end();
  const std::int64_t waited_ms = transactions.empty() ? 0 : milliseconds_since(committed_at);
  std::optional<Error> lost;  // the first change that could not be stored
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto result = outcome(decided[i], written[i], results, lost);
    if (result && written[i]) result->waited_ms = waited_ms;
    answer(group[i], std::move(result), waits[i], committed_at);
  }
}

// A change that found nothing to do may have found so because of an earlier one of its group (a
// repeated revocation, a repeated request): when that was lost, this was not done either.
Result<Committed> Committer::outcome(const Result<void>& decided,
                                     std::optional<std::size_t> written,
                                     const std::vector<Result<store::Position>>& results,
                                     std::optional<Error>& lost) {
  if (!decided) return fail(decided.error());
  if (!written) return lost ? Result<Committed>(fail(*lost)) : Committed{};
  const Result<store::Position>& result = results[*written];
  if (result) return Committed{.position = *result};
  if (!lost) lost = result.error();
  return fail(result.error());
}

// A change that found its work already done (a repeated revocation) is not earlier than the one
// that did it: groups are published one after the other, and that one's barrier has been passed. A
// group that leaves the records as they are needs none: calls that are only audited then cost the
// io threads and what is open on them nothing.
void Committer::publish(const std::vector<store::Transaction>& transactions,
                        const std::vector<Result<store::Position>>& results, bool moved) {
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    if (!moves_records(transactions[i])) continue;
    moved = true;
    if (results[i]) tools_.directory.apply(transactions[i]);
  }
  if (!moved) return;
  barrier_.pass();
  tools_.directory.free_retired();
}

std::int64_t Committer::milliseconds_since(std::chrono::nanoseconds boot_time) const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.boot_time() - boot_time)
      .count();
}

void Committer::answer(Command& command, Result<Committed> result,
                       std::optional<SharedLog::Wait> wait, std::chrono::nanoseconds since) {
  if (!result || !wait) return command.done(std::move(result));
  shared_log_->when_applied(
      *wait, [this, since, committed = *result, done = std::move(command.done)](Result<int> nodes) {
        if (!nodes) return done(fail(std::move(nodes).error()));
        Committed everywhere_committed = committed;
        everywhere_committed.nodes = *nodes;
        everywhere_committed.waited_ms = milliseconds_since(since);
        done(everywhere_committed);
      });
}

}  // namespace keywright::app
