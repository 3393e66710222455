#include "traces/trace_store.h"

#include <future>

namespace keywright::traces {

Result<void> TraceStore::run_work(Work work) {
  std::promise<Result<void>> promise;
  submit_work(std::move(work), [&](Result<void> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

}  // namespace keywright::traces
