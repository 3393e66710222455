#include "ingest/unrouted.h"

#include <algorithm>

#include "json/codec.h"

namespace keywright::ingest {
namespace {

struct KeptReport {
  domain::ProjectId project_id;
  std::vector<app::UnroutedTrace> items;
  std::vector<app::UnroutedCount> counts;
};
KW_DESCRIBE(KeptReport, field<&KeptReport::project_id>("project_id", ""),
            field<&KeptReport::items>("items", ""), field<&KeptReport::counts>("counts", ""))

}  // namespace

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
  of_project.changed = true;
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

app::UnroutedReport UnroutedLog::report_of(const OfProject& of_project) {
  app::UnroutedReport report;
  report.items.assign(of_project.last.begin(), of_project.last.end());
  for (const auto& [key, count] : of_project.counts) report.counts.push_back(count);
  return report;
}

app::UnroutedReport UnroutedLog::report(domain::ProjectId project) const {
  const std::lock_guard lock(mutex_);
  const auto found = projects_.find(project);
  return found == projects_.end() ? app::UnroutedReport() : report_of(found->second);
}

std::vector<UnroutedLog::Kept> UnroutedLog::take_changed() {
  std::vector<Kept> kept;
  const std::lock_guard lock(mutex_);
  for (auto& [project, of_project] : projects_) {
    if (!std::exchange(of_project.changed, false)) continue;
    app::UnroutedReport report = report_of(of_project);
    const KeptReport text{project, std::move(report.items), std::move(report.counts)};
    kept.push_back({project, of_project.last_at, json::encode(text)});
  }
  return kept;
}

void UnroutedLog::restore(const std::vector<std::string>& texts) {
  const std::lock_guard lock(mutex_);
  for (const std::string& text : texts) {
    auto kept = json::decode<KeptReport>(text, {.form = json::Form::response});
    if (!kept || kept->items.empty()) continue;
    OfProject& of_project = projects_[kept->project_id];
    of_project.last_at = kept->items.front().time;
    for (app::UnroutedCount& count : kept->counts) {
      of_project.counts.emplace(std::pair(count.key_id, count.reason), count);
    }
    of_project.last.assign(std::make_move_iterator(kept->items.begin()),
                           std::make_move_iterator(kept->items.end()));
  }
}

std::uint64_t UnroutedLog::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace keywright::ingest
