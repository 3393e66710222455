// ingest/batch.h - reads many native traces out of one body.
//
//   KW_TRY(std::vector<BatchItem> items, read_batch(body));
//   for (BatchItem& item : items) {
//     if (!item.trace) refuse(item.id, item.trace.error());
//   }
//
// {"traces":[{"id":"item-1","data":{...}},...]}: 1 to kBatchItemsMax bodies as /public/traces takes
// them one by one, each with an `id` of its sender's if he likes. What is wrong with one of them is
// said of that one; the error of read_batch() is of the body as a whole.
//
// Errors: invalid_argument/malformed_json, /invalid_request; too_large/too_many_traces.
// Threading: pure; large bodies are read on a worker. Cost: two passes over the body, and a copy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "traces/received.h"

namespace keywright::ingest {

inline constexpr std::size_t kBatchItemsMax = 500;

struct BatchItem {
  std::optional<std::string> id;      // as its sender calls it
  std::string body;                   // as posted
  Result<traces::NativeTrace> trace;  // or what is wrong with it
  std::optional<traces::Packed> packed_body;
};

Result<std::vector<BatchItem>> read_batch(const std::string& body);

}  // namespace keywright::ingest
