#include "store/postgres/postgres_store.h"

#include "base/log.h"
#include "store/postgres/schema.h"

namespace keywright::store::postgres {
namespace {

// A load reads millions of rows, and the records may take their time with them.
constexpr Timeouts kLoadTimeouts{.connect = std::chrono::milliseconds(5'000),
                                 .statement = std::chrono::milliseconds(60'000),
                                 .answer = std::chrono::milliseconds(60'000),
                                 .idle_in_transaction = std::chrono::milliseconds(60'000)};

// Not with braces: they would make a list of two results.
std::vector<Result<Position>> same_for_all(std::size_t size, const Error& error) {
  return std::vector<Result<Position>>(size, fail(error));
}

}  // namespace

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const Secret<std::string>& url,
                                                           const PostgresOptions& options,
                                                           const Clock& clock, Random& random) {
  {
    KW_TRY(const auto connection, Connection::open(url, kMigrationTimeouts));
    KW_CHECK_OK(migrate(*connection));
  }
  std::unique_ptr<PostgresStore> store(new PostgresStore(url, options, clock, random));
  KW_CHECK_OK(store->writer_.look());
  store->position_ = store->head().position;
  return store;
}

Result<Turn> PostgresStore::begin_turn(const LogPoint& applied) { return writer_.begin(applied); }

void PostgresStore::note_gone(bool is_gone) {
  if (readers_.is_gone() != is_gone) readers_.note_gone(is_gone);
}

void PostgresStore::end_turn() {
  if (writer_.in_turn()) writer_.abandon();
}

LogPoint PostgresStore::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

std::vector<Result<Position>> PostgresStore::commit(std::span<const Transaction> group) {
  if (group.empty()) return {};
  if (!writer_.in_turn()) {
    const LogPoint nothing_is_missed{.position = position_, .entry = {}};
    if (auto turn = begin_turn(nothing_is_missed); !turn) {
      return same_for_all(group.size(), turn.error());
    }
  }
  auto written = writer_.write(group);
  if (!written) {
    log_error("store_commit_failed",
              {{"reason", written.error().reason()}, {"why", written.error().internal()}});
    writer_.abandon();
    return same_for_all(group.size(), written.error());
  }
  position_ = writer_.head().position;
  return {written->begin(), written->end()};
}

Result<std::optional<IdempotentAnswer>> PostgresStore::find_idempotent(std::string_view caller,
                                                                       std::string_view key) {
  KW_TRY(const Rows rows,
         writer_.run(Statement("SELECT request_hash, status, body, expires_at FROM "
                               "idempotent_answers WHERE caller = ? AND key = ?",
                               caller, key)));
  if (rows.size() == 0) return std::nullopt;
  const Row row = rows[0];
  IdempotentAnswer answer{.caller = std::string(caller),
                          .key = std::string(key),
                          .request_hash = std::string(row.text(0)),
                          .status = static_cast<int>(row.integer(1)),
                          .body = std::string(row.text(2)),
                          .expires_at = from_unix_milliseconds(row.integer(3))};
  if (answer.expires_at <= clock_.now()) return std::nullopt;
  return answer;
}

Result<void> PostgresStore::load(Loader& loader) {
  KW_TRY(const auto connection, Connection::open(url_, kLoadTimeouts));
  KW_TRY(Loaded loaded, postgres::load(*connection, loader, clock_.now() - Removals::kKept));
  const std::lock_guard lock(mutex_);
  loaded_ = loaded.point;
  loaded_removals_ = std::move(loaded.removals);
  return {};
}

Missing PostgresStore::take_loaded_removals() {
  const std::lock_guard lock(mutex_);
  return std::exchange(loaded_removals_, {});
}

Result<std::optional<std::string>> PostgresStore::setting(std::string_view name) {
  KW_TRY(const Rows rows,
         writer_.run(Statement("SELECT value FROM settings WHERE name = ?", name)));
  if (rows.size() == 0) return std::nullopt;
  return std::string(rows[0].text(0));
}

Result<void> PostgresStore::set_setting(std::string_view name, std::string_view value) {
  KW_CHECK_OK(
      writer_.run(Statement("INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO "
                            "UPDATE SET value = excluded.value",
                            name, value)));
  return {};
}

Result<std::string> PostgresStore::set_first(std::string_view name, std::string_view value) {
  KW_CHECK_OK(writer_.run(
      Statement("INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, value)));
  KW_TRY(const std::optional<std::string> stands, setting(name));
  return stands.value_or("");
}

Result<PageOf<Record>> PostgresStore::list_records(const RecordFilter& filter, const Page& page) {
  return readers_.read([&](Connection& c) { return postgres::list_records(c, filter, page); });
}

Result<std::optional<domain::Key>> PostgresStore::get_key(const domain::KeyId& id) {
  return readers_.read([&](Connection& c) { return postgres::get_key(c, id); });
}

Result<PageOf<domain::Key>> PostgresStore::list_keys(const KeyFilter& filter, const Page& page) {
  return readers_.read([&](Connection& c) { return postgres::list_keys(c, filter, page); });
}

Result<PageOf<domain::AuditEvent>> PostgresStore::list_audit(const AuditFilter& filter,
                                                             const Page& page) {
  return readers_.read([&](Connection& c) { return postgres::list_audit(c, filter, page); });
}

Result<AuditVerification> PostgresStore::verify_stretch(const AuditStretch& stretch) {
  KW_TRY(const auto connection, Connection::open(url_, kLoadTimeouts));
  return postgres::verify_audit(*connection, stretch);
}

Result<void> PostgresStore::backup(const std::string&, const std::function<void(int, int)>&) {
  return fail(Code::conflict, "use_pg_dump",
              "This store is in PostgreSQL: back it up with PostgreSQL's own tools (pg_dump, or a "
              "base backup and its log). The digest key is a file of its own.");
}

}  // namespace keywright::store::postgres
