#include "traces/trace_store.h"

#include <algorithm>
#include <future>

namespace keywright::traces {

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

}  // namespace keywright::traces
