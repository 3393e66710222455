#include "app/usage_history.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/log.h"

namespace keywright::app {

namespace {

using domain::Outcome;
using store::begin_of;
using store::length_of;
using store::number_of;
using store::UsageCount;
using store::UsageRow;

constexpr std::int64_t kAccepted = 0;
constexpr std::chrono::milliseconds kPatience{500};
constexpr int kAttemptsMax = 3;

// The numbers under which reasons are stored: new ones come last, none is given twice.
constexpr std::array<Outcome, 13> kStoredReasons = {
    Outcome::malformed,      Outcome::not_found,
    Outcome::revoked,        Outcome::expired,
    Outcome::idle_timeout,   Outcome::disabled,
    Outcome::owner_inactive, Outcome::wrong_audience,
    Outcome::out_of_scope,   Outcome::insufficient_permission,
    Outcome::ip_not_allowed, Outcome::rate_limited,
    Outcome::usage_exceeded};
constexpr std::int64_t kOther = 255;

std::int64_t stored(Outcome why) {
  const auto found = std::ranges::find(kStoredReasons, why);
  return found == kStoredReasons.end() ? kOther : found - kStoredReasons.begin() + 1;
}

std::string name_of_stored(std::int64_t reason) {
  const bool known = reason > 0 && reason <= static_cast<std::int64_t>(kStoredReasons.size());
  if (!known) return "OTHER";
  return std::string(domain::name_of(kStoredReasons[static_cast<std::size_t>(reason - 1)]));
}

Time end_of(UsageStep step, Time at) {
  const Time begin = begin_of(step, at);
  return begin == at ? at : begin + length_of(step);
}

}  // namespace

std::int64_t UsageWindow::steps() const { return (to - from) / length_of(step); }

Result<UsageWindow> usage_window(std::optional<Time> from, std::optional<Time> to, UsageStep step,
                                 Time now) {
  UsageWindow window;
  window.step = step;
  window.to = to ? end_of(step, *to) : begin_of(step, now) + length_of(step);
  const std::chrono::milliseconds usual =
      step == UsageStep::day ? std::chrono::days{30} : std::chrono::days{1};
  window.from = from ? begin_of(step, *from) : window.to - usual;
  if (window.from >= window.to) return fail(invalid_field("to", "must be later than from"));
  if (window.steps() > kUsageStepsMax) {
    return fail(invalid_field(
        "step", fmt::format("makes {} steps of that time; at most {}: choose a longer one",
                            window.steps(), kUsageStepsMax)));
  }
  return window;
}

UsageHistory::UsageHistory(UsageMeter& meter, std::unique_ptr<store::UsageStore> store,
                           const Clock& clock)
    : meter_(meter),
      store_(std::move(store)),
      clock_(clock),
      running_(begin_of(UsageStep::minute, clock.now())),
      thread_([this] { loop(); }) {}

void UsageHistory::tick() {
  const Time minute = begin_of(UsageStep::minute, clock_.now());
  const Time before = running_.exchange(minute);
  if (minute == before) return;  // also when the clock was put back, another minute is another one
  const std::lock_guard lock(mutex_);
  due_ = before;
  wake_.notify_one();
}

void UsageHistory::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || due_; });
    if (stopping_) return;
    const Time minute = *std::exchange(due_, std::nullopt);
    lock.unlock();
    write(minute);
    if (auto dropped = store_->drop_old(clock_.now()); !dropped) {
      log_warning("usage_not_dropped", {{"problem", dropped.error().internal()}});
    }
    lock.lock();
  }
}

void UsageHistory::set_writing(bool writing) {
  {
    const std::lock_guard lock(counts_mutex_);
    writing_ = writing;
    ++writes_;
  }
  written_.notify_all();
}

void UsageHistory::write(Time minute) {
  set_writing(true);
  if (write_untold()) {  // else the cells go on counting
    untold_minute_ = minute;
    untold_ = take();
    write_untold();
  }
  set_writing(false);
}

bool UsageHistory::write_untold() {
  if (untold_.empty()) return true;
  if (auto added = store_->add(untold_minute_, untold_); !added) {
    log_error("usage_not_written",
              {{"problem", added.error().detail()}, {"internal", added.error().internal()}});
    return false;
  }
  untold_ = {};  // not clear(): its memory is given back
  return true;
}

// Refusals for which no reason was noted are those whose table was full, or whose process died.
UsageHistory::Counts UsageHistory::take() {
  TakenCounts taken = meter_.take_counts();
  std::ranges::sort(taken.refusals, {}, &RefusalCount::serial);
  Counts counts;
  counts.reserve(taken.keys.size() + taken.refusals.size());
  auto refusal = taken.refusals.cbegin();
  const auto add_refusals = [&](std::int64_t before) {
    std::int64_t sum = 0;
    for (; refusal != taken.refusals.cend() && refusal->serial < before; ++refusal) {
      counts.push_back({refusal->serial, stored(refusal->why), refusal->count});
      sum += refusal->count;
    }
    return sum;
  };
  for (const KeyCounts& key : taken.keys) {
    add_refusals(key.serial);
    if (key.accepted > 0) counts.push_back({key.serial, kAccepted, key.accepted});
    const std::int64_t told = add_refusals(key.serial + 1);
    if (key.refused > told) counts.push_back({key.serial, kOther, key.refused - told});
  }
  add_refusals(std::numeric_limits<std::int64_t>::max());
  return counts;
}

void UsageHistory::put_back() {
  for (const UsageCount& count : untold_) {
    UsageCell& cell = meter_.file().cell(count.serial);
    (count.reason == kAccepted ? cell.accepted : cell.refused)
        .fetch_add(static_cast<std::uint32_t>(count.count), std::memory_order_relaxed);
  }
  untold_.clear();
}

void UsageHistory::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  write(running_);
  put_back();
}

void UsageHistory::add_cells(std::int64_t serial, Time at, std::vector<UsageRow>& rows) const {
  if (serial >= meter_.file().cells()) return;
  const UsageCell& cell = meter_.file().cell(serial);
  const std::int64_t accepted = cell.accepted.load(std::memory_order_relaxed);
  const std::int64_t refused = cell.refused.load(std::memory_order_relaxed);
  if (accepted > 0) rows.push_back({at, serial, kAccepted, accepted});
  if (refused == 0) return;
  std::int64_t told = 0;
  for (const Outcome why : kStoredReasons) {
    const std::int64_t count = meter_.refusals().count_of(serial, why);
    if (count == 0) continue;
    rows.push_back({at, serial, stored(why), count});
    told += count;
  }
  if (refused > told) rows.push_back({at, serial, kOther, refused - told});
}

void UsageHistory::add_untold(std::int64_t serial, const UsageWindow& window,
                              std::vector<UsageRow>& rows) const {
  const Time at = begin_of(window.step, untold_minute_);
  for (const UsageCount& count :
       std::ranges::equal_range(untold_, serial, {}, &UsageCount::serial)) {
    rows.push_back({at, serial, count.reason, count.count});
  }
}

std::vector<UsageRow> UsageHistory::not_stored(std::span<const std::int64_t> serials,
                                               const UsageWindow& window, bool with_untold) const {
  const auto is_asked_for = [&](Time at) { return at >= window.from && at < window.to; };
  const Time running = running_;
  std::vector<UsageRow> rows;
  for (const std::int64_t serial : serials) {
    if (with_untold && is_asked_for(untold_minute_)) add_untold(serial, window, rows);
    if (is_asked_for(running)) add_cells(serial, begin_of(window.step, running), rows);
  }
  return rows;
}

// What was taken meanwhile would be told twice or not at all, so then it is read again.
Result<std::vector<UsageRow>> UsageHistory::rows_of(std::span<const std::int64_t> serials,
                                                    const UsageWindow& window) {
  for (int attempt = 1;; ++attempt) {
    std::unique_lock lock(counts_mutex_);
    const bool settled = written_.wait_for(lock, kPatience, [&] { return !writing_; });
    const std::uint64_t seen = writes_;
    const std::vector<UsageRow> more = not_stored(serials, window, settled);
    lock.unlock();
    KW_TRY(auto rows, store_->read(serials, window.step, window.from, window.to));
    lock.lock();
    if (settled && writes_ != seen && attempt < kAttemptsMax) continue;
    rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }
}

Result<UsageReport> UsageHistory::report(std::int64_t serial, const UsageWindow& window) {
  UsageReport report{window.from, window.to, window.step, {}, 0, 0};
  report.points.resize(static_cast<std::size_t>(window.steps()));
  const std::int64_t first = number_of(window.step, window.from);
  for (std::size_t i = 0; i < report.points.size(); ++i) {
    report.points[i].at = begin_of(window.step, first + static_cast<std::int64_t>(i));
  }
  const std::int64_t serials[] = {serial};
  KW_TRY(const auto rows, rows_of(serials, window));
  for (const UsageRow& row : rows) {
    UsagePoint& point =
        report.points[static_cast<std::size_t>(number_of(window.step, row.at) - first)];
    if (row.reason == kAccepted) {
      point.accepted += row.count;
      report.accepted += row.count;
    } else {
      point.refused[name_of_stored(row.reason)] += row.count;
      report.refused += row.count;
    }
  }
  return report;
}

Result<std::vector<KeyUsage>> UsageHistory::last_days(std::span<const std::int64_t> serials) {
  UsageWindow window;
  window.step = UsageStep::day;
  window.to = begin_of(window.step, clock_.now()) + length_of(window.step);
  window.from = window.to - std::chrono::days{kUsageDaysOfList};
  KW_TRY(const auto rows, rows_of(serials, window));
  std::vector<KeyUsage> usages(serials.size());
  std::map<std::int64_t, KeyUsage*> by_serial;
  for (std::size_t i = 0; i < serials.size(); ++i) {
    usages[i].step = "day";
    usages[i].accepted.resize(kUsageDaysOfList);
    usages[i].refused.resize(kUsageDaysOfList);
    by_serial[serials[i]] = &usages[i];
  }
  const std::int64_t first = number_of(window.step, window.from);
  for (const UsageRow& row : rows) {
    KeyUsage& usage = *by_serial[row.serial];
    auto& counts = row.reason == kAccepted ? usage.accepted : usage.refused;
    counts[static_cast<std::size_t>(number_of(window.step, row.at) - first)] += row.count;
  }
  return usages;
}

}  // namespace keywright::app
