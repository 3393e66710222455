#include "store/sqlite/reader.h"

#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "store/cursor.h"
#include "store/paging.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/query_text.h"
#include "store/sqlite/rows.h"

namespace keywright::store {
namespace {

using domain::Key;

// The index is named, not left to guesses about tables that were never analysed.
QueryText keys_query(const KeyFilter& filter) {
  QueryText query("SELECT ");
  query.add(kKeyColumns).add(" FROM keys ");
  if (filter.owner) {
    query.add("INDEXED BY keys_by_owner WHERE owner_id = ? AND owner_type = ?",
              std::string_view(filter.owner->id), static_cast<std::int64_t>(filter.owner->type));
  } else if (filter.keyspace) {
    query.add("INDEXED BY keys_by_keyspace WHERE keyspace = ?", ByteView(filter.keyspace->bytes));
  } else if (filter.organization && filter.include_revoked) {
    query.add("INDEXED BY keys_by_organization WHERE organization = ?",
              ByteView(filter.organization->bytes));
  } else if (filter.organization) {
    query.add("INDEXED BY live_keys_by_organization WHERE organization = ?",
              ByteView(filter.organization->bytes));
  } else {
    query.add("NOT INDEXED WHERE 1");
  }
  if (filter.organization) query.add(" AND organization = ?", ByteView(filter.organization->bytes));
  if (filter.keyspace) query.add(" AND keyspace = ?", ByteView(filter.keyspace->bytes));
  if (filter.kind) query.add(" AND kind = ?", std::int64_t{*filter.kind});
  if (!filter.created_by.empty()) {
    query.add(" AND created_by = ?", std::string_view(filter.created_by));
  }
  if (!filter.include_revoked) query.add(" AND state <> 2");
  return query;
}

QueryText records_query(const RecordFilter& filter) {
  QueryText query("SELECT ");
  query.add(kRecordColumns).add(" FROM records ");
  const auto type = static_cast<std::int64_t>(filter.type);
  if (filter.parent) {
    query.add("INDEXED BY records_by_parent WHERE type = ? AND parent = ?", type,
              ByteView(filter.parent->bytes));
  } else if (filter.organization) {
    query.add("INDEXED BY records_by_organization WHERE type = ?", type);
  } else {
    query.add("NOT INDEXED WHERE type = ?", type);
  }
  if (filter.organization) query.add(" AND organization = ?", ByteView(filter.organization->bytes));
  return query;
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path, const std::string& vfs) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail(Code::not_found, "store_not_found", "There is no store at " + path + ".");
  }
  std::unique_ptr<Reader> reader(new Reader);
  KW_TRY(reader->database_, Database::open(path, Database::Access::read_only, vfs));
  KW_CHECK_OK(check_schema(reader->database_));
  return reader;
}

Result<Statement*> Reader::statement(const SqlText& sql) {
  auto found = statements_.find(sql.text());
  if (found == statements_.end()) {
    KW_TRY(Statement prepared, database_.prepare(sql));
    found = statements_.emplace(sql.text(), std::move(prepared)).first;
  }
  return &found->second;
}

Result<Statement*> Reader::statement(const QueryText& query) { return statement(query.sql()); }

Result<void> Reader::load(Loader& loader) {
  KW_TRY(auto moment, DatabaseTransaction::begin(database_, "BEGIN"));
  KW_CHECK_OK(load_records(loader));
  return load_keys(loader);
}

Result<void> Reader::load_records(Loader& loader) {
  SqlText sql(Sql("SELECT "));
  sql += kRecordColumns;
  sql += Sql(" FROM records ORDER BY type, id");
  KW_TRY(Statement statement, database_.prepare(sql));
  Query query(statement);
  for (;;) {
    KW_TRY(bool found, query.next());
    if (!found) return {};
    auto record = read_record(query);
    if (record) {
      loader.record(std::move(*record));
    } else {
      log_error("store_row_skipped", {{"what", record.error().internal()}});
    }
  }
}

Result<void> Reader::load_keys(Loader& loader) {
  KW_TRY(const std::int64_t keys, database_.integer("SELECT count(*) FROM keys"));
  loader.keys_to_come(static_cast<std::size_t>(keys));
  SqlText sql(Sql("SELECT "));
  sql += kKeyColumns;
  sql += Sql(" FROM keys ORDER BY serial");
  KW_TRY(Statement statement, database_.prepare(sql));
  Query query(statement);
  PolicyReader policies;
  for (;;) {
    KW_TRY(bool found, query.next());
    if (!found) return {};
    auto key = read_key(query, policies);
    if (key && older_versions(query) > 0) {
      if (auto added = add_older_versions(*key); !added) key = fail(std::move(added).error());
    }
    if (key) {
      loader.key(std::move(*key));
    } else {
      log_error("store_row_skipped", {{"what", key.error().internal()}});
    }
  }
}

Result<Position> Reader::position() {
  KW_TRY(std::int64_t position,
         database_.integer("SELECT coalesce(max(position), 0) FROM change_log"));
  return static_cast<Position>(position);
}

Result<std::optional<std::string>> Reader::setting(std::string_view name) {
  KW_TRY(Statement * find, statement(SqlText(Sql("SELECT value FROM settings WHERE name = ?"))));
  Query query(*find);
  query.bind(name);
  KW_TRY(bool found, query.next());
  if (!found) return std::nullopt;
  return std::string(query.text(0));
}

Result<std::optional<Record>> Reader::get_record(RecordType type, const Uuid& id) {
  QueryText text("SELECT ");
  text.add(kRecordColumns)
      .add(" FROM records WHERE type = ? AND id = ?", static_cast<std::int64_t>(type),
           ByteView(id.bytes));
  KW_TRY(Statement * find, statement(text));
  Query query(*find);
  text.bind_to(query);
  KW_TRY(bool found, query.next());
  if (!found) return std::nullopt;
  return read_record(query);
}

Result<PageOf<Record>> Reader::list_records(const RecordFilter& filter, const Page& page) {
  std::array<std::uint8_t, 16> before;
  QueryText text = records_query(filter);
  if (!page.after.empty()) {
    KW_TRY(before, decode_cursor<16>(page.after));
    text.add(" AND id < ?", ByteView(before));
  }
  text.add(" ORDER BY id DESC LIMIT ?", std::int64_t{limit_of(page)} + 1);
  KW_TRY(Statement * list, statement(text));
  Query query(*list);
  text.bind_to(query);
  std::vector<Record> records;
  for (;;) {
    KW_TRY(bool found, query.next());
    if (!found) break;
    KW_TRY(Record record, read_record(query));
    records.push_back(std::move(record));
  }
  return page_of(std::move(records), page,
                 [](const Record& last) { return encode_cursor(last.id.bytes); });
}

Result<void> Reader::add_older_versions(Key& key) {
  QueryText text("SELECT ");
  text.add(kVersionColumns).add(" FROM key_versions WHERE serial = ? ORDER BY place", key.serial);
  KW_TRY(Statement * list, statement(text));
  Query query(*list);
  text.bind_to(query);
  for (;;) {
    KW_TRY(bool found, query.next());
    if (!found) return {};
    KW_TRY(domain::KeyVersion version, read_version(query, 0));
    key.versions.push_back(std::move(version));
  }
}

Result<std::optional<Key>> Reader::get_key(const domain::KeyId& id) {
  KW_TRY(auto moment, DatabaseTransaction::begin(database_, "BEGIN"));
  QueryText text("SELECT ");
  text.add(kKeyColumns).add(" FROM keys WHERE id = ?", id.view());
  KW_TRY(Statement * find, statement(text));
  Query query(*find);
  text.bind_to(query);
  KW_TRY(bool found, query.next());
  if (!found) return std::nullopt;
  PolicyReader policies;
  KW_TRY(Key key, read_key(query, policies));
  if (older_versions(query) > 0) KW_CHECK_OK(add_older_versions(key));
  return key;
}

Result<PageOf<Key>> Reader::list_keys(const KeyFilter& filter, const Page& page) {
  const std::string part = to_ascii_lower(filter.text);
  QueryText text = keys_query(filter);
  if (!part.empty()) {
    const std::string_view view = part;
    text.add(" AND (instr(lower(name), ?) OR instr(lower(id), ?) OR instr(lower(mask), ?))", view,
             view, view);
  }
  if (!page.after.empty()) {
    KW_TRY(auto before, decode_cursor<8>(page.after));
    text.add(" AND serial < ?", cursor_number(before));
  }
  text.add(" ORDER BY serial DESC LIMIT ?", std::int64_t{limit_of(page)} + 1);

  KW_TRY(auto moment, DatabaseTransaction::begin(database_, "BEGIN"));
  KW_TRY(Statement * list, statement(text));
  Query query(*list);
  text.bind_to(query);
  std::vector<Key> keys;
  PolicyReader policies;
  for (;;) {
    KW_TRY(bool found, query.next());
    if (!found) break;
    KW_TRY(Key key, read_key(query, policies));
    if (older_versions(query) > 0) KW_CHECK_OK(add_older_versions(key));
    keys.push_back(std::move(key));
  }
  return page_of(std::move(keys), page,
                 [](const Key& last) { return encode_cursor(cursor_bytes(last.serial)); });
}

}  // namespace keywright::store
