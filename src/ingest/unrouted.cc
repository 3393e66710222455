#include "ingest/unrouted.h"

#include <algorithm>

namespace keywright::ingest {

void UnroutedLog::note(domain::ProjectId project, app::UnroutedTrace trace) {
  for (std::string* text :
       {&trace.message, &trace.path, &trace.content_type, &trace.user_agent, &trace.external_id}) {
    if (text->size() > kTextMax) text->resize(kTextMax);
  }
  const std::lock_guard lock(mutex_);
  ++total_;
  if (!projects_.contains(project)) make_room();
  OfProject& of_project = projects_[project];
  of_project.last_at = trace.time;
  const std::pair key{trace.key_id, trace.reason};
  if (of_project.counts.size() < kCountsMax || of_project.counts.contains(key)) {
    app::UnroutedCount& count = of_project.counts[key];
    count.key_id = trace.key_id;
    count.reason = trace.reason;
    count.count += 1;
    count.last_at = trace.time;
  }
  of_project.last.push_front(std::move(trace));
  if (of_project.last.size() > kLastMax) of_project.last.pop_back();
}

void UnroutedLog::make_room() {
  if (projects_.size() < kProjectsMax) return;
  const auto quieter = [](const auto& a, const auto& b) {
    return a.second.last_at < b.second.last_at;
  };
  projects_.erase(std::min_element(projects_.begin(), projects_.end(), quieter));
}

app::UnroutedReport UnroutedLog::report(domain::ProjectId project) const {
  app::UnroutedReport report;
  const std::lock_guard lock(mutex_);
  const auto found = projects_.find(project);
  if (found == projects_.end()) return report;
  report.items.assign(found->second.last.begin(), found->second.last.end());
  for (const auto& [key, count] : found->second.counts) report.counts.push_back(count);
  return report;
}

std::uint64_t UnroutedLog::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace keywright::ingest
