#include "cluster/acknowledger.h"

#include <algorithm>
#include <iterator>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace keywright::cluster {
namespace {

namespace postgres = store::postgres;
using postgres::LogPoint;
using postgres::Node;
using std::chrono::milliseconds;

// Between two looks while somebody waits and nobody reports.
constexpr milliseconds kPauseMin{10};
constexpr milliseconds kPauseMax{40};
constexpr milliseconds kNobodyWaits{60'000};

milliseconds patience(const Waiting& waiting, const Node& node) {
  const auto longest = node.max_staleness + kMargin;
  if (waiting.wait == app::SharedLog::Wait::for_all) return longest;
  return std::min<milliseconds>(longest, kBriefly);
}

Error stopping() {
  return Error(Code::unavailable, "stopping", "The server is stopping; try again.");
}

Error lost() {
  return Error(Code::unavailable, postgres::kStoreUnavailable,
               "The store has lost this change in a fail-over. Try again.")
      .with_retry_after_seconds(1);
}

}  // namespace

Acknowledger::Acknowledger(const postgres::PostgresStore& store, const Clock& clock, const Uuid& me)
    : opener_(store.make_opener(kClusterTimeouts)),
      clock_(clock),
      me_(me),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

Acknowledger::~Acknowledger() {
  stop();
  if (wake_ >= 0) ::close(wake_);
}

void Acknowledger::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void Acknowledger::tell() {
  {
    const std::lock_guard lock(mutex_);
    tell_ = true;
  }
  wake();
}

void Acknowledger::wait(Waiting waiting) {
  std::erase_if(waiting.others, [&](const Node& node) {
    if (node.id == me_) return true;
    if (node.applied < waiting.point.position) return false;
    ++waiting.applied;  // it had, before this was asked
    return true;
  });
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      arrived_.push_back(std::move(waiting));
      return wake();
    }
  }
  waiting.done(fail(stopping()));
}

void Acknowledger::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

postgres::Connection* Acknowledger::connection() {
  if (connection_ != nullptr && !connection_->is_broken()) return connection_.get();
  connection_.reset();
  auto opened = opener_.open();
  if (!opened) return nullptr;
  const postgres::Statement statements[] = {postgres::Statement(postgres::kPlanOnce),
                                            postgres::Statement(postgres::kListenReports)};
  if (!(*opened)->run_all(statements)) return nullptr;
  connection_ = std::move(*opened);
  return connection_.get();
}

bool Acknowledger::rest(milliseconds time) {
  bool is_unsaid = false;
  if (connection_ != nullptr && !connection_->is_broken()) {
    if (const auto notices = connection_->wait(time, wake_)) {
      for (const postgres::Notice& notice : *notices) {
        const auto report = postgres::parse_report(notice.payload);
        if (report) told_[report->node] = report->position;
        is_unsaid |= !report;
      }
    }
  } else {
    pollfd descriptor{.fd = wake_, .events = POLLIN, .revents = 0};
    (void)::poll(&descriptor, 1, static_cast<int>(time.count()));
  }
  std::uint64_t count = 0;
  (void)!::read(wake_, &count, sizeof count);
  return is_unsaid;
}

bool Acknowledger::is_worth_a_look(const std::vector<Waiting>& waiting) const {
  return std::ranges::any_of(waiting, [this](const Waiting& one) {
    return std::ranges::all_of(one.others, [&](const Node& other) {
      const auto told = told_.find(other.id);
      return told != told_.end() && told->second >= one.point.position;
    });
  });
}

bool Acknowledger::take(std::vector<Waiting>& waiting, bool& tell) {
  const std::lock_guard lock(mutex_);
  std::ranges::move(arrived_, std::back_inserter(waiting));
  arrived_.clear();
  tell = std::exchange(tell_, false);
  return !stopping_;
}

std::optional<Acknowledger::Seen> Acknowledger::look(const std::vector<Waiting>& waiting) {
  postgres::Connection* open = connection();
  if (open == nullptr) return std::nullopt;
  std::vector<std::int64_t> positions;
  for (const Waiting& one : waiting) {
    positions.push_back(static_cast<std::int64_t>(one.point.position));
  }
  std::ranges::sort(positions);
  const auto repeated = std::ranges::unique(positions);
  positions.erase(repeated.begin(), repeated.end());
  const postgres::Statement selects[] = {postgres::select_nodes(),
                                         postgres::select_standing(positions)};
  const auto rows = open->run_all(selects);
  if (!rows) return std::nullopt;
  Seen seen{postgres::read_nodes((*rows)[0]), postgres::read_standing((*rows)[1])};
  told_.clear();  // rows know better: a report may have been of another log
  for (const Node& node : seen.nodes) told_.emplace(node.id, node.applied);
  return seen;
}

void Acknowledger::settle(std::vector<Waiting>& waiting, const std::optional<Seen>& seen) const {
  const auto now = clock_.boot_time();
  for (Waiting& one : waiting) {
    if (seen && std::ranges::find(seen->standing, one.point) == seen->standing.end()) {
      one.is_lost = true;
      continue;
    }
    std::erase_if(one.others, [&](const Node& other) {
      if (now - one.committed_at >= patience(one, other)) return true;
      if (!seen) return false;
      const auto row = std::ranges::find(seen->nodes, other.id, &Node::id);
      if (row == seen->nodes.end()) return true;
      if (row->applied < one.point.position) return false;
      ++one.applied;
      return true;
    });
  }
}

void Acknowledger::finish(std::vector<Waiting>& waiting) {
  for (Waiting& one : waiting) {
    if (one.is_lost) {
      one.done(fail(lost()));
    } else if (one.others.empty()) {
      one.done(one.applied);
    }
  }
  std::erase_if(waiting, [](const Waiting& one) { return one.is_lost || one.others.empty(); });
}

// A report that is heard before its question has arrived is looked at when that comes.
void Acknowledger::run() {
  std::vector<Waiting> waiting;
  milliseconds pause = kPauseMin;
  std::chrono::nanoseconds next_look{};
  bool has_heard = false;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(next_look - clock_.boot_time());
    has_heard |= rest(waiting.empty() ? kNobodyWaits : std::clamp(left, milliseconds(0), pause));
    const bool nobody_waited = waiting.empty();
    bool tell = false;
    if (!take(waiting, tell)) break;
    if (tell) {
      if (auto* open = connection()) (void)postgres::notify(*open, me_);
    }
    finish(waiting);  // who is alone
    if (waiting.empty()) continue;
    if (nobody_waited) {
      pause = kPauseMin;
      next_look = clock_.boot_time() + pause;
    }
    has_heard |= is_worth_a_look(waiting);
    if (!has_heard && clock_.boot_time() < next_look) continue;
    pause = std::exchange(has_heard, false) ? kPauseMin : std::min(pause * 2, kPauseMax);
    settle(waiting, look(waiting));
    finish(waiting);
    next_look = clock_.boot_time() + pause;
  }
  for (Waiting& one : waiting) one.done(fail(stopping()));
}

}  // namespace keywright::cluster
