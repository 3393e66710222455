#include "traces/trace_store.h"

#include <algorithm>
#include <future>

#include "base/log.h"

namespace keywright::traces {
namespace {

constexpr std::size_t kLoggedDamageMax = 1000;

}  // namespace

Result<void> TraceStore::run_work(Work work) {
  std::promise<Result<void>> promise;
  submit_work(std::move(work), [&](Result<void> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

Result<std::optional<ForwardingRow>> TraceStore::forwarding(domain::PlatformId platform) {
  KW_TRY(std::vector<ForwardingRow> rows, forwardings());
  const auto found = std::ranges::find(rows, platform, &ForwardingRow::platform);
  if (found == rows.end()) return std::nullopt;
  return std::move(*found);
}

void TraceStore::note_damaged(const Page& page) {
  for (const Number number : page.damaged) note_damaged(std::to_string(number));
}

void TraceStore::note_damaged(const Error& error, std::string_view trace) {
  if (error.reason() == "trace_damaged") note_damaged(trace);
}

void TraceStore::note_damaged(std::string_view trace) {
  damaged_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(damaged_mutex_);
    if (logged_damage_.size() == kLoggedDamageMax) return;
    if (!logged_damage_.emplace(trace).second) return;
  }
  log_error("trace_damaged", {{"trace", trace}});
}

}  // namespace keywright::traces
