// server/trace_mover.h - the part of a move to PostgreSQL that takes the traces along: what was
// stored, what waits to be sent on, what could not be, and where to.
//
//   KW_TRY(auto traces, TraceMover::open(directory / "traces", target));
//   KW_CHECK_OK(traces->copy_new());     // beside a server that goes on storing; again and again
//   KW_CHECK_OK(traces->finish());       // nobody writes any more
//   KW_TRY(MovedTraces moved, traces->check());
//
// Bodies and spans go as they lie there, compressed and with their checksums. finish() compares the
// number and the revision of every trace on both sides: what was changed since it was copied is
// copied again, what was dropped is dropped. The queue keeps its sequences, so that what comes
// later is sent later.
//
// Errors: conflict/traces_too_old; internal/not_moved from check(); those of both stores.
// Threading: one thread. Lifetime: `target` outlives it. Cost: all traces once, and a look at all
// numbers; memory for some megabytes, or for one trace that is larger.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "store/postgres/connection.h"
#include "store/sqlite/sqlite.h"

namespace keywright::server {

struct MovedTraces {
  std::uint64_t traces = 0;
  std::uint64_t spans = 0;
  std::uint64_t forwardings = 0;  // platforms whose traces are sent on
  std::uint64_t queued = 0;       // messages that wait to be sent
  std::uint64_t dead_letters = 0;

  bool operator==(const MovedTraces&) const = default;
};

class TraceMover {
 public:
  // `folder` may be missing: then there are none.
  static Result<std::unique_ptr<TraceMover>> open(const std::filesystem::path& folder,
                                                  store::postgres::Connection& target);

  // Called now and then with how many traces were copied.
  void on_progress(std::function<void(std::uint64_t traces)> progress) {
    progress_ = std::move(progress);
  }
  Result<void> copy_new();
  Result<void> finish();
  Result<MovedTraces> check();

 private:
  using Numbers = std::vector<std::int64_t>;

  explicit TraceMover(store::postgres::Connection& target) : target_(target) {}

  Result<void> prepare();
  Result<void> copy(const Numbers& numbers);
  Result<void> drop(const Numbers& numbers);
  Result<void> compare();
  Result<void> move_queue();
  Result<void> mark_spans();

  store::postgres::Connection& target_;
  store::Database source_;
  bool has_source_ = false;
  store::Statement numbers_, traces_, contexts_, spans_, identities_;
  std::int64_t last_ = 0;  // that was copied
  std::uint64_t copied_ = 0;
  std::set<std::int64_t> days_;
  std::function<void(std::uint64_t traces)> progress_;
};

}  // namespace keywright::server
