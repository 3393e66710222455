// store/postgres/postgres_store.h - the store of many nodes: a PostgreSQL database, 15 or newer.
//
//   KW_TRY(auto store, PostgresStore::open(url, {}, clock, random));
//
// As the store of one node alone it needs nothing else. Where several share it, each change takes a
// turn of the log (writer.h) before it is decided; cluster/cluster.h does that.
//
// A full disk, a server that is gone or one that only reads are passing faults: commit() says
// unavailable or storage_full, and is taken again as soon as it can be. Backups are PostgreSQL's.
//
// Errors at open: conflict/store_too_new, conflict/not_a_store; unavailable/store_unavailable when
// it cannot be reached, with what libpq said in `internal`.
// Threading: as store.h. Serials are for the writer in its turn. Lifetime: clock and random outlive
// it. Cost: at most `readers` connections for reads, one for the writer.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "store/postgres/reader.h"
#include "store/postgres/writer.h"
#include "store/store.h"

namespace keywright::store::postgres {

struct PostgresOptions {
  int readers = 3;
};

class PostgresStore final : public Store {
 public:
  static Result<std::unique_ptr<PostgresStore>> open(const Secret<std::string>& url,
                                                     const PostgresOptions& options,
                                                     const Clock& clock, Random& random);

  // For those who need a connection of their own.
  Opener make_opener(const Timeouts& timeouts) const { return Opener(url_, timeouts, clock_); }
  // Everything that is read shares a few connections.
  ReaderPool& readers() { return readers_; }

  // Writer thread: between begin_turn() and the end of commit() or end_turn() no other node writes.
  Result<Turn> begin_turn(const LogPoint& applied);
  void end_turn();
  // Where the log ended after the last commit().
  const LogPoint& head() const { return writer_.head(); }
  Removals& removals() { return writer_.removals(); }
  // The point that the last load() has read, and what took access away in the day before.
  LogPoint loaded() const;
  Missing take_loaded_removals();

  std::vector<Result<Position>> commit(std::span<const Transaction> group) override;
  Result<std::optional<IdempotentAnswer>> find_idempotent(std::string_view caller,
                                                          std::string_view key) override;
  Result<void> load(Loader& loader) override;
  Position position() override { return position_.load(); }
  std::int64_t next_key_serial() override { return writer_.next_key_serial(); }
  std::int64_t next_user_serial() override { return writer_.next_user_serial(); }
  Result<std::optional<std::string>> setting(std::string_view name) override;
  Result<void> set_setting(std::string_view name, std::string_view value) override;
  // The value that stands there afterwards: the one given, or one that was there before.
  Result<std::string> set_first(std::string_view name, std::string_view value);

  Result<PageOf<Record>> list_records(const RecordFilter& filter, const Page& page) override;
  Result<std::optional<domain::Key>> get_key(const domain::KeyId& id) override;
  Result<PageOf<domain::Key>> list_keys(const KeyFilter& filter, const Page& page) override;
  Result<PageOf<domain::AuditEvent>> list_audit(const AuditFilter& filter,
                                                const Page& page) override;
  Result<AuditVerification> verify_stretch(const AuditStretch& stretch) override;
  // Refused: conflict/use_pg_dump.
  Result<void> backup(const std::string& to_path,
                      const std::function<void(int, int)>& progress) override;
  bool writable() override { return true; }

  // Whoever asks the server all the time gets no answer any more, or does again. While it is gone,
  // reads and changes fail at once; what is being committed waits as long as ever. Any thread.
  void note_gone(bool is_gone);

  // What other nodes wrote is known here from now on.
  void note_position(Position position) { position_ = position; }

 private:
  PostgresStore(const Secret<std::string>& url, const PostgresOptions& options, const Clock& clock,
                Random& random)
      : url_(url.clone()),
        clock_(clock),
        readers_(url, options.readers, clock),
        writer_(url, clock, random, readers_.is_gone()) {}

  const Secret<std::string> url_;
  const Clock& clock_;
  ReaderPool readers_;
  Writer writer_;
  std::atomic<Position> position_{0};
  mutable std::mutex mutex_;  // guards what follows
  LogPoint loaded_;
  Missing loaded_removals_;
};

}  // namespace keywright::store::postgres
