#include "server/trace_door.h"

#include "base/log.h"
#include "store/postgres/postgres_store.h"
#include "traces/postgres/postgres_trace_store.h"
#include "traces/sqlite_trace_store.h"

namespace keywright::server {

namespace {

constexpr unsigned kLooksBetweenKeeping = 5;

forwarding::ForwarderOptions forwarder_options(const app::App& app, const Config& config) {
  forwarding::ForwarderOptions options;
  options.allowed_upstreams = config.allowed_upstreams;
  options.lane.user_agent = "Keywright/" + app.settings.version;
  return options;
}

// Nodes that share their records share their traces.
Result<std::unique_ptr<traces::TraceStore>> open_store(app::App& app,
                                                       const std::filesystem::path& directory,
                                                       Random& random) {
  if (auto* shared = dynamic_cast<store::postgres::PostgresStore*>(&app.store)) {
    std::error_code ignored;
    if (std::filesystem::exists(directory / "traces.db", ignored)) {
      log_warning("earlier_traces_not_shown", {{"directory", directory.native()}});
    }
    KW_TRY(auto store, traces::PostgresTraceStore::open(*shared, {}, app.clock, random));
    return store;
  }
  KW_TRY(auto store, traces::SqliteTraceStore::open(directory, {}, app.clock, random));
  return store;
}

}  // namespace

TraceDoor::TraceDoor(app::App& app, const Config& config, std::unique_ptr<traces::TraceStore> store)
    : app_(app),
      store_(std::move(store)),
      unrouted_(*store_),
      forwarder_(*store_, app.directory.keyring(), app.clock, app.random,
                 forwarder_options(app, config)),
      reader_(*store_, unrouted_),
      face_(app, *store_, unrouted_, {.trusted_proxies = config.trusted_proxies}) {}

Result<std::unique_ptr<TraceDoor>> TraceDoor::open(app::App& app, const Config& config,
                                                   const std::filesystem::path& directory,
                                                   Random& random) {
  KW_TRY(auto store, open_store(app, directory, random));
  std::unique_ptr<TraceDoor> door(new TraceDoor(app, config, std::move(store)));
  KW_CHECK_OK(door->forwarder_.start());
  door->reader_.set_forwarding(&door->forwarder_);
  return door;
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

void TraceDoor::look_around() {
  if (++looks_ % kLooksBetweenKeeping == 0) unrouted_.keep();
  forget_deleted_platforms();
}

void TraceDoor::forget_deleted_platforms() {
  const std::uint64_t epoch = app_.directory.epoch();
  if (std::exchange(epoch_, epoch) == epoch) return;
  std::vector<domain::PlatformId> platforms = forwarder_.platforms();
  if (platforms.empty()) return;
  app_.committer.post([this, platforms = std::move(platforms)](app::Change& change) {
    for (const domain::PlatformId& platform : platforms) {
      if (change.find<domain::Platform>(platform.value) == nullptr) forwarder_.forget(platform);
    }
    return Result<void>();
  });
}

void TraceDoor::write_metrics(rest::MetricsText& text) const {
  text.counter("keywright_traces_stored_total", "Traces that were stored or added to.",
               store_->stored());
  text.counter("keywright_trace_commits_total", "Commits of the trace store; many share one.",
               store_->commits());
  text.counter("keywright_traces_damaged_total", "Times that a damaged trace was not shown.",
               store_->damaged());
  text.counter("keywright_traces_refused_total", "Requests with traces that were not stored.",
               unrouted_.total());
  const forwarding::ForwarderTotals totals = forwarder_.totals();
  text.counter("keywright_traces_forwarded_total", "Messages with traces that receivers took.",
               totals.delivered);
  text.gauge("keywright_forwarding_platforms", "Platforms whose traces are sent on.",
             totals.platforms);
  text.gauge("keywright_forwarding_failures", "Failed attempts in a row, of all platforms.",
             totals.failures);
}

void TraceDoor::stop() {
  face_.stop();
  forwarder_.stop();
  unrouted_.keep();
  store_->stop();
}

}  // namespace keywright::server
