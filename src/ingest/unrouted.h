// ingest/unrouted.h - what did not arrive, and why: the first thing a sender's owner looks for.
//
//   UnroutedLog log(store);
//   log.note(project, {.time = now, .key_id = key, .reason = "PLATFORM_REQUIRED", ...});
//   KW_TRY(app::UnroutedReport report, log.report(project));
//   log.keep();                                             // every few seconds, and at the end
//
// Counts by key and reason, and the last ones with their headers; never a body. What is new is in
// memory, and added to what the trace store keeps by keep(): there it is one text for each project,
// to which every process that shares the store adds. Bounded: by project, by length of every text,
// and by number of projects, of which those that were quiet for longest are forgotten.
//
// Errors: those of traces/trace_store.h.
// Threading: any thread; report() blocks. Lifetime: the store outlives the log, and is stopped
// before the log goes. Cost: note() is a short lock, report() one row.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "app/trace_reader.h"
#include "traces/trace_store.h"

namespace keywright::ingest {

class UnroutedLog {
 public:
  static constexpr std::size_t kLastMax = 100;     // of a project
  static constexpr std::size_t kCountsMax = 1000;  // of a project
  static constexpr std::size_t kProjectsMax = 1000;
  static constexpr std::size_t kTextMax = 256;
  static constexpr std::size_t kListedMax = 10'000;  // keys and reasons of the last minutes

  explicit UnroutedLog(traces::TraceStore& store) : store_(store) {}

  // Whether one that is like another of its key, for the same reason, is listed beside it. What a
  // key is refused that is not let in comes as fast as its sender can, and says no more each time.
  enum class Listing : unsigned char { each, once_a_minute };
  // `traces`: as many as this one stands for; all are counted.
  void note(domain::ProjectId project, app::UnroutedTrace trace, std::int64_t traces = 1,
            Listing listing = Listing::each);
  Result<app::UnroutedReport> report(domain::ProjectId project) const;
  std::uint64_t total() const;

  // Hands what is new to the store; nobody waits.
  void keep();

 private:
  struct OfProject {
    std::deque<app::UnroutedTrace> last;  // newest first
    std::map<std::pair<std::string, std::string>, app::UnroutedCount> counts;
    Time last_at;

    void add(const OfProject& older);
  };
  using Projects = std::unordered_map<domain::ProjectId, OfProject>;
  static OfProject parse(std::string_view text);
  static std::string text_of(const OfProject& of_project);
  static std::string join(std::string_view kept, std::string_view added);
  OfProject unkept(domain::ProjectId project) const;  // under the mutex
  void make_room();
  bool is_listed_already(const app::UnroutedTrace& trace);
  void note_kept(domain::ProjectId project, bool is_kept);

  traces::TraceStore& store_;
  mutable std::mutex mutex_;
  Projects fresh_;
  Projects on_the_way_;                                         // to the store
  std::map<std::pair<std::string, std::string>, Time> listed_;  // by key and reason
  std::uint64_t generation_ = 0;                                // counts what arrived there
  std::uint64_t total_ = 0;
};

}  // namespace keywright::ingest
