// The part of server/admin.h that moves an installation from SQLite into PostgreSQL.
#include "server/admin.h"

#include <fcntl.h>
#include <poll.h>

#include <array>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "cluster/usage_exchange.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/rows.h"
#include "store/postgres/schema.h"
#include "store/sqlite/audit_walk.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/sqlite_store.h"

namespace keywright::server {

namespace {

using store::postgres::PostgresStore;

constexpr std::size_t kAtOnce = 500;
constexpr std::int64_t kEntriesAtOnce = 1'000;
constexpr std::size_t kCountsAtOnce = 5'000;
constexpr int kLookMilliseconds = 200;
constexpr std::chrono::seconds kTellEvery{5};

// Rows on their way, in groups of one commit each.
class Mover final : public store::Loader {
 public:
  explicit Mover(PostgresStore& target) : target_(target) {}

  void record(store::Record record) override {
    transaction_.records.push_back({.record = std::move(record)});
    ++moved_.records;
    commit_if_many();
  }
  void key(domain::Key key) override {
    transaction_.keys.push_back(std::move(key));
    ++moved_.keys;
    commit_if_many();
  }
  void event(domain::AuditEvent event) {
    transaction_.events.push_back(std::move(event));
    ++moved_.events;
    commit_if_many();
  }
  // Changed since it was copied, or new.
  void again(store::RecordWrite write) {
    transaction_.records.push_back(std::move(write));
    commit_if_many();
  }
  void again(domain::Key key) {
    transaction_.keys.push_back(std::move(key));
    commit_if_many();
  }

  Result<Moved> finish() {
    commit();
    if (error_) return fail(*error_);
    return moved_;
  }

 private:
  void commit_if_many() {
    const std::size_t rows =
        transaction_.records.size() + transaction_.keys.size() + transaction_.events.size();
    if (rows >= kAtOnce) commit();
  }

  void commit() {
    const bool is_empty =
        transaction_.records.empty() && transaction_.keys.empty() && transaction_.events.empty();
    if (error_ || is_empty) return;
    const auto results = target_.commit({&transaction_, 1});
    if (!results.front()) error_ = results.front().error();
    transaction_ = {};
  }

  PostgresStore& target_;
  store::Transaction transaction_;
  Moved moved_;
  std::optional<Error> error_;
};

// Counts what there is.
class Counter final : public store::Loader {
 public:
  void record(store::Record) override { ++counted.records; }
  void key(domain::Key) override { ++counted.keys; }

  Moved counted;
};

// The source, read beside the server that writes to it.
class Source {
 public:
  static Result<std::unique_ptr<Source>> open(const Place& from) {
    const store::StorePaths paths(from.data_directory);
    KW_TRY(auto reader, store::Reader::open(paths.database.string(), ""));
    KW_TRY(auto log,
           store::Database::open(paths.database.string(), store::Database::Access::read_only, ""));
    return std::unique_ptr<Source>(new Source(std::move(reader), std::move(log)));
  }

  store::Database& database() { return log_; }

  // Everything, and where in the log what changes from now on begins.
  Result<void> copy_all(Mover& mover) {
    KW_TRY(const store::Position position, reader_->position());
    followed_ = static_cast<std::int64_t>(position);
    return reader_->load(mover);
  }

  // What has changed since, as it is now, and the audit events in the order of the chain, whose
  // hashes then come out the same. True if that was all for the moment.
  Result<bool> follow(Mover& mover) {
    KW_TRY(const bool is_all, follow_log(mover));
    for (;;) {
      KW_TRY(auto events, walk_.next());
      if (events.empty()) return is_all;
      for (store::StoredEvent& stored : events) mover.event(std::move(stored.event));
    }
  }

 private:
  Source(std::unique_ptr<store::Reader> reader, store::Database log)
      : reader_(std::move(reader)), log_(std::move(log)), walk_(log_) {}

  Result<bool> follow_log(Mover& mover) {
    KW_TRY(store::Statement select,
           log_.prepare("SELECT position, subjects FROM change_log WHERE position > ? ORDER BY "
                        "position LIMIT ?"));
    std::set<std::pair<std::int64_t, Uuid>> records;
    std::set<std::string> keys;
    std::int64_t entries = 0;
    {
      store::Query query(select);
      query.bind(followed_).bind(kEntriesAtOnce);
      for (;; ++entries) {
        KW_TRY(const bool found, query.next());
        if (!found) break;
        followed_ = query.integer(0);
        for (const auto& subject : store::postgres::unpack_subjects(query.blob(1))) {
          if (subject.is_key()) {
            keys.insert(subject.key_id());
          } else {
            records.emplace(subject.type - 1, Uuid{subject.id});
          }
        }
      }
    }
    for (const auto& [number, id] : records) {
      const auto type = static_cast<store::RecordType>(number);
      KW_TRY(auto record, reader_->get_record(type, id));
      const bool is_gone = !record.has_value();
      mover.again(store::RecordWrite{
          .record = is_gone ? store::Record{.type = type, .id = id} : std::move(*record),
          .deleted = is_gone});
    }
    for (const std::string& text : keys) {
      const auto id = domain::KeyId::parse(text);
      if (!id) continue;
      KW_TRY(auto key, reader_->get_key(*id));
      if (key) mover.again(std::move(*key));
    }
    return entries < kEntriesAtOnce;
  }

  std::unique_ptr<store::Reader> reader_;
  store::Database log_;
  store::AuditWalk walk_;
  std::int64_t followed_ = 0;
};

Result<void> claim_empty(PostgresStore& target) {
  KW_TRY(const auto check, target.setting(kKeyCheckSetting));
  if (check == kNotWhole) {
    return fail(Code::conflict, "migration_in_progress",
                "The PostgreSQL database holds a copy that is not whole: another `keywright "
                "migrate` is filling it, or was broken off. Name an empty database.");
  }
  if (check || target.position() > 0) {
    return fail(Code::conflict, "store_not_empty",
                "The PostgreSQL database holds a store already. Name an empty database.");
  }
  return target.set_setting(kKeyCheckSetting, kNotWhole);
}

// Serials go on where they were.
Result<void> take_serials(store::Store& source, PostgresStore& target) {
  const std::int64_t keys = source.next_key_serial();
  const std::int64_t users = source.next_user_serial();
  while (target.next_key_serial() < keys - 1) {
  }
  while (target.next_user_serial() < users - 1) {
  }
  const store::Transaction nothing;  // writes the serials
  const auto written = target.commit({&nothing, 1});
  if (!written.front()) return fail(written.front().error());
  return {};
}

// What is left of credits: nodes take it from the pool (cluster/limit_exchange.h).
class Credits final : public store::Loader {
 public:
  explicit Credits(app::UsageFile& uses) : uses_(uses) {}

  void record(store::Record) override {}
  void key(domain::Key key) override {
    if (!key.policy.has_credits || key.serial >= uses_.cells()) return;
    const app::UsageCell& cell = uses_.cell(key.serial);
    if (cell.credits_as_of.load() < to_unix_milliseconds(key.credits_set_at)) return;
    serials_.push_back(key.serial);
    keys_.push_back(key.id.to_string());
    epochs_.push_back(cell.credits_as_of.load());
    amounts_.push_back(cell.credits.load());
  }

  Result<void> write(store::postgres::Connection& connection) const {
    if (serials_.empty()) return {};
    KW_CHECK_OK(connection.run(store::postgres::Statement(
        "INSERT INTO shares SELECT serial, ?, ?, key, epoch, amount, 0, ?, "
        "pg_current_xact_id()::text::bigint, now() FROM unnest(?, ?, ?, ?) AS u (serial, key, "
        "epoch, amount)",
        app::Shares::kCredits, Uuid{}, Uuid{}, std::span<const std::int64_t>(serials_),
        std::span<const std::string>(keys_), std::span<const std::int64_t>(epochs_),
        std::span<const std::int64_t>(amounts_))));
    return {};
  }

 private:
  app::UsageFile& uses_;
  std::vector<std::int64_t> serials_;
  std::vector<std::string> keys_;
  std::vector<std::int64_t> epochs_;
  std::vector<std::int64_t> amounts_;
};

// How often keys were used, by minute, hour and day.
Result<void> move_counts(const std::string& path, store::postgres::Connection& connection) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  KW_TRY(auto database, store::Database::open(path, store::Database::Access::read_only, ""));
  KW_TRY(auto select,
         database.prepare("SELECT step, number, serial, reason, count FROM counts ORDER BY step, "
                          "number, serial, reason"));
  store::Query query(select);
  for (bool is_more = true; is_more;) {
    std::array<std::vector<std::int64_t>, 5> columns;
    while (columns[0].size() < kCountsAtOnce) {
      KW_TRY(is_more, query.next());
      if (!is_more) break;
      for (int i = 0; i < 5; ++i) columns[static_cast<std::size_t>(i)].push_back(query.integer(i));
    }
    using Numbers = std::span<const std::int64_t>;
    KW_CHECK_OK(connection.run(store::postgres::Statement(
        "INSERT INTO key_counts (step, number, serial, reason, count) SELECT * FROM unnest(?, ?, "
        "?, ?, ?) ON CONFLICT (step, number, serial, reason) DO NOTHING",
        Numbers(columns[0]), Numbers(columns[1]), Numbers(columns[2]), Numbers(columns[3]),
        Numbers(columns[4]))));
  }
  return {};
}

// What repeated requests with the same Idempotency-Key are answered.
Result<void> move_answers(store::Database& source, store::postgres::Connection& connection,
                          const Clock& clock) {
  KW_TRY(auto select,
         source.prepare("SELECT caller, key, request_hash, status, body, expires_at FROM "
                        "idempotent_answers WHERE expires_at > ? ORDER BY caller, key"));
  store::Query query(select);
  query.bind(to_unix_milliseconds(clock.now()));
  for (bool is_more = true; is_more;) {
    std::array<std::vector<std::string>, 4> texts;
    std::array<std::vector<std::int64_t>, 2> numbers;
    while (numbers[0].size() < kAtOnce) {
      KW_TRY(is_more, query.next());
      if (!is_more) break;
      for (int i = 0; i < 3; ++i) texts[static_cast<std::size_t>(i)].emplace_back(query.text(i));
      texts[3].emplace_back(query.text(4));
      numbers[0].push_back(query.integer(3));
      numbers[1].push_back(query.integer(5));
    }
    using Texts = std::span<const std::string>;
    using Numbers = std::span<const std::int64_t>;
    KW_CHECK_OK(connection.run(store::postgres::Statement(
        "INSERT INTO idempotent_answers (caller, key, request_hash, status, body, expires_at) "
        "SELECT * FROM unnest(?, ?, ?, ?, ?, ?)",
        Texts(texts[0]), Texts(texts[1]), Texts(texts[2]), Numbers(numbers[0]), Texts(texts[3]),
        Numbers(numbers[1]))));
  }
  return {};
}

// When keys were used last: without it nodes elsewhere would take them for idle.
Result<void> move_uses(Core& core, store::postgres::Connection& connection, const Clock& clock) {
  app::UsageFile& uses = core.directory.usage().file();
  cluster::UsageExchange exchange(uses, clock, Time{});
  KW_CHECK_OK(exchange.flush(connection));
  auto counts = move_counts((core.directory_path / "usage.db").string(), connection);
  if (!counts && connection.is_broken()) return counts;
  if (!counts) log_error("usage_not_moved", {{"why", counts.error().internal()}});
  Credits credits(uses);
  KW_CHECK_OK(core.store->load(credits));
  return credits.write(connection);
}

Error not_moved() {
  return Error(Code::internal, "not_moved",
               "The copy is not the same as the store. Nothing serves it; empty the database and "
               "begin again.");
}

// Tells how far it is: every few seconds, and when it is time to stop the server.
class Teller {
 public:
  Teller(const MoveProgress& progress, const Clock& clock)
      : progress_(progress), clock_(clock), told_at_(clock.boot_time()) {}

  void traces_copied(std::uint64_t traces) {
    traces_ = traces;
    if (clock_.boot_time() - told_at_ >= kTellEvery) tell(false);
  }
  void tell_once() {
    if (!std::exchange(has_told_, true)) tell(true);
  }

  Moved so_far;

 private:
  void tell(bool is_waiting) {
    told_at_ = clock_.boot_time();
    so_far.traces.traces = traces_;
    so_far.is_waiting = is_waiting;
    if (progress_) progress_(so_far);
  }

  const MoveProgress& progress_;
  const Clock& clock_;
  std::chrono::nanoseconds told_at_;
  std::uint64_t traces_ = 0;
  bool has_told_ = false;
};

Result<Moved> check_same(store::Store& source, PostgresStore& target) {
  Counter before;
  Counter after;
  KW_CHECK_OK(source.load(before));
  KW_CHECK_OK(target.load(after));
  if (before.counted.records != after.counted.records ||
      before.counted.keys != after.counted.keys) {
    return fail(not_moved());
  }
  KW_TRY(const auto chain, source.verify_audit());
  KW_TRY(const auto copied, target.verify_audit());
  if (chain.head != copied.head || chain.events != copied.events || !copied.intact) {
    return fail(not_moved());
  }
  after.counted.events = copied.events;
  return after.counted;
}

// False while a server has it.
Result<bool> is_stopped(const Place& from) {
  KW_TRY(store::File lock,
         store::File::open(store::StorePaths(from.data_directory).lock, O_RDWR | O_CREAT));
  return lock.lock();
}

// Goes on until nothing is left to do and the server is stopped.
Result<void> follow_until_stopped(const Place& from, Source& source, Mover& mover,
                                  TraceMover& traces, Teller& teller) {
  for (;;) {
    KW_TRY(const bool stopped, is_stopped(from));
    KW_TRY(const bool is_all, source.follow(mover));
    KW_TRY(teller.so_far, mover.finish());
    KW_CHECK_OK(traces.copy_new());
    if (!is_all) continue;
    if (stopped) return {};
    teller.tell_once();
    (void)::poll(nullptr, 0, kLookMilliseconds);
  }
}

}  // namespace

Result<Moved> move_to_postgres(const Place& from, const Secret<std::string>& to, Clock& clock,
                               Random& random, const MoveProgress& progress) {
  std::error_code ignored;
  const bool exists =
      std::filesystem::exists(store::StorePaths(from.data_directory).database, ignored);
  bool stopped = !exists;
  if (exists) {
    KW_TRY(stopped, is_stopped(from));
  }
  if (stopped) KW_CHECK_OK(Core::open(from, Missing::refuse, clock, random));  // as a start would
  KW_TRY(const auto source, Source::open(from));
  auto opened = PostgresStore::open(to, {}, clock, random);
  if (!opened) {
    return fail(Error(opened.error().code(), opened.error().reason(),
                      fmt::format("The store {} cannot be used: {}",
                                  store::postgres::shown_url(to.reveal()), opened.error().detail()))
                    .with_internal(opened.error().internal()));
  }
  PostgresStore& target = **opened;
  KW_CHECK_OK(claim_empty(target));
  KW_TRY(const auto connection,
         store::postgres::Connection::open(to, store::postgres::kMigrationTimeouts));
  KW_TRY(const auto traces, TraceMover::open(from.data_directory / "traces", *connection));
  Mover mover(target);
  Teller teller(progress, clock);
  traces->on_progress([&](std::uint64_t copied) { teller.traces_copied(copied); });
  KW_CHECK_OK(source->copy_all(mover));
  KW_TRY(teller.so_far, mover.finish());
  KW_CHECK_OK(follow_until_stopped(from, *source, mover, *traces, teller));
  // From here on nobody else writes. Opening may add what a restore had left to do.
  KW_TRY(const auto core, Core::open(from, Missing::refuse, clock, random));
  for (bool is_all = false; !is_all;) {
    KW_TRY(is_all, source->follow(mover));
  }
  KW_CHECK_OK(mover.finish());
  KW_CHECK_OK(take_serials(*core->store, target));
  KW_CHECK_OK(move_answers(source->database(), *connection, clock));
  KW_CHECK_OK(move_uses(*core, *connection, clock));
  KW_CHECK_OK(traces->finish());
  KW_TRY(Moved moved, check_same(*core->store, target));
  KW_TRY(moved.traces, traces->check());
  KW_CHECK_OK(target.set_setting(kKeyCheckSetting, core->keyring.check_value()));
  return moved;
}

}  // namespace keywright::server
