#include "store/postgres/reader.h"

#include <algorithm>
#include <future>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "store/cursor.h"
#include "store/paging.h"
#include "store/postgres/rows.h"

namespace keywright::store::postgres {
namespace {

using domain::Key;

constexpr std::chrono::milliseconds kPauseMin{50};
constexpr std::chrono::milliseconds kPauseMax{1'000};

Statement keys_query(const KeyFilter& filter) {
  Statement query("SELECT ");
  query.add(kKeyColumns).add(" FROM keys WHERE true");
  if (filter.owner) {
    query.add(" AND owner_id = ? AND owner_type = ?", filter.owner->id,
              static_cast<std::int64_t>(filter.owner->type));
  }
  if (filter.organization) query.add(" AND organization = ?", *filter.organization);
  if (filter.keyspace) query.add(" AND keyspace = ?", *filter.keyspace);
  if (filter.kind) query.add(" AND kind = ?", std::int64_t{*filter.kind});
  if (!filter.created_by.empty()) query.add(" AND created_by = ?", filter.created_by);
  if (!filter.include_revoked) query.add(" AND state <> 2");
  return query;
}

// What a load reads at once.
constexpr Sql kFetch("FETCH 5000 FROM loading");

// PostgreSQL works on the next rows while these are taken.
template <class Take>
Result<void> read_through(Connection& connection, const Statement& declare, Take take) {
  KW_CHECK_OK(connection.run(declare));
  const auto fetch = [&connection] { return connection.run(Statement(kFetch)); };
  KW_TRY(Rows rows, fetch());
  while (rows.size() > 0) {
    std::future<Result<Rows>> next = std::async(std::launch::async, fetch);
    for (int i = 0; i < rows.size(); ++i) take(rows[i]);
    KW_TRY(rows, next.get());
  }
  KW_CHECK_OK(connection.run(Statement("CLOSE loading")));
  return {};
}

}  // namespace

Result<PageOf<Record>> list_records(Connection& connection, const RecordFilter& filter,
                                    const Page& page) {
  Statement query("SELECT ");
  query.add(kRecordColumns)
      .add(" FROM records WHERE type = ?", static_cast<std::int64_t>(filter.type));
  if (filter.parent) query.add(" AND parent = ?", *filter.parent);
  if (filter.organization) query.add(" AND organization = ?", *filter.organization);
  if (!page.after.empty()) {
    KW_TRY(const auto before, decode_cursor<16>(page.after));
    query.add(" AND id < ?", Uuid{before});
  }
  query.add(" ORDER BY id DESC LIMIT ?", std::int64_t{limit_of(page)} + 1);
  KW_TRY(const Rows rows, connection.run(query));
  std::vector<Record> records;
  for (int i = 0; i < rows.size(); ++i) {
    KW_TRY(Record record, read_record(rows[i]));
    records.push_back(std::move(record));
  }
  return page_of(std::move(records), page,
                 [](const Record& last) { return encode_cursor(last.id.bytes); });
}

Result<std::optional<Key>> get_key(Connection& connection, const domain::KeyId& id) {
  Statement query("SELECT ");
  query.add(kKeyColumns).add(" FROM keys WHERE id = ?", id.view());
  KW_TRY(const Rows rows, connection.run(query));
  if (rows.size() == 0) return std::nullopt;
  PolicyReader policies;
  KW_TRY(Key key, read_key(rows[0], policies));
  return key;
}

Result<PageOf<Key>> list_keys(Connection& connection, const KeyFilter& filter, const Page& page) {
  Statement query = keys_query(filter);
  if (!filter.text.empty()) {
    query.add(" AND position(? IN searched) > 0", to_ascii_lower(filter.text));
  }
  if (!page.after.empty()) {
    KW_TRY(const auto before, decode_cursor<8>(page.after));
    query.add(" AND serial < ?", cursor_number(before));
  }
  query.add(" ORDER BY serial DESC LIMIT ?", std::int64_t{limit_of(page)} + 1);
  KW_TRY(const Rows rows, connection.run(query));
  std::vector<Key> keys;
  PolicyReader policies;
  for (int i = 0; i < rows.size(); ++i) {
    KW_TRY(Key key, read_key(rows[i], policies));
    keys.push_back(std::move(key));
  }
  return page_of(std::move(keys), page,
                 [](const Key& last) { return encode_cursor(cursor_bytes(last.serial)); });
}

namespace {

// Whoever is in the log and has no row any more was deleted. A key always has one.
void add_deleted(Missing& removals) {
  std::set<std::pair<RecordType, Uuid>> found;
  for (const RecordWrite& write : removals.changes.records) {
    found.emplace(write.record.type, write.record.id);
  }
  for (const auto& [place, at] : removals.removed_records) {
    if (found.contains(place) || name_of(place.first).empty()) continue;  // a newer node's
    removals.changes.records.push_back(
        {.record = {.type = place.first, .id = place.second}, .deleted = true});
  }
}

}  // namespace

Result<Loaded> load(Connection& connection, Loader& loader, Time removals_since) {
  KW_TRY(const ReadMoment moment, ReadMoment::begin(connection));
  KW_TRY(const Rows head, connection.run(Statement("SELECT position, entry FROM log_head")));
  KW_TRY(const Rows removed, connection.run(select_removals(removals_since)));
  Missing removals = read_removals(removed);
  Statement records("DECLARE loading NO SCROLL CURSOR FOR SELECT ");
  records.add(kRecordColumns).add(" FROM records ORDER BY type, id");
  KW_CHECK_OK(read_through(connection, records, [&](const Row& row) {
    auto record = read_record(row);
    if (!record) return log_error("store_row_skipped", {{"what", record.error().internal()}});
    if (removals.removed_records.contains({record->type, record->id})) {
      removals.changes.records.push_back({.record = *record});
    }
    loader.record(std::move(*record));
  }));
  add_deleted(removals);
  KW_TRY(const Rows count, connection.run(Statement("SELECT count(*) FROM keys")));
  loader.keys_to_come(static_cast<std::size_t>(count[0].integer(0)));
  Statement keys("DECLARE loading NO SCROLL CURSOR FOR SELECT ");
  keys.add(kKeyColumns).add(" FROM keys ORDER BY serial");
  PolicyReader policies;
  KW_CHECK_OK(read_through(connection, keys, [&](const Row& row) {
    auto key = read_key(row, policies);
    if (!key) return log_error("store_row_skipped", {{"what", key.error().internal()}});
    if (removals.removed_keys.contains(key->id)) removals.changes.keys.push_back(*key);
    loader.key(std::move(*key));
  }));
  return Loaded{.point = {static_cast<Position>(head[0].integer(0)), head[0].uuid(1)},
                .removals = std::move(removals)};
}

Result<std::unique_ptr<Connection>> Opener::open() {
  {
    const std::lock_guard lock(mutex_);
    if (clock_.boot_time() < not_before_) {
      return fail(unreachable("waiting before the next attempt to connect"));
    }
  }
  auto opened = Connection::open(url_, timeouts_);
  const std::lock_guard lock(mutex_);
  if (opened) {
    pause_ = std::chrono::milliseconds(0);
    return opened;
  }
  pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
  not_before_ = clock_.boot_time() + pause_;
  return opened;
}

Result<std::unique_ptr<Connection>> ReaderPool::borrow() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return free_ > 0 || is_gone_; });
    if (is_gone_) return fail(unreachable("it was not reached a moment ago"));
    --free_;
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto opened = opener_.open();
  if (opened) {
    (*opened)->give_up_when(&is_gone_);
  } else {
    give_back(nullptr);
  }
  return opened;
}

void ReaderPool::note_gone(bool is_gone) {
  {
    const std::lock_guard lock(mutex_);
    is_gone_ = is_gone;
  }
  returned_.notify_all();
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    ++free_;
    if (connection != nullptr && !connection->is_broken()) idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace keywright::store::postgres
