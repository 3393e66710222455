// traces/store_errors.h - what a sender or reader is told when the trace store could not do it; the
// rest is for the log.
//
//   done(fail(for_senders(error)));
//   return for_readers(std::move(result));
//
// Errors: storage_full/trace_disk_full; unavailable/trace_store_failed, /trace_store_stopping: all
// of them say when to come again.
// Threading: pure, but for the log.
#pragma once

#include "base/result.h"

namespace keywright::traces {

Error trace_store_stopping();
Error for_senders(const Error& error);
// Logs `error`.
Error read_failed(const Error& error);

template <class T>
Result<T> for_readers(Result<T> result) {
  if (result || result.error().reason() == "invalid_cursor" ||
      result.error().reason() == "trace_damaged") {
    return result;
  }
  return fail(read_failed(result.error()));
}

}  // namespace keywright::traces
