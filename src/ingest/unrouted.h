// ingest/unrouted.h - what did not arrive, and why: the first thing a sender's owner looks for.
//
//   log.note(project, {.time = now, .key_id = key, .reason = "PLATFORM_REQUIRED", ...});
//   app::UnroutedReport report = log.report(project);
//
// Counts by key and reason, and the last ones with their headers; never a body. Kept in memory and
// bounded: by project, by length of every text, and by number of projects, of which those that were
// quiet for longest are forgotten. A restart begins anew.
//
// Threading: any thread. Cost: a short lock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "app/trace_reader.h"

namespace keywright::ingest {

class UnroutedLog {
 public:
  static constexpr std::size_t kLastMax = 100;     // of a project
  static constexpr std::size_t kCountsMax = 1000;  // of a project
  static constexpr std::size_t kProjectsMax = 1000;
  static constexpr std::size_t kTextMax = 256;

  void note(domain::ProjectId project, app::UnroutedTrace trace);
  app::UnroutedReport report(domain::ProjectId project) const;
  std::uint64_t total() const;

 private:
  struct OfProject {
    std::deque<app::UnroutedTrace> last;  // newest first
    std::map<std::pair<std::string, std::string>, app::UnroutedCount> counts;
    Time last_at;
  };
  void make_room();

  mutable std::mutex mutex_;
  std::unordered_map<domain::ProjectId, OfProject> projects_;
  std::uint64_t total_ = 0;
};

}  // namespace keywright::ingest
