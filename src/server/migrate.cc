// The part of server/admin.h that moves an installation from SQLite into PostgreSQL.
#include "server/admin.h"

#include <fmt/format.h>

#include "cluster/usage_exchange.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/schema.h"
#include "store/sqlite/audit_walk.h"
#include "store/sqlite/sqlite_store.h"

namespace keywright::server {

namespace {

using store::postgres::PostgresStore;

constexpr std::size_t kAtOnce = 500;

// No digest key has this check value: nodes refuse a store that is not yet whole.
constexpr std::string_view kNotWhole = "moving";

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
    if (error_) return;
    const auto results = target_.commit({&transaction_, 1});
    if (!results.front()) error_ = results.front().error();
    transaction_ = {};
  }

  PostgresStore& target_;
  store::Transaction transaction_;
  Moved moved_;
  std::optional<Error> error_;
};

// In the order of the chain, whose hashes then come out the same.
Result<void> move_events(const Place& from, Mover& mover) {
  const store::StorePaths paths(from.data_directory);
  KW_TRY(auto database,
         store::Database::open(paths.database.string(), store::Database::Access::read_only, ""));
  store::AuditWalk walk(database);
  for (;;) {
    KW_TRY(auto events, walk.next());
    if (events.empty()) return {};
    for (store::StoredEvent& stored : events) mover.event(std::move(stored.event));
  }
}

Result<void> claim_empty(PostgresStore& target) {
  KW_TRY(const auto check, target.setting(kKeyCheckSetting));
  if (check || target.position() > 0) {
    return fail(Code::conflict, "store_not_empty",
                "The PostgreSQL database holds a store already. Name an empty database.");
  }
  return target.set_setting(kKeyCheckSetting, kNotWhole);
}

// Serials go on where they were.
void take_serials(store::Store& source, PostgresStore& target) {
  const std::int64_t keys = source.next_key_serial();
  const std::int64_t users = source.next_user_serial();
  while (target.next_key_serial() < keys - 1) {
  }
  while (target.next_user_serial() < users - 1) {
  }
}

// When keys were used last: without it nodes elsewhere would take them for idle.
Result<void> move_uses(const Place& from, const Secret<std::string>& to, const Clock& clock) {
  KW_TRY(const auto uses, app::UsageFile::open(from.data_directory / "usage.map"));
  KW_TRY(const auto connection,
         store::postgres::Connection::open(to, store::postgres::kMigrationTimeouts));
  cluster::UsageExchange exchange(*uses, clock, Time{});
  return exchange.flush(*connection);
}

Result<void> check_same(store::Store& source, PostgresStore& target) {
  KW_TRY(const auto before, source.verify_audit());
  KW_TRY(const auto after, target.verify_audit());
  if (before.head == after.head && before.events == after.events && after.intact) return {};
  return fail(Code::internal, "not_moved",
              "The audit log did not come out the same; see `keywright audit verify`.");
}

}  // namespace

Result<Moved> move_to_postgres(const Place& from, const Secret<std::string>& to, Clock& clock,
                               Random& random) {
  KW_TRY(const auto core, Core::open(from, Missing::refuse, clock, random));
  store::Store& source = *core->store;
  auto opened = PostgresStore::open(to, {}, clock, random);
  if (!opened) {
    return fail(Error(opened.error().code(), opened.error().reason(),
                      fmt::format("The store {} cannot be used: {}",
                                  store::postgres::shown_url(to.reveal()), opened.error().detail()))
                    .with_internal(opened.error().internal()));
  }
  PostgresStore& target = **opened;
  KW_CHECK_OK(claim_empty(target));
  Mover mover(target);
  KW_CHECK_OK(source.load(mover));
  KW_CHECK_OK(move_events(from, mover));
  take_serials(source, target);
  KW_TRY(const Moved moved, mover.finish());
  KW_CHECK_OK(move_uses(from, to, clock));
  KW_CHECK_OK(check_same(source, target));
  KW_CHECK_OK(target.set_setting(kKeyCheckSetting, core->keyring.check_value()));
  return moved;
}

}  // namespace keywright::server
