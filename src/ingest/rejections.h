// ingest/rejections.h - why traces of one request were refused: each reason once, counted.
//
//   Rejections rejections;
//   rejections.add(refusal_of(route.outcome), trace.spans.size());
//   for (const Rejections::Reason& reason : rejections.reasons) note(reason.refusal,
//   reason.traces);
//
// Threading: one thread. Cost: a comparison with each reason so far; there are few.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ingest/answer.h"

namespace keywright::ingest {

struct Rejections {
  struct Reason {
    Refusal refusal;  // the first of them
    std::int64_t traces = 0;
  };
  std::int64_t spans = 0;
  std::vector<Reason> reasons;  // in the order in which they were met

  void add(Refusal refusal, std::int64_t refused_spans, std::int64_t traces = 1) {
    spans += refused_spans;
    for (Reason& reason : reasons) {
      if (reason.refusal.code != refusal.code) continue;
      reason.traces += traces;
      return;
    }
    reasons.push_back({std::move(refusal), traces});
  }
};

}  // namespace keywright::ingest
