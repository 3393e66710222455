#include "store/sqlite/sqlite.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>
#include <sqlite3.h>

namespace keywright::store {
namespace {

constexpr int kBusyTimeoutMilliseconds = 5000;

// SQLite itself knows ENOSPC only; a quota and a file size limit are full disks too.
bool is_full(int code, int system_error) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  return ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN) &&
         (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

Error error_of(int code, int system_error, std::string_view message, std::string_view doing) {
  std::string internal =
      fmt::format("{}: {} (SQLite {}, errno {})", doing, message, code, system_error);
  auto make = [&](Code kind, std::string_view reason, std::string_view detail) {
    return Error(kind, reason, detail).with_internal(internal);
  };
  if (is_full(code, system_error)) {
    return make(Code::storage_full, "storage_full", "The disk of the store is full.");
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return make(Code::unavailable, "store_busy", "The store is busy.");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return make(Code::unavailable, "store_io_error", "The store cannot be read or written.");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return make(Code::internal, "store_damaged", "The store is damaged.");
    case SQLITE_CONSTRAINT:
      return make(Code::internal, "store_constraint", "The change contradicts what is stored.");
    default: return make(Code::internal, "store_error", "The store could not do this.");
  }
}

}  // namespace

Error database_error(sqlite3* handle, std::string_view doing) {
  if (handle == nullptr) return error_of(SQLITE_NOMEM, 0, "out of memory", doing);
  return error_of(sqlite3_extended_errcode(handle), sqlite3_system_errno(handle),
                  sqlite3_errmsg(handle), doing);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Query::~Query() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

Query& Query::bind(std::int64_t value) {
  bind_error_ |= sqlite3_bind_int64(handle_, ++bound_, value);
  return *this;
}

Query& Query::bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();  // a null pointer would bind NULL
  bind_error_ |=
      sqlite3_bind_text64(handle_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Query& Query::bind(ByteView bytes) {
  ++bound_;
  bind_error_ |= bytes.empty() ? sqlite3_bind_zeroblob(handle_, bound_, 0)
                               : sqlite3_bind_blob64(handle_, bound_, bytes.data(), bytes.size(),
                                                     SQLITE_STATIC);
  return *this;
}

Query& Query::bind_null() {
  bind_error_ |= sqlite3_bind_null(handle_, ++bound_);
  return *this;
}

Result<bool> Query::next() {
  if (bind_error_ != SQLITE_OK) {
    return fail(error_of(bind_error_, 0, sqlite3_errstr(bind_error_), sqlite3_sql(handle_)));
  }
  switch (sqlite3_step(handle_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return fail(database_error(sqlite3_db_handle(handle_), sqlite3_sql(handle_)));
  }
}

Result<void> Query::run() {
  for (;;) {
    KW_TRY(bool row, next());
    if (!row) return {};
  }
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::string_view Query::text(int column) const {
  const auto* data = sqlite3_column_text(handle_, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

ByteView Query::blob(int column) const {
  const auto* data = sqlite3_column_blob(handle_, column);
  if (data == nullptr) return {};
  return {static_cast<const std::uint8_t*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

Database::~Database() { sqlite3_close(handle_); }

Result<Database> Database::open(const std::string& path, Access access, const std::string& vfs) {
  if (access == Access::create) {
    // SQLite would make the file readable by others; its companions (-wal, -shm) take this mode.
    int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor >= 0) ::close(descriptor);
  }
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
              (access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  Database database(handle);
  if (code != SQLITE_OK) return fail(database_error(handle, fmt::format("opening {}", path)));
  sqlite3_busy_timeout(handle, kBusyTimeoutMilliseconds);
  if (access == Access::read_only) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    KW_CHECK_OK(database.run("PRAGMA query_only = 1"));
  }
  KW_CHECK_OK(database.run("PRAGMA trusted_schema = 0; PRAGMA temp_store = MEMORY"));
  return database;
}

Result<Statement> Database::prepare(const SqlText& sql) {
  sqlite3_stmt* statement = nullptr;
  int code =
      sqlite3_prepare_v3(handle_, sql.text().c_str(), static_cast<int>(sql.text().size()) + 1,
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(database_error(handle_, sql.text()));
  return Statement(statement);
}

Result<void> Database::run(Sql sql) {
  if (sqlite3_exec(handle_, sql.text(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(database_error(handle_, sql.text()));
  }
  return {};
}

Result<std::int64_t> Database::integer(Sql sql) {
  KW_TRY(Statement statement, prepare(sql));
  Query query(statement);
  KW_TRY(bool found, query.next());
  if (!found)
    return fail(
        Error(Code::internal, "store_error", "A value is missing.").with_internal(sql.text()));
  return query.integer(0);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

int Database::changed_rows() const { return sqlite3_changes(handle_); }

Result<DatabaseTransaction> DatabaseTransaction::begin(Database& database, Sql begin) {
  KW_CHECK_OK(database.run(begin));
  return DatabaseTransaction(database);
}

DatabaseTransaction::~DatabaseTransaction() {
  // After some errors SQLite has rolled back by itself.
  if (database_ != nullptr && database_->in_transaction()) (void)database_->run("ROLLBACK");
}

Result<void> DatabaseTransaction::commit() {
  KW_CHECK_OK(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

Result<std::string> find_damage(Database& database) {
  KW_TRY(Statement check, database.prepare("PRAGMA integrity_check(1)"));
  Query query(check);
  KW_TRY(bool found, query.next());
  if (!found || query.text(0) == "ok") return std::string();
  return std::string(query.text(0));
}

}  // namespace keywright::store
