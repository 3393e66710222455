// app/usage_history.h - how often each key was let in and refused, by minute, hour and day.
//
//   UsageHistory history(directory.usage(), std::move(store), clock);
//   history.tick();                                    // every second, by the server
//   KW_TRY(UsageReport report, history.report(serial, {from, to, UsageStep::hour}));
//   history.stop();                                    // writes what was counted last
//
// The cells of app/usage.h count. When a minute has ended, a thread of the history's own takes the
// counts and writes them under that minute (store/usage_store.h). Answers add what the cells hold
// of the running one, so they are at most as far behind as io threads are in writing their uses
// down: a second.
//
// When writing fails, what was taken is kept and tried again a minute later; meanwhile the cells go
// on counting, so memory is bounded by one minute's keys. What a process that was killed had
// counted is in the cells, which are a mapped file, and is written under the minute in which the
// next one runs; why its refusals were refused is lost, they are told as OTHER.
//
// Errors: unavailable, storage_full when the store cannot be read.
// Threading: tick() and stop() by one thread, reports by any that may block.
// Lifetime: meter and clock outlive it. Cost: a minute is one pass over all cells and one
// transaction; a report is one look-up for each step. A report waits half a second for a minute
// that is being written, then it is told without it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "app/key_views.h"
#include "app/usage.h"
#include "base/clock.h"
#include "json/describe.h"
#include "store/usage_store.h"

namespace keywright::app {

using store::UsageStep;

struct UsagePoint {
  Time at;
  std::int64_t accepted = 0;
  std::map<std::string, std::int64_t> refused;
};
KW_DESCRIBE(UsagePoint, field<&UsagePoint::at>("at", "When the step begins."),
            field<&UsagePoint::accepted>("accepted", "Accepted uses."),
            field<&UsagePoint::refused>("refused",
                                        "Refused uses by their code, as a check answers it; "
                                        "OTHER where it is not known any more."))

struct UsageReport {
  Time from;
  Time to;
  UsageStep step = UsageStep::hour;
  std::vector<UsagePoint> points;
  std::int64_t accepted = 0;
  std::int64_t refused = 0;
};
KW_DESCRIBE(UsageReport, field<&UsageReport::from>("from", "When the first step begins."),
            field<&UsageReport::to>("to", "When the last step ends."),
            field<&UsageReport::step>("step", "minute, hour or day (UTC)."),
            field<&UsageReport::points>("points", "Every step, oldest first, also empty ones."),
            field<&UsageReport::accepted>("accepted", "Accepted uses of all steps."),
            field<&UsageReport::refused>("refused", "Refused uses of all steps."))

// Whole steps: [from, to).
struct UsageWindow {
  Time from;
  Time to;
  UsageStep step = UsageStep::hour;

  std::int64_t steps() const;
};

inline constexpr std::int64_t kUsageStepsMax = 1500;
inline constexpr int kUsageDaysOfList = 30;

// What was asked for, in whole steps. Left out: until the end of the running step, and from 24
// hours before that, or 30 days where the step is a day.
Result<UsageWindow> usage_window(std::optional<Time> from, std::optional<Time> to, UsageStep step,
                                 Time now);

class UsageHistory {
 public:
  UsageHistory(UsageMeter& meter, std::unique_ptr<store::UsageStore> store, const Clock& clock);
  ~UsageHistory() { stop(); }
  UsageHistory(const UsageHistory&) = delete;
  UsageHistory& operator=(const UsageHistory&) = delete;

  // If a minute has ended, has it written.
  void tick();
  // Takes what was counted and writes it, now and here.
  void write(Time minute);
  void stop();

  Result<UsageReport> report(std::int64_t serial, const UsageWindow& window);
  // For a list of keys: the last 30 days of each, in the order of the serials.
  Result<std::vector<KeyUsage>> last_days(std::span<const std::int64_t> serials);

 private:
  using Counts = std::vector<store::UsageCount>;  // by serial, ascending

  void loop();
  void set_writing(bool writing);
  bool write_untold();
  void put_back();
  Counts take();
  // What is not in the store yet, as rows of steps.
  std::vector<store::UsageRow> not_stored(std::span<const std::int64_t> serials,
                                          const UsageWindow& window, bool with_untold) const;
  void add_untold(std::int64_t serial, const UsageWindow& window,
                  std::vector<store::UsageRow>& rows) const;
  void add_cells(std::int64_t serial, Time at, std::vector<store::UsageRow>& rows) const;
  Result<std::vector<store::UsageRow>> rows_of(std::span<const std::int64_t> serials,
                                               const UsageWindow& window);

  UsageMeter& meter_;
  const std::unique_ptr<store::UsageStore> store_;
  const Clock& clock_;
  std::atomic<Time> running_;  // the minute to which the cells belong

  std::mutex counts_mutex_;  // guards what follows
  std::condition_variable written_;
  bool writing_ = false;      // only who writes may look at what is untold
  std::uint64_t writes_ = 0;  // begun and ended
  Counts untold_;             // taken, not written yet
  Time untold_minute_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::optional<Time> due_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace keywright::app
