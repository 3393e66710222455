#include "server/trace_door.h"

namespace keywright::server {

TraceDoor::TraceDoor(app::App& app, const Config& config, std::unique_ptr<traces::TraceStore> store)
    : store_(std::move(store)),
      reader_(*store_, unrouted_),
      face_(app, *store_, unrouted_, {.trusted_proxies = config.trusted_proxies}) {}

Result<std::unique_ptr<TraceDoor>> TraceDoor::open(app::App& app, const Config& config,
                                                   const std::filesystem::path& directory,
                                                   Random& random) {
  KW_TRY(auto store, traces::TraceStore::open(directory, {}, app.clock, random));
  return std::unique_ptr<TraceDoor>(new TraceDoor(app, config, std::move(store)));
}

void TraceDoor::drop_old_traces(app::Committer& committer) {
  committer.post([this](app::Change& change) -> Result<void> {
    traces::Retention retention;
    change.for_each<domain::Project>([&](const domain::Project& project) {
      const std::int64_t days = project.trace_retention_days.value_or(kTraceRetentionDays);
      retention[project.id] = change.now - std::chrono::days(days);
    });
    store_->keep(std::move(retention));
    return {};
  });
}

void TraceDoor::write_metrics(rest::MetricsText& text) const {
  text.counter("keywright_traces_stored_total", "Traces that were stored or added to.",
               static_cast<double>(store_->stored()));
  text.counter("keywright_trace_commits_total", "Commits of the trace store; many share one.",
               static_cast<double>(store_->commits()));
  text.counter("keywright_traces_refused_total", "Requests with traces that were not stored.",
               static_cast<double>(unrouted_.total()));
}

void TraceDoor::stop() {
  face_.stop();
  store_->stop();
}

}  // namespace keywright::server
