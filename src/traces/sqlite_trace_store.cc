#include "traces/sqlite_trace_store.h"

#include <future>
#include <type_traits>

#include "base/file.h"
#include "base/log.h"
#include "store/sqlite/wal_check.h"
#include "traces/store_errors.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"

namespace keywright::traces {
namespace {

constexpr std::size_t kGroupMax = 512;
constexpr std::size_t kGroupBytesMax = 16 * 1024 * 1024;
constexpr std::size_t kCheckpointBytes = 2 * 1024 * 1024;  // of bodies; the log is larger
constexpr std::size_t kLogBytesMax = 24 * 1024 * 1024;     // of bodies, until it begins anew
constexpr std::size_t kDropBytes = 256 * 1024;             // what dropping writes at once, about
constexpr std::size_t kReadersKept = 8;
constexpr int kDropAtOnce = 100;
constexpr const char* kFile = "traces.db";

std::size_t bytes_of_submission(const std::vector<TraceWrite>& writes) {
  std::size_t bytes = 0;
  for (const TraceWrite& write : writes) bytes += static_cast<std::size_t>(write.size_bytes);
  return bytes;
}

// What was damaged in one place must not keep others from being stored.
bool is_of_one_trace(const Error& error) {
  return error.reason() == "trace_damaged" || error.reason() == "store_damaged" ||
         error.reason() == "store_constraint";
}

}  // namespace

SqliteTraceStore::SqliteTraceStore(std::filesystem::path directory, StoreOptions options,
                                   const Clock& clock, Random& random)
    : directory_(std::move(directory)), options_(options), clock_(clock), random_(random) {}

Result<std::unique_ptr<SqliteTraceStore>> SqliteTraceStore::open(
    const std::filesystem::path& directory, StoreOptions options, const Clock& clock,
    Random& random) {
  KW_CHECK_OK(make_private_directories(directory));
  store::restore_order(directory / kFile);
  std::unique_ptr<SqliteTraceStore> store(new SqliteTraceStore(directory, options, clock, random));
  if (auto opened = store->open_writer(); !opened) {
    if (opened.error().code() != Code::storage_full) return fail(std::move(opened).error());
    log_error("trace_store_not_open", {{"problem", opened.error().detail()}});
  }
  store->thread_ = std::thread([raw = store.get()] { raw->run(); });
  store->checkpoint_thread_ = std::thread([raw = store.get()] { raw->run_checkpoints(); });
  return store;
}

Result<void> SqliteTraceStore::open_writer() {
  if (writer_ != nullptr) return {};
  KW_TRY(writer_, Writer::open(directory_ / kFile, options_.spans_per_trace_max, clock_, random_));
  return {};
}

SqliteTraceStore::~SqliteTraceStore() { stop(); }

void SqliteTraceStore::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(checkpoint_mutex_);
    checkpoints_end_ = true;
  }
  checkpoint_wake_.notify_one();
  if (checkpoint_thread_.joinable()) checkpoint_thread_.join();
}

// The log is moved into the database while the writer goes on: a passive checkpoint waits for
// nobody, and nobody for it.
//
// SQLite before 3.51.3 can damage a database when a checkpoint begins in the very moment in which
// a writer begins the log anew. A writer does that only when everything in the log has been moved.
// So no checkpoint begins unless a commit that began after the last one ended is in the log: what
// is counted in unmoved_bytes_. Nothing else makes checkpoints (wal_autocheckpoint is off).
void SqliteTraceStore::run_checkpoints() {
  std::optional<store::Database> database;
  while (true) {
    {
      std::unique_lock lock(checkpoint_mutex_);
      checkpoint_wake_.wait(lock,
                            [&] { return checkpoints_end_ || unmoved_bytes_ >= kCheckpointBytes; });
      if (checkpoints_end_) return;
    }
    if (!database) {
      auto opened = store::Database::open((directory_ / kFile).native(),
                                          store::Database::Access::read_write, "");
      if (!opened) {
        note_moved();
        continue;
      }
      database.emplace(std::move(*opened));
    }
    const std::lock_guard moving(moving_mutex_);
    {
      // The writer may have moved it all meanwhile.
      const std::lock_guard lock(checkpoint_mutex_);
      if (unmoved_bytes_ < kCheckpointBytes) continue;
    }
    if (auto done = database->run("PRAGMA wal_checkpoint(PASSIVE)"); !done) {
      log_warning("trace_checkpoint_failed", {{"why", done.error().internal()}});
    }
    note_moved();
  }
}

void SqliteTraceStore::note_moved() {
  const std::lock_guard lock(checkpoint_mutex_);
  unmoved_bytes_ = 0;
  ++checkpoints_;
}

std::uint64_t SqliteTraceStore::checkpoints() {
  const std::lock_guard lock(checkpoint_mutex_);
  return checkpoints_;
}

// `before`: checkpoints() when the commit began.
void SqliteTraceStore::note_committed(std::size_t bytes, std::uint64_t before) {
  log_bytes_ += bytes;
  {
    const std::lock_guard lock(checkpoint_mutex_);
    if (checkpoints_ == before) unmoved_bytes_ += bytes;
    if (unmoved_bytes_ >= kCheckpointBytes) checkpoint_wake_.notify_one();
  }
  if (log_bytes_ >= kLogBytesMax) begin_log_anew();
}

// While others write, a checkpoint beside them never sees the end of the log; one that the writer
// makes does, and what is written next goes to the beginning of the file.
void SqliteTraceStore::begin_log_anew() {
  const std::lock_guard moving(moving_mutex_);
  if (auto done = writer_->checkpoint(); !done) {
    log_warning("trace_checkpoint_failed", {{"why", done.error().internal()}});
  }
  note_moved();
  log_bytes_ = 0;
}

void SqliteTraceStore::enqueue(Submission submission) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(submission));
      wake_.notify_one();
      return;
    }
  }
  submission.done(fail(trace_store_stopping()));
}

void SqliteTraceStore::submit(std::vector<TraceWrite> writes, Done done) {
  enqueue({std::move(writes), std::move(done)});
}

void SqliteTraceStore::enqueue_work(std::function<Result<void>(Writer&)> work,
                                    std::function<void(Result<void>)> done) {
  Submission submission;
  submission.work = std::move(work);
  submission.done = [done = std::move(done)](Result<std::vector<StoredTrace>> stored) {
    done(stored ? Result<void>() : fail(std::move(stored).error()));
  };
  enqueue(std::move(submission));
}

void SqliteTraceStore::submit_work(Work work, std::function<void(Result<void>)> done) {
  enqueue_work([work = std::move(work)](Writer& writer) { return work(writer.outbox()); },
               std::move(done));
}

void SqliteTraceStore::add_unrouted(domain::ProjectId project, Time at, std::string added,
                                    Join join, std::function<void(Result<void>)> done) {
  enqueue_work([project, at, added = std::move(added), join = std::move(join)](
                   Writer& writer) { return writer.add_unrouted(project, at, added, join); },
               std::move(done));
}

Result<bool> SqliteTraceStore::drop(domain::ProjectId project, const Uuid& id) {
  bool found = false;
  std::promise<Result<void>> promise;
  enqueue_work(
      [&](Writer& writer) -> Result<void> {
        KW_TRY(found, writer.drop(project, id));
        return {};
      },
      [&](Result<void> done) { promise.set_value(std::move(done)); });
  KW_CHECK_OK(promise.get_future().get());
  return found;
}

void SqliteTraceStore::keep(Retention retention) {
  {
    const std::lock_guard lock(mutex_);
    retention_ = std::move(retention);
  }
  wake_.notify_one();
}

// Old traces are dropped a few at a time, and only while nobody waits for a commit.
class Dropping {
 public:
  explicit Dropping(const std::unique_ptr<Writer>& writer) : writer_(writer) {}

  bool under_way() const { return !left_.empty() || shrinking_ || sweeping_; }

  void sweep_outbox() { sweeping_ = true; }

  void begin(const Retention& retention) {
    left_.clear();
    if (writer_ == nullptr) return;
    sweeping_ = true;
    auto projects = writer_->projects();
    if (!projects) return note(projects.error());
    for (const domain::ProjectId& project : *projects) {
      const auto kept = retention.find(project);
      left_.emplace_back(project, kept == retention.end() ? kLatestTime : kept->second);
    }
  }

  void step() {
    if (sweeping_) {
      const auto swept = writer_->outbox().sweep(kDropAtOnce);
      if (!swept) note(swept.error());
      sweeping_ = swept && *swept > 0;
      return;
    }
    if (left_.empty()) {
      shrinking_ = false;
      if (auto done = writer_->shrink(); !done) note(done.error());
      return;
    }
    const auto& [project, before] = left_.back();
    const auto dropped = writer_->drop_older(project, before, kDropAtOnce);
    if (!dropped) note(dropped.error());
    if (dropped && *dropped > 0) shrinking_ = true;
    if (!dropped || *dropped < kDropAtOnce) left_.pop_back();
  }

 private:
  static void note(const Error& error) {
    log_warning("traces_not_dropped", {{"problem", error.detail()}, {"why", error.internal()}});
  }

  const std::unique_ptr<Writer>& writer_;  // null while it is not open
  std::vector<std::pair<domain::ProjectId, Time>> left_;
  bool shrinking_ = false;
  bool sweeping_ = false;
};

void SqliteTraceStore::run() {
  Dropping dropping(writer_);
  while (true) {
    std::deque<Submission> group;
    std::optional<Retention> retention;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(
          lock, [&] { return stopping_ || !queue_.empty() || retention_ || dropping.under_way(); });
      if (stopping_ && queue_.empty()) return;
      retention.swap(retention_);
      std::size_t bytes = 0;
      while (!queue_.empty() && group.size() < kGroupMax && bytes < kGroupBytesMax) {
        bytes += bytes_of_submission(queue_.front().writes);
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    if (retention) dropping.begin(*retention);
    if (!group.empty()) {
      write_group(group);
      if (writer_ != nullptr && writer_->outbox().take_removed()) dropping.sweep_outbox();
    } else if (dropping.under_way()) {
      const std::uint64_t before = checkpoints();
      dropping.step();
      note_committed(kDropBytes, before);
    }
  }
}

Result<void> SqliteTraceStore::check_room() const {
  std::error_code error;
  const auto space = std::filesystem::space(directory_, error);
  if (!error && space.available < options_.free_bytes_min) {
    return fail(Code::storage_full, "trace_disk_full", "");
  }
  return {};
}

Result<void> SqliteTraceStore::write_all(const std::deque<Submission>& group,
                                         std::vector<std::vector<StoredTrace>>& stored) {
  if (failed_) return fail(*failed_);
  KW_CHECK_OK(check_room());
  KW_CHECK_OK(open_writer());
  KW_TRY(auto transaction, writer_->begin());
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].work) KW_CHECK_OK(group[i].work(*writer_));
    for (const TraceWrite& write : group[i].writes) {
      KW_TRY(StoredTrace trace, writer_->write(write));
      stored[i].push_back(std::move(trace));
    }
  }
  return transaction.commit();
}

void SqliteTraceStore::tell_queued() {
  if (writer_ == nullptr) return;
  const std::vector<domain::PlatformId> platforms = writer_->take_queued();
  if (!platforms.empty() && queued_hook_) queued_hook_(platforms);
}

void SqliteTraceStore::write_group(std::deque<Submission>& group) {
  std::vector<std::vector<StoredTrace>> stored(group.size());
  const std::uint64_t before = checkpoints();
  const Result<void> done = write_all(group, stored);
  if (!done && group.size() > 1 && is_of_one_trace(done.error())) {
    for (Submission& submission : group) {
      std::deque<Submission> alone;
      alone.push_back(std::move(submission));
      write_group(alone);
    }
    return;
  }
  if (!done && !failed_) {
    log_error("traces_not_stored",
              {{"problem", done.error().reason()}, {"why", done.error().internal()}});
    if (done.error().reason() == "store_io_error") failed_ = done.error();
  }
  commits_.fetch_add(1, std::memory_order_relaxed);
  std::size_t bytes = 0;
  for (const Submission& submission : group) bytes += bytes_of_submission(submission.writes);
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (done) {
      stored_.fetch_add(group[i].writes.size(), std::memory_order_relaxed);
      group[i].done(std::move(stored[i]));
    } else {
      group[i].done(fail(for_senders(done.error())));
    }
  }
  tell_queued();
  if (done) note_committed(bytes, before);
}

// A reading connection for as long as one question takes.
class SqliteTraceStore::Lease {
 public:
  Lease(SqliteTraceStore& store, std::unique_ptr<Reader> reader)
      : store_(store), reader_(std::move(reader)) {}
  ~Lease() { store_.give_back(std::move(reader_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Reader& operator*() const { return *reader_; }

 private:
  SqliteTraceStore& store_;
  std::unique_ptr<Reader> reader_;
};

Result<std::unique_ptr<Reader>> SqliteTraceStore::take_reader() {
  {
    const std::lock_guard lock(readers_mutex_);
    if (!readers_.empty()) {
      auto reader = std::move(readers_.back());
      readers_.pop_back();
      return reader;
    }
  }
  return Reader::open(directory_ / kFile);
}

void SqliteTraceStore::give_back(std::unique_ptr<Reader> reader) {
  const std::lock_guard lock(readers_mutex_);
  if (readers_.size() < kReadersKept) readers_.push_back(std::move(reader));
}

template <class Ask>
std::invoke_result_t<Ask, Reader&> SqliteTraceStore::read(Ask ask) {
  using Answer = std::invoke_result_t<Ask, Reader&>;
  auto reader = take_reader();
  if (!reader) return for_readers<typename Answer::value_type>(fail(std::move(reader).error()));
  const Lease lease(*this, std::move(*reader));
  return for_readers(ask(*lease));
}

Result<Page> SqliteTraceStore::list(const Query& query) {
  auto page = read([&](Reader& reader) { return reader.list(query); });
  if (page) note_damaged(*page);
  return page;
}

Result<std::optional<WholeTrace>> SqliteTraceStore::get(domain::ProjectId project, const Uuid& id,
                                                        std::string_view span_cursor,
                                                        int span_limit) {
  return noting(
      read([&](Reader& reader) { return reader.get(project, id, span_cursor, span_limit); }),
      id.to_string());
}

Result<std::vector<ForwardingRow>> SqliteTraceStore::forwardings() {
  return read([](Reader& reader) { return reader.forwardings(); });
}

Result<std::vector<Queued>> SqliteTraceStore::queued(domain::PlatformId platform,
                                                     std::int64_t after, int limit) {
  return read([&](Reader& reader) { return reader.queued(platform, after, limit); });
}

Result<QueueState> SqliteTraceStore::queue_state(domain::PlatformId platform, std::int64_t after) {
  return read([&](Reader& reader) { return reader.queue_state(platform, after); });
}

Result<std::vector<BuriedTrace>> SqliteTraceStore::buried(domain::PlatformId platform,
                                                          std::int64_t before, int limit) {
  return read([&](Reader& reader) { return reader.buried(platform, before, limit); });
}

Result<std::optional<TraceToSend>> SqliteTraceStore::to_send(const Queued& queued) {
  return noting(read([&](Reader& reader) { return reader.to_send(queued); }),
                std::to_string(queued.trace));
}

Result<std::string> SqliteTraceStore::unrouted(domain::ProjectId project) {
  return read([&](Reader& reader) { return reader.unrouted(project); });
}

}  // namespace keywright::traces
