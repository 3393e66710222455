// ingest/unrouted.h - what did not arrive, and why: the first thing a sender's owner looks for.
//
//   log.note(project, {.time = now, .key_id = key, .reason = "PLATFORM_REQUIRED", ...});
//   app::UnroutedReport report = log.report(project);
//   for (auto& kept : log.take_changed()) store.keep_unrouted(kept.project, kept.at, kept.text);
//   log.restore(texts);                                     // after a restart
//
// Counts by key and reason, and the last ones with their headers; never a body. Kept in memory and
// bounded: by project, by length of every text, and by number of projects, of which those that were
// quiet for longest are forgotten. The trace store keeps a copy of each project's report, a few
// seconds old (server/trace_door.h).
//
// Threading: any thread. Cost: a short lock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

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

  // What is to be kept of the projects in which something happened since this was asked last.
  struct Kept {
    domain::ProjectId project;
    Time at;
    std::string text;  // JSON
  };
  std::vector<Kept> take_changed();
  // What cannot be read is left out. Before the first note().
  void restore(const std::vector<std::string>& texts);

 private:
  struct OfProject {
    std::deque<app::UnroutedTrace> last;  // newest first
    std::map<std::pair<std::string, std::string>, app::UnroutedCount> counts;
    Time last_at;
    bool changed = false;
  };
  static app::UnroutedReport report_of(const OfProject& of_project);
  void make_room();

  mutable std::mutex mutex_;
  std::unordered_map<domain::ProjectId, OfProject> projects_;
  std::uint64_t total_ = 0;
};

}  // namespace keywright::ingest
