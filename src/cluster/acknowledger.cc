#include "cluster/acknowledger.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace keywright::cluster {
namespace {

using store::postgres::Node;

constexpr std::chrono::milliseconds kPauseMin{1};
constexpr std::chrono::milliseconds kPauseMax{20};

std::chrono::milliseconds patience(const Waiting& waiting, const Node& node) {
  const auto longest = node.max_staleness + kMargin;
  if (waiting.wait == app::SharedLog::Wait::for_all) return longest;
  return std::min<std::chrono::milliseconds>(longest, kBriefly);
}

}  // namespace

Acknowledger::Acknowledger(const store::postgres::PostgresStore& store, const Clock& clock,
                           const Uuid& me)
    : opener_(store.make_opener(kClusterTimeouts)),
      clock_(clock),
      me_(me),
      thread_([this] { run(); }) {}

void Acknowledger::tell() {
  {
    const std::lock_guard lock(mutex_);
    tell_ = true;
  }
  wake_.notify_one();
}

void Acknowledger::wait(Waiting waiting) {
  std::erase_if(waiting.others, [this](const Node& node) { return node.id == me_; });
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      arrived_.push_back(std::move(waiting));
      wake_.notify_one();
      return;
    }
  }
  waiting.done(fail(Code::unavailable, "stopping", "The server is stopping; try again."));
}

void Acknowledger::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

store::postgres::Connection* Acknowledger::connection() {
  if (connection_ != nullptr && !connection_->is_broken()) return connection_.get();
  connection_.reset();
  auto opened = opener_.open();
  if (!opened) return nullptr;
  connection_ = std::move(*opened);
  return connection_.get();
}

std::optional<std::vector<Node>> Acknowledger::read_others() {
  store::postgres::Connection* open = connection();
  if (open == nullptr) return std::nullopt;
  auto rows = open->run(store::postgres::select_nodes());
  if (!rows) return std::nullopt;
  return store::postgres::read_nodes(*rows);
}

void Acknowledger::settle(std::vector<Waiting>& waiting,
                          const std::optional<std::vector<Node>>& nodes) const {
  const auto now = clock_.boot_time();
  for (Waiting& one : waiting) {
    std::erase_if(one.others, [&](const Node& other) {
      if (now - one.committed_at >= patience(one, other)) return true;
      if (!nodes) return false;
      const auto row = std::ranges::find(*nodes, other.id, &Node::id);
      if (row == nodes->end()) return true;
      if (row->applied < one.position) return false;
      ++one.applied;
      return true;
    });
  }
}

void Acknowledger::run() {
  std::vector<Waiting> waiting;
  std::chrono::milliseconds pause = kPauseMin;
  for (;;) {
    bool tell = false;
    {
      std::unique_lock lock(mutex_);
      const auto called = [&] { return stopping_ || tell_ || !arrived_.empty(); };
      if (waiting.empty()) {
        wake_.wait(lock, called);
      } else if (wake_.wait_for(lock, pause, called)) {
        pause = kPauseMin;
      } else {
        pause = std::min(pause * 2, kPauseMax);
      }
      if (!arrived_.empty()) pause = kPauseMin;
      std::ranges::move(arrived_, std::back_inserter(waiting));
      arrived_.clear();
      tell = std::exchange(tell_, false);
      if (stopping_) break;
    }
    if (tell) {
      if (auto* open = connection()) (void)store::postgres::notify(*open, me_);
    }
    if (waiting.empty()) continue;
    const bool alone =
        std::ranges::all_of(waiting, [](const Waiting& w) { return w.others.empty(); });
    settle(waiting, alone ? std::nullopt : read_others());
    for (Waiting& one : waiting) {
      if (one.others.empty()) one.done(one.applied);
    }
    std::erase_if(waiting, [](const Waiting& one) { return one.others.empty(); });
  }
  for (Waiting& one : waiting) {
    one.done(fail(Code::unavailable, "stopping", "The server is stopping; try again."));
  }
}

}  // namespace keywright::cluster
