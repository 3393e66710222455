#include "server/serve.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <unistd.h>

#include "app/blot.h"
#include "app/sessions.h"
#include "app/setup_link.h"
#include "app/slow_hashes.h"
#include "app/throttle.h"
#include "app/usage_history.h"
#include "base/log.h"
#include "http/server.h"
#include "net/tls.h"
#include "server/core.h"
#include "server/demo.h"
#include "server/faces.h"
#include "server/fresh_handler.h"
#include "server/loop_scheduler.h"
#include "server/setup.h"
#include "server/signals.h"
#include "server/trace_door.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/postgres_usage_store.h"
#include "store/sqlite/sqlite_usage_store.h"
#include "store/sqlite/wal_check.h"

namespace keywright::server {

namespace {

constexpr std::size_t kReaderThreads = 4;
constexpr std::size_t kReaderQueueMax = 1024;
constexpr std::size_t kHashingThreadsMax = 4;
constexpr std::size_t kHashingQueueMax = 64;
constexpr std::chrono::milliseconds kTick{1000};
constexpr unsigned kTicksBetweenLooks = 10;
constexpr std::chrono::hours kDropTracesEvery{1};  // and ended sessions
constexpr std::chrono::seconds kFirstLease{15};

std::size_t hashing_threads() {
  const std::size_t cores = std::thread::hardware_concurrency();
  return std::clamp<std::size_t>(cores / 2, 1, kHashingThreadsMax);
}

app::Settings settings_of(const Config& config) {
  app::Settings settings;
  settings.public_url = config.public_url;
  settings.allowed_upstreams = config.allowed_upstreams;
  settings.demo = config.demo;
  settings.version = std::string(version());
  return settings;
}

void write_access(Logger& logger, const http::AccessRecord& record) {
  logger.write(LogLevel::info, "request",
               {{"method", record.method},
                {"path", app::blotted_path(record.path)},
                {"status", record.status},
                {"bytes", record.response_bytes},
                {"duration_us", record.duration.count()},
                {"request_id", record.request_id},
                {"peer", record.peer.to_string()}});
}

void write_outcomes(rest::MetricsText& text, const app::Directory& directory) {
  text.counter("keywright_decisions_total",
               "Decisions about presented keys, by how they came out.");
  const app::OutcomeCounters::Totals totals = directory.outcomes().totals();
  for (std::size_t i = 0; i < totals.size(); ++i) {
    text.sample({{"outcome", domain::name_of(static_cast<domain::Outcome>(i))}}, totals[i]);
  }
}

void write_cluster(rest::MetricsText& text, const cluster::Cluster& cluster) {
  const std::chrono::duration<double> age = cluster.freshness().age();
  text.gauge("keywright_staleness_seconds", "How old the records in memory may be.", age.count());
  const cluster::Cluster::Numbers numbers = cluster.numbers();
  text.gauge("keywright_cluster_nodes", "Nodes on this store, this one included.", numbers.nodes);
  text.counter("keywright_resyncs_total", "Times that all records were loaded anew.",
               numbers.resyncs);
}

// What people find in the table of nodes.
std::string name_of_node(const Config& config) {
  char host[256] = "";
  (void)::gethostname(host, sizeof host - 1);
  return fmt::format("{} {}", host, net::to_string(config.listen.front()));
}

// Everything that serves, in the order in which it depends on one another.
class Server {
 public:
  Server(const Config& config, std::unique_ptr<Core> core, std::shared_ptr<net::TlsServer> tls)
      : config_(config),
        core_(std::move(core)),
        tls_(std::move(tls)),
        access_logger_(STDERR_FILENO, LogLevel::info, core_->clock),
        readers_(kReaderThreads, kReaderQueueMax),
        hashing_(hashing_threads(), kHashingQueueMax),
        app_{core_->directory, core_->committer, *core_->store,  readers_,
             hashing_,         core_->clock,     core_->random,  throttle_,
             slow_hashes_,     setup_link_,      core_->settings},
        faces_(app_, config_, face_options()),
        loops_(config.threads) {}

  app::App& app() { return app_; }
  Core& core() { return *core_; }

  Result<void> open_traces() {
    KW_TRY(traces_,
           TraceDoor::open(app_, config_, core_->directory_path / "traces", core_->random));
    app_.traces = &traces_->reader();
    faces_.add(ingest::serves, traces_->face());
    return {};
  }

  // Counts are worth less than serving: without their file nothing else is held up.
  void open_usage() {
    auto opened = open_usage_store();
    if (!opened) {
      log_error("usage_not_kept",
                {{"problem", opened.error().detail()}, {"internal", opened.error().internal()}});
      return;
    }
    usage_ = std::make_unique<app::UsageHistory>(core_->directory.usage(), std::move(*opened),
                                                 core_->clock);
    app_.usage = usage_.get();
  }

  Result<void> start() {
    http_ = std::make_unique<http::Server>(loops_, handler(), http_options());
    for (const net::Endpoint& endpoint : config_.listen) {
      KW_TRY(const net::Endpoint bound, http_->listen(endpoint, tls_));
      bound_.push_back(bound);
    }
    if (core_->settings.public_url.empty()) core_->settings.public_url = url_of(reachable());
    const bool set_up_already = is_set_up(core_->directory);
    start_loops();
    KW_CHECK_OK(join_cluster());
    ready_ = true;
    for (const net::Endpoint& endpoint : bound_) {
      fmt::print("listening on {}\n", url_of(endpoint));
    }
    if (!set_up_already) print_setup_link();
    std::fflush(stdout);
    return {};
  }

  void reload_certificate() {
    if (tls_ == nullptr) return;
    if (auto reloaded = tls_->reload(); !reloaded) {
      log_error("tls_reload_failed", {{"problem", reloaded.error().detail()}});
    } else {
      log_info("tls_reloaded");
    }
  }

  // A full disk is looked at each second, so that changes are taken again as soon as there is room;
  // otherwise it is enough to look now and then.
  void look_at_disk() {
    if (has_room_ && ++ticks_ % kTicksBetweenLooks != 0) return;
    const bool has_room = core_->store->writable();
    if (has_room_ && !has_room) log_error("disk_full");
    if (!has_room_ && has_room) log_info("disk_has_room");
    has_room_ = has_room;
  }

  void drop_old_traces() { traces_->drop_old_traces(core_->committer); }

  void look_at_traces() { traces_->look_around(); }

  void record_found_idle() { app::record_found_idle(core_->directory, core_->committer); }

  void remove_ended_sessions() {
    const bool idle_too = core_->cluster == nullptr;
    core_->committer.post([idle_too](app::Change& change) -> Result<void> {
      app::remove_ended_sessions(change, idle_too);
      return {};
    });
  }

  // Those of io threads that have fewer than it takes to write them by themselves.
  void write_pending_uses() {
    app::UsageMeter& usage = core_->directory.usage();
    if (!usage.has_pending()) return;
    for (const auto& scheduler : schedulers_) {
      scheduler->post([&usage] { usage.write_pending(); });
    }
  }

  void look_at_mcp_servers() {
    if (!faces_.looks_at_mcp_servers()) return;
    schedulers_.front()->post([this] { faces_.look_at_mcp_servers(); });
  }

  void count_minutes() {
    if (usage_ != nullptr) usage_->tick();
  }

  void flush_usage() { core_->directory.usage().file().flush(); }

  // Answers before io threads, io threads before what they use.
  void stop() {
    ready_ = false;
    http_->stop();
    traces_->stop();
    remove_ended_sessions();
    core_->committer.stop();
    if (core_->cluster != nullptr) core_->cluster->stop();
    core_->barrier.disband();
    readers_.stop();
    hashing_.stop();
    loops_.stop();
    faces_.close_kept();
    stop_counting();
    flush_usage();
  }

 private:
  // After the io threads: what they have not written down by themselves is written for them.
  void stop_counting() {
    app::UsageFile& file = core_->directory.usage().file();
    for (app::PendingUses& uses : file.pending()) file.write(uses);
    if (usage_ != nullptr) usage_->stop();
  }

  Result<std::unique_ptr<store::UsageStore>> open_usage_store() {
    using store::postgres::PostgresStore;
    using store::postgres::PostgresUsageStore;
    if (auto* shared = dynamic_cast<PostgresStore*>(core_->store.get())) {
      return std::make_unique<PostgresUsageStore>(*shared);
    }
    return store::SqliteUsageStore::open((core_->directory_path / "usage.db").string());
  }

  http::Handler& handler() {
    if (core_->cluster == nullptr) return faces_.front();
    fresh_.emplace(faces_.front(), core_->cluster->freshness(), app_.clock);
    return *fresh_;
  }

  // Serving begins once the first lease is there.
  Result<void> join_cluster() {
    if (core_->cluster == nullptr) return {};
    core_->cluster->start();
    if (core_->cluster->wait_until_fresh(kFirstLease)) return {};
    core_->cluster->stop();
    return fail(Code::unavailable, "store_unavailable",
                "The store could not be followed: the log says why.");
  }

  rest::FaceOptions face_options() {
    rest::FaceOptions options;
    options.trusted_proxies = config_.trusted_proxies;
    options.is_ready = [this] { return ready_.load() && core_->directory.is_fresh(); };
    options.metrics.push_back([this](rest::MetricsText& text) {
      rest::write_http_metrics(text, http_->counters());
      write_outcomes(text, core_->directory);
      if (traces_ != nullptr) traces_->write_metrics(text);
      if (core_->cluster != nullptr) write_cluster(text, *core_->cluster);
      text.gauge("keywright_store_logs_damaged",
                 "Write-ahead logs that were found damaged when this process started.",
                 store::damaged_wals());
      text.counter("keywright_log_lines_dropped_total", "Log lines that a full pipe did not take.",
                   process_logger().dropped_lines());
    });
    return options;
  }

  http::ServerOptions http_options() {
    http::ServerOptions options;
    options.limits.stop_timeout = kStopTime;
    if (config_.access_log) {
      options.access_log = [this](const http::AccessRecord& record) {
        write_access(access_logger_, record);
      };
    }
    return options;
  }

  // The schedulers are in place before the first request, and nothing is written in between.
  void start_loops() {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      schedulers_.push_back(std::make_unique<LoopScheduler>(loops_[i]));
      LoopScheduler* scheduler = schedulers_.back().get();
      loops_[i].post([this, scheduler] {
        app::Scheduler::set_current(scheduler);
        core_->directory.usage().defer_on_this_thread();
      });
      core_->barrier.add(*scheduler);
    }
    loops_.start();
  }

  // The first address, as somebody on this machine would write it.
  net::Endpoint reachable() const {
    net::Endpoint endpoint = bound_.front();
    if (endpoint.address.is_unspecified()) endpoint.address = IpAddress::from_v4(127, 0, 0, 1);
    return endpoint;
  }

  std::string url_of(const net::Endpoint& endpoint) const {
    return fmt::format("{}://{}", config_.has_tls() ? "https" : "http", net::to_string(endpoint));
  }

  void print_setup_link() {
    const Secret<std::string> token =
        setup_link_.issue(core_->directory, core_->random, core_->clock.now());
    fmt::print(
        "\nNobody is set up here yet. Open this link within {} minutes to begin; it works "
        "once:\n\n  {}/console/setup#token={}\n\n",
        app::SetupLink::kLife.count(), core_->settings.public_url, token.reveal());
  }

  const Config& config_;
  std::unique_ptr<Core> core_;
  std::shared_ptr<net::TlsServer> tls_;
  Logger access_logger_;
  std::atomic<bool> ready_ = false;
  app::Workers readers_;
  app::Workers hashing_;
  app::SignInThrottle throttle_;
  app::SlowHashes slow_hashes_;
  app::SetupLink setup_link_;
  app::App app_;
  Faces faces_;
  std::optional<FreshHandler> fresh_;  // where there are other nodes
  std::unique_ptr<TraceDoor> traces_;
  std::unique_ptr<app::UsageHistory> usage_;
  net::LoopGroup loops_;
  std::vector<std::unique_ptr<LoopScheduler>> schedulers_;
  std::unique_ptr<http::Server> http_;
  std::vector<net::Endpoint> bound_;
  bool has_room_ = true;  // on the disk
  unsigned ticks_ = 0;
};

void run_until_told(Server& server, const Signals& signals, const Clock& clock) {
  auto flushed_at = clock.boot_time();
  auto dropped_at = flushed_at - kDropTracesEvery;
  while (true) {
    const std::optional<int> signal = signals.wait(kTick);
    if (signal == SIGHUP) {
      server.reload_certificate();
    } else if (signal) {
      log_info("stopping", {{"signal", *signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      return;
    }
    server.look_at_disk();
    server.record_found_idle();
    server.look_at_traces();
    server.write_pending_uses();
    server.count_minutes();
    server.look_at_mcp_servers();
    if (clock.boot_time() - dropped_at >= kDropTracesEvery) {
      server.drop_old_traces();
      server.remove_ended_sessions();
      dropped_at = clock.boot_time();
    }
    if (clock.boot_time() - flushed_at >= kUsageFlushEvery) {
      server.flush_usage();
      flushed_at = clock.boot_time();
    }
  }
}

Result<std::shared_ptr<net::TlsServer>> load_certificate(const Config& config) {
  if (!config.has_tls()) return nullptr;
  return net::TlsServer::load({config.tls_certificate_file, config.tls_key_file});
}

}  // namespace

std::string_view version() { return KEYWRIGHT_VERSION; }

Result<void> serve(const Config& config) {
  const Signals signals;
  process_logger().set_level(config.log_level);
  SystemClock clock;
  SystemRandom random;
  KW_TRY(auto tls, load_certificate(config));
  const Place place{config.data_directory, config.digest_key_file, config.store_url.clone()};
  KW_TRY(auto core, Core::open(place, Missing::create, clock, random, settings_of(config),
                               Serving{config.max_staleness, name_of_node(config)}));
  Server server(config, std::move(core), std::move(tls));
  KW_CHECK_OK(server.open_traces());
  server.open_usage();
  std::optional<DemoSheet> demo;
  if (config.demo) {
    KW_TRY(demo, prepare_demo(server.core(), server.app()));
  }
  KW_CHECK_OK(server.start());
  if (demo) print_demo(*demo, server.app().settings.public_url, config.data_directory);
  log_info("started", {{"version", version()}, {"threads", config.threads}});
  run_until_told(server, signals, clock);
  signals.release();
  server.stop();
  log_info("stopped");
  return {};
}

}  // namespace keywright::server
