#include "ingest/unrouted.h"

#include <algorithm>
#include <iterator>

#include "json/codec.h"

namespace keywright::ingest {
namespace {

struct KeptReport {
  std::vector<app::UnroutedTrace> items;
  std::vector<app::UnroutedCount> counts;
};
KW_DESCRIBE(KeptReport, field<&KeptReport::items>("items", ""),
            field<&KeptReport::counts>("counts", ""))

constexpr int kAttempts = 3;

}  // namespace

void UnroutedLog::note(domain::ProjectId project, app::UnroutedTrace trace, std::int64_t traces,
                       Listing listing) {
  for (std::string* text :
       {&trace.message, &trace.path, &trace.content_type, &trace.user_agent, &trace.external_id}) {
    if (text->size() > kTextMax) text->resize(kTextMax);
  }
  const std::lock_guard lock(mutex_);
  total_ += static_cast<std::uint64_t>(traces);
  if (!fresh_.contains(project)) make_room();
  OfProject& of_project = fresh_[project];
  of_project.last_at = trace.time;
  const std::pair key{trace.key_id, trace.reason};
  if (of_project.counts.size() < kCountsMax || of_project.counts.contains(key)) {
    app::UnroutedCount& count = of_project.counts[key];
    count.key_id = trace.key_id;
    count.reason = trace.reason;
    count.count += traces;
    count.last_at = trace.time;
  }
  if (listing == Listing::once_a_minute && is_listed_already(trace)) return;
  of_project.last.push_front(std::move(trace));
  if (of_project.last.size() > kLastMax) of_project.last.pop_back();
}

bool UnroutedLog::is_listed_already(const app::UnroutedTrace& trace) {
  if (listed_.size() >= kListedMax) listed_.clear();
  const auto [found, fresh] = listed_.try_emplace({trace.key_id, trace.reason}, trace.time);
  if (!fresh && trace.time - found->second < std::chrono::minutes{1}) return true;
  found->second = trace.time;
  return false;
}

void UnroutedLog::make_room() {
  if (fresh_.size() < kProjectsMax) return;
  const auto quieter = [](const auto& a, const auto& b) {
    return a.second.last_at < b.second.last_at;
  };
  fresh_.erase(std::min_element(fresh_.begin(), fresh_.end(), quieter));
}

void UnroutedLog::OfProject::add(const OfProject& older) {
  last_at = std::max(last_at, older.last_at);
  std::deque<app::UnroutedTrace> both;  // newest first, as each of the two is
  std::ranges::merge(last, older.last, std::back_inserter(both), std::ranges::greater(),
                     &app::UnroutedTrace::time, &app::UnroutedTrace::time);
  last = std::move(both);
  if (last.size() > kLastMax) last.resize(kLastMax);
  for (const auto& [key, count] : older.counts) {
    const auto [found, fresh] = counts.try_emplace(key, count);
    if (fresh) continue;
    found->second.count += count.count;
    found->second.last_at = std::max(found->second.last_at, count.last_at);
  }
  while (counts.size() > kCountsMax) {
    const auto quieter = [](const auto& a, const auto& b) {
      return a.second.last_at < b.second.last_at;
    };
    counts.erase(std::min_element(counts.begin(), counts.end(), quieter));
  }
}

UnroutedLog::OfProject UnroutedLog::parse(std::string_view text) {
  OfProject of_project;
  auto kept = json::decode<KeptReport>(text, {.form = json::Form::response});
  if (!kept) return of_project;  // nothing was kept, or it cannot be read
  for (app::UnroutedCount& count : kept->counts) {
    of_project.last_at = std::max(of_project.last_at, count.last_at);
    of_project.counts.emplace(std::pair(count.key_id, count.reason), count);
  }
  of_project.last.assign(std::make_move_iterator(kept->items.begin()),
                         std::make_move_iterator(kept->items.end()));
  return of_project;
}

std::string UnroutedLog::text_of(const OfProject& of_project) {
  KeptReport report;
  report.items.assign(of_project.last.begin(), of_project.last.end());
  for (const auto& [key, count] : of_project.counts) report.counts.push_back(count);
  return json::encode(report);
}

std::string UnroutedLog::join(std::string_view kept, std::string_view added) {
  OfProject all = parse(added);
  all.add(parse(kept));
  return text_of(all);
}

UnroutedLog::OfProject UnroutedLog::unkept(domain::ProjectId project) const {
  OfProject all;
  for (const Projects* projects : {&fresh_, &on_the_way_}) {
    const auto found = projects->find(project);
    if (found != projects->end()) all.add(found->second);
  }
  return all;
}

Result<app::UnroutedReport> UnroutedLog::report(domain::ProjectId project) const {
  OfProject all;
  for (int attempt = 1;; ++attempt) {
    std::uint64_t generation = 0;
    {
      const std::lock_guard lock(mutex_);
      generation = generation_;
      all = unkept(project);
    }
    KW_TRY(const std::string kept, store_.unrouted(project));
    const std::lock_guard lock(mutex_);
    // What arrived in the store meanwhile would count twice.
    if (generation != generation_ && attempt < kAttempts) continue;
    all.add(parse(kept));
    break;
  }
  app::UnroutedReport report;
  report.items.assign(all.last.begin(), all.last.end());
  for (const auto& [key, count] : all.counts) report.counts.push_back(count);
  return report;
}

void UnroutedLog::keep() {
  std::vector<std::pair<domain::ProjectId, OfProject>> leaving;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [project, of_project] : fresh_) {
      if (on_the_way_.contains(project)) continue;
      leaving.emplace_back(project, of_project);
      on_the_way_.emplace(project, std::move(of_project));
    }
    for (const auto& [project, of_project] : leaving) fresh_.erase(project);
  }
  for (const auto& [project, of_project] : leaving) {
    store_.add_unrouted(
        project, of_project.last_at, text_of(of_project), join,
        [this, id = project](const Result<void>& done) { note_kept(id, done.has_value()); });
  }
}

void UnroutedLog::note_kept(domain::ProjectId project, bool is_kept) {
  const std::lock_guard lock(mutex_);
  const auto found = on_the_way_.find(project);
  if (is_kept) {
    ++generation_;
  } else {
    fresh_[project].add(found->second);
  }
  on_the_way_.erase(found);
}

std::uint64_t UnroutedLog::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace keywright::ingest
