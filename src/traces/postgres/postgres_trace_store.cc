#include "traces/postgres/postgres_trace_store.h"

#include <algorithm>
#include <future>

#include "base/log.h"
#include "traces/postgres/postgres_outbox.h"
#include "traces/postgres/trace_group.h"
#include "traces/postgres/trace_queries.h"
#include "traces/store_errors.h"

namespace keywright::traces {

using store::postgres::Rows;
using store::postgres::Statement;

namespace {

constexpr std::size_t kGroupMax = 512;
constexpr std::size_t kGroupBytesMax = 16 * 1024 * 1024;
constexpr int kAttempts = 3;
// A group of large traces takes its time; a database that hangs is not waited for much longer.
constexpr store::postgres::Timeouts kWriting{.statement = std::chrono::seconds{5},
                                             .answer = std::chrono::seconds{6}};

std::size_t bytes_of_submission(const std::vector<TraceWrite>& writes) {
  std::size_t bytes = 0;
  for (const TraceWrite& write : writes) bytes += static_cast<std::size_t>(write.size_bytes);
  return bytes;
}

std::int64_t milliseconds(std::chrono::milliseconds time) { return time.count(); }

}  // namespace

PostgresTraceStore::PostgresTraceStore(store::postgres::PostgresStore& store,
                                       const PostgresTraceOptions& options, const Clock& clock,
                                       Random& random)
    : options_(options),
      clock_(clock),
      ids_(clock, random),
      node_{random_bytes<16>(random)},
      readers_(store.readers()),
      opener_(store.make_opener(kWriting)),
      dropping_(clock) {}

Result<std::unique_ptr<PostgresTraceStore>> PostgresTraceStore::open(
    store::postgres::PostgresStore& store, const PostgresTraceOptions& options, const Clock& clock,
    Random& random) {
  std::unique_ptr<PostgresTraceStore> opened(new PostgresTraceStore(store, options, clock, random));
  KW_TRY(Connection * connection, opened->connect());
  KW_CHECK_OK(opened->days_.ensure(*connection, day_of(clock.now())));
  opened->thread_ = std::thread([raw = opened.get()] { raw->run(); });
  return opened;
}

PostgresTraceStore::~PostgresTraceStore() { stop(); }

void PostgresTraceStore::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void PostgresTraceStore::enqueue(Submission submission) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(submission));
      wake_.notify_one();
      return;
    }
  }
  if (submission.done) {
    submission.done(fail(trace_store_stopping()));
  } else {
    submission.work_done(fail(trace_store_stopping()));
  }
}

void PostgresTraceStore::enqueue_work(std::function<Result<void>(Connection&)> work,
                                      std::function<void(Result<void>)> done) {
  Submission submission;
  submission.work = std::move(work);
  submission.work_done = std::move(done);
  enqueue(std::move(submission));
}

void PostgresTraceStore::submit(std::vector<TraceWrite> writes, Done done) {
  Submission submission;
  submission.writes = std::move(writes);
  submission.done = std::move(done);
  enqueue(std::move(submission));
}

void PostgresTraceStore::submit_work(Work work, std::function<void(Result<void>)> done) {
  enqueue_work(
      [this, work = std::move(work)](Connection& connection) {
        PostgresOutbox outbox(connection);
        const Result<void> worked = work(outbox);
        removed_some_ = removed_some_ || outbox.has_removed();
        return worked;
      },
      std::move(done));
}

void PostgresTraceStore::add_unrouted(domain::ProjectId project, Time at, std::string added,
                                      Join join, std::function<void(Result<void>)> done) {
  const auto work = [project, at, added = std::move(added),
                     join = std::move(join)](Connection& connection) -> Result<void> {
    const Statement find[] = {
        Statement("INSERT INTO trace_unrouted VALUES (?, ?, ''::bytea) ON CONFLICT DO NOTHING",
                  project.value, to_unix_milliseconds(at)),
        Statement("SELECT report FROM trace_unrouted WHERE project = ? FOR UPDATE", project.value)};
    KW_TRY(const std::vector<Rows> found, connection.run_all(find));
    const std::string report =
        join(found[1].size() == 0 ? std::string_view() : found[1][0].text(0), added);
    const Statement put[] = {
        Statement("UPDATE trace_unrouted SET at = greatest(at, ?), report = ? WHERE project = ?",
                  to_unix_milliseconds(at), std::string_view(report), project.value),
        Statement("DELETE FROM trace_unrouted WHERE project IN (SELECT project FROM "
                  "trace_unrouted ORDER BY at DESC OFFSET ?)",
                  std::int64_t{kUnroutedProjectsMax})};
    KW_CHECK_OK(connection.run_all(put));
    return {};
  };
  enqueue_work(work, std::move(done));
}

Result<bool> PostgresTraceStore::drop(domain::ProjectId project, const Uuid& id) {
  bool found = false;
  std::promise<Result<void>> promise;
  enqueue_work(
      [&](Connection& connection) -> Result<void> {
        KW_TRY(found, drop_trace(connection, project, id));
        return {};
      },
      [&](Result<void> done) { promise.set_value(std::move(done)); });
  KW_CHECK_OK(promise.get_future().get());
  return found;
}

void PostgresTraceStore::keep(Retention retention) {
  {
    const std::lock_guard lock(mutex_);
    retention_ = std::move(retention);
  }
  wake_.notify_one();
}

// -- The writer thread.

// False at the end.
bool PostgresTraceStore::wait_for_more(Group& group) {
  std::unique_lock lock(mutex_);
  const auto until = [&] { return stopping_ || !queue_.empty() || retention_; };
  if (!dropping_.under_way()) {
    Moment next = looked_at_ + options_.look_every;
    if (!lanes_.empty()) next = std::min(next, renewed_at_ + options_.lease / 4);
    wake_.wait_for(lock, std::max(next - clock_.boot_time(), Moment::zero()), until);
  }
  if (stopping_ && queue_.empty()) return false;
  if (retention_) dropping_.begin(*std::exchange(retention_, std::nullopt));
  std::size_t bytes = 0;
  while (!queue_.empty() && group.size() < kGroupMax && bytes < kGroupBytesMax) {
    bytes += bytes_of_submission(queue_.front().writes);
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return true;
}

void PostgresTraceStore::run() {
  for (;;) {
    Group group;
    if (!wait_for_more(group)) break;
    const bool is_idle = group.empty();
    Group works;
    for (Submission& each : group) {
      if (each.work) works.push_back(std::move(each));
    }
    std::erase_if(group, [](const Submission& each) { return !each.done; });
    if (!group.empty()) write_traces(group);
    if (!works.empty()) do_works(works);
    look_around();
    if (!is_idle || !dropping_.under_way()) continue;
    if (auto connection = connect()) {
      dropping_.step(**connection);
    } else {
      dropping_.stop();
    }
  }
  leave();
}

Result<PostgresTraceStore::Connection*> PostgresTraceStore::connect() {
  if (connection_ == nullptr || connection_->is_broken()) {
    connection_.reset();
    dropping_.stop();
    KW_TRY(connection_, opener_.open());
  }
  return connection_.get();
}

// One line for each time that it begins.
void PostgresTraceStore::note_failure(const Error& error) {
  if (std::exchange(has_failed_, true)) return;
  log_error("traces_not_stored", {{"problem", error.reason()}, {"why", error.internal()}});
}

Result<std::vector<std::vector<StoredTrace>>> PostgresTraceStore::try_to_write(const Group& group,
                                                                               bool& again) {
  again = true;
  KW_TRY(Connection * connection, connect());
  std::vector<const std::vector<TraceWrite>*> submissions;
  for (const Submission& submission : group) submissions.push_back(&submission.writes);
  const GroupTools tools{clock_, ids_, numbers_, days_, options_.spans_per_trace_max};
  TraceGroup writing(*connection, tools, std::move(submissions));
  auto stored = writing.write();
  if (!stored) {
    again = writing.may_be_tried_again();
    if (!connection->is_broken()) (void)connection->run(Statement("ROLLBACK"));
    // Another process may have dropped a day, or may have used a number.
    days_.forget();
    numbers_.forget();
    return stored;
  }
  has_failed_ = false;
  const std::vector<domain::PlatformId> queued = writing.queued();
  if (!queued.empty() && queued_hook_) queued_hook_(queued);
  return stored;
}

void PostgresTraceStore::write_traces(Group& group) {
  bool again = true;
  auto stored = try_to_write(group, again);
  for (int attempt = 1; !stored && again && attempt < kAttempts; ++attempt) {
    stored = try_to_write(group, again);
  }
  commits_.fetch_add(1, std::memory_order_relaxed);
  if (!stored) note_failure(stored.error());
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (stored) {
      stored_.fetch_add(group[i].writes.size(), std::memory_order_relaxed);
      group[i].done(std::move((*stored)[i]));
    } else {
      group[i].done(fail(for_senders(stored.error())));
    }
  }
}

Result<void> PostgresTraceStore::try_works(const Group& group) {
  KW_TRY(Connection * connection, connect());
  const auto transaction = [&]() -> Result<void> {
    KW_CHECK_OK(connection->run(Statement("BEGIN")));
    for (const Submission& submission : group) KW_CHECK_OK(submission.work(*connection));
    KW_CHECK_OK(connection->run(Statement("COMMIT")));
    return {};
  };
  auto done = transaction();
  if (!done && !connection->is_broken()) (void)connection->run(Statement("ROLLBACK"));
  return done;
}

void PostgresTraceStore::do_works(Group& group) {
  removed_some_ = false;
  auto done = try_works(group);
  // The connection may have been idle for long, or two processes waited for each other.
  if (!done) done = try_works(group);
  if (!done) note_failure(done.error());
  for (Submission& submission : group) {
    submission.work_done(done ? Result<void>() : fail(for_senders(done.error())));
  }
  if (done && removed_some_) dropping_.sweep();
}

void PostgresTraceStore::look_around() {
  const Moment now = clock_.boot_time();
  bool has_lanes = false;
  {
    const std::lock_guard lock(mutex_);
    has_lanes = !lanes_.empty();
  }
  if (has_lanes && now - renewed_at_ >= options_.lease / 4) {
    renewed_at_ = now;
    if (auto done = renew(); !done) note_failure(done.error());
  }
  if (now - looked_at_ < options_.look_every) return;
  looked_at_ = now;
  if (auto done = look(); !done) note_failure(done.error());
}

// Is there something to send that nobody sends? Was it changed what is sent?
Result<void> PostgresTraceStore::look() {
  KW_TRY(Connection * connection, connect());
  KW_CHECK_OK(days_.ensure(*connection, day_of(clock_.now()) + 1));
  if (!queued_hook_) return {};
  KW_TRY(
      const Rows rows,
      connection->run(Statement(
          "SELECT fingerprint, work.platform FROM (SELECT count(*) + coalesce(bit_xor("
          "hashint8extended(version, 7)), 0) FROM trace_forwardings) AS all_of_them (fingerprint)"
          " LEFT JOIN (SELECT platform FROM trace_forwardings f WHERE EXISTS (SELECT 1 FROM "
          "trace_outbox o WHERE o.platform = f.platform AND o.sequence > f.since) AND NOT "
          "EXISTS (SELECT 1 FROM trace_lanes l WHERE l.platform = f.platform AND l.node <> ? "
          "AND l.until > now()) LIMIT 1000) AS work ON true",
          node_)));
  has_failed_ = false;
  const std::int64_t fingerprint = rows[0].integer(0);
  if (std::exchange(fingerprint_, fingerprint) != fingerprint && changed_hook_) changed_hook_();
  std::vector<domain::PlatformId> platforms;
  for (int i = 0; i < rows.size(); ++i) {
    if (!rows[i].is_null(1)) platforms.push_back({rows[i].uuid(1)});
  }
  if (!platforms.empty()) queued_hook_(platforms);
  return {};
}

// -- Lanes.

Result<void> PostgresTraceStore::renew() {
  std::vector<Uuid> platforms;
  {
    const std::lock_guard lock(mutex_);
    for (const domain::PlatformId& platform : lanes_) platforms.push_back(platform.value);
  }
  KW_TRY(Connection * connection, connect());
  KW_TRY(const Rows rows,
         connection->run(Statement(
             "UPDATE trace_lanes SET until = clock_timestamp() + ? * interval '1 millisecond' "
             "WHERE node = ? AND platform = ANY (?) RETURNING platform",
             milliseconds(options_.lease), node_, std::span<const Uuid>(platforms))));
  std::set<Uuid> kept;
  for (int i = 0; i < rows.size(); ++i) kept.insert(rows[i].uuid(0));
  const std::lock_guard lock(mutex_);
  for (const Uuid& platform : platforms) {
    if (!kept.contains(platform)) lanes_.erase({platform});
  }
  return {};
}

Result<Claim> PostgresTraceStore::claim(domain::PlatformId platform) {
  {
    const std::lock_guard lock(mutex_);
    if (lanes_.contains(platform)) return Claim::kept;
  }
  return read([&](Connection& connection) -> Result<Claim> {
    KW_TRY(const Rows rows,
           connection.run(Statement(
               "INSERT INTO trace_lanes AS l VALUES (?, ?, clock_timestamp() + ? * interval "
               "'1 millisecond') ON CONFLICT (platform) DO UPDATE SET node = excluded.node, "
               "until = excluded.until WHERE l.node = excluded.node OR l.until < "
               "clock_timestamp() RETURNING true",
               platform.value, node_, milliseconds(options_.lease))));
    if (rows.size() == 0) return Claim::refused;
    const std::lock_guard lock(mutex_);
    lanes_.insert(platform);
    return Claim::taken;
  });
}

void PostgresTraceStore::release(domain::PlatformId platform) {
  {
    const std::lock_guard lock(mutex_);
    if (lanes_.erase(platform) == 0) return;
  }
  (void)read([&](Connection& connection) -> Result<bool> {
    KW_CHECK_OK(connection.run(Statement("DELETE FROM trace_lanes WHERE platform = ? AND node = ?",
                                         platform.value, node_)));
    return true;
  });
}

// Others need not wait until the lanes run out.
void PostgresTraceStore::leave() {
  {
    const std::lock_guard lock(mutex_);
    if (lanes_.empty()) return;
    lanes_.clear();
  }
  if (auto connection = connect()) {
    (void)(*connection)->run(Statement("DELETE FROM trace_lanes WHERE node = ?", node_));
  }
}

// -- Reads.

template <class Ask>
std::invoke_result_t<Ask, PostgresTraceStore::Connection&> PostgresTraceStore::read(Ask ask) {
  return for_readers(readers_.read(ask));
}

Result<Page> PostgresTraceStore::list(const Query& query) {
  auto page = read([&](Connection& connection) { return list_traces(connection, query); });
  if (page) note_damaged(*page);
  return page;
}

Result<std::optional<WholeTrace>> PostgresTraceStore::get(domain::ProjectId project, const Uuid& id,
                                                          std::string_view span_cursor,
                                                          int span_limit) {
  const auto ask = [&](Connection& connection) {
    return get_trace(connection, project, id, span_cursor, span_limit);
  };
  return noting(read(ask), id.to_string());
}

Result<std::vector<ForwardingRow>> PostgresTraceStore::forwardings() {
  return read([](Connection& connection) { return read_forwardings(connection); });
}

Result<std::optional<ForwardingRow>> PostgresTraceStore::forwarding(domain::PlatformId platform) {
  return read([&](Connection& connection) { return read_forwarding(connection, platform); });
}

Result<std::vector<Queued>> PostgresTraceStore::queued(domain::PlatformId platform,
                                                       std::int64_t after, int limit) {
  return read(
      [&](Connection& connection) { return read_queued(connection, platform, after, limit); });
}

Result<QueueState> PostgresTraceStore::queue_state(domain::PlatformId platform,
                                                   std::int64_t after) {
  return read(
      [&](Connection& connection) { return read_queue_state(connection, platform, after); });
}

Result<std::vector<BuriedTrace>> PostgresTraceStore::buried(domain::PlatformId platform,
                                                            std::int64_t before, int limit) {
  return read(
      [&](Connection& connection) { return read_buried(connection, platform, before, limit); });
}

Result<std::optional<TraceToSend>> PostgresTraceStore::to_send(const Queued& queued) {
  return read([&](Connection& connection) { return read_to_send(connection, queued); });
}

Result<std::string> PostgresTraceStore::unrouted(domain::ProjectId project) {
  return read([&](Connection& connection) { return read_unrouted(connection, project); });
}

}  // namespace keywright::traces
