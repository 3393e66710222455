// app/shared_log.h - what the writer has to do where other nodes write to the same store.
//
//   KW_TRY(bool moved, log.begin()); // the records in memory are the newest; nobody else writes
//   ...                              // decide, commit, publish
//   log.end();
//   log.when_applied(SharedLog::Wait::for_all, [](Result<int> nodes) { ... });
//
// One node alone has none. cluster/cluster.h is the one for several.
//
// Errors: begin(): unavailable/store_unavailable. when_applied() gives unavailable/stopping when
// the process ends first; what was committed stays so.
// Threading: writer thread; what is given to when_applied() runs on a thread of the log's own.
#pragma once

#include <functional>

#include "base/result.h"

namespace keywright::app {

class SharedLog {
 public:
  virtual ~SharedLog() = default;

  // True: others' changes were published to the records in memory, and the barrier has to be passed
  // before end().
  virtual Result<bool> begin() = 0;
  virtual void end() = 0;

  // Until no node acts on what was before; or, for what takes nothing away, not longer than a
  // healthy node needs: it is waited for only so that the next request may go to any node.
  enum class Wait : unsigned char { for_all, briefly };

  // For what is durable now. The number of nodes that have applied it, this one included.
  virtual void when_applied(Wait wait, std::function<void(Result<int> nodes)> done) = 0;
};

}  // namespace keywright::app
