#include "traces/store_errors.h"

#include "base/log.h"

namespace keywright::traces {
namespace {

constexpr int kRetryAfterSeconds = 2;

Error unavailable(std::string_view reason, std::string_view detail) {
  return Error(Code::unavailable, reason, detail).with_retry_after_seconds(kRetryAfterSeconds);
}

}  // namespace

Error trace_store_stopping() {
  return unavailable("trace_store_stopping", "The server is stopping; try again in a moment.");
}

Error for_senders(const Error& error) {
  if (error.code() == Code::storage_full) {
    return Error(Code::storage_full, "trace_disk_full",
                 "There is no room for traces at the moment; try again later.")
        .with_retry_after_seconds(kRetryAfterSeconds);
  }
  return unavailable("trace_store_failed", "Traces cannot be stored at the moment; try again.");
}

Error read_failed(const Error& error) {
  log_error("traces_not_read", {{"problem", error.reason()}, {"why", error.internal()}});
  return unavailable("trace_store_failed", "Traces cannot be read at the moment.");
}

}  // namespace keywright::traces
