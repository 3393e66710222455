// store/sqlite/sqlite.h - SQLite as three small classes: Database, Statement, Query.
//
//   KW_TRY(Database database, Database::open(path, Database::Access::read_only, {}));
//   KW_TRY(Statement find, database.prepare("SELECT name FROM keys WHERE serial = ?"));
//   Query query(find);
//   query.bind(serial);
//   KW_TRY(bool found, query.next());
//   if (found) use(query.text(0));         // valid until the next step or the end of the query
//
// SQL is a literal by type: Sql can only be made at compile time, and SqlText only out of Sqls, so
// that nothing from outside ever becomes part of a statement. Values are bound, in order.
//
// Errors: storage_full/storage_full when the disk (or a quota) is full; unavailable/store_busy,
// unavailable/store_io_error; internal/store_damaged, internal/store_constraint, internal/
// store_error. What SQLite said is in `internal`.
// Threading: a Database and all that came from it belong to one thread at a time (NOMUTEX).
// Lifetime: a Database outlives its Statements, a Statement its Query; bound views outlive the
// Query. One Query of a Statement at a time.
// Cost: a Query is a reset at its end, no allocation of ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace keywright::store {

class Sql {
 public:
  consteval Sql(const char* text) : text_(text) {}  // NOLINT: a literal is SQL
  constexpr const char* text() const { return text_; }

 private:
  const char* text_;
};

class SqlText {
 public:
  SqlText(Sql sql) : text_(sql.text()) {}  // NOLINT: meant to convert
  SqlText& operator+=(Sql sql) {
    text_ += sql.text();
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Statement();

 private:
  friend class Database;
  friend class Query;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  sqlite3_stmt* handle_ = nullptr;
};

class Query {
 public:
  explicit Query(Statement& statement) : handle_(statement.handle_) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  // The next parameter. Views are not copied.
  Query& bind(std::int64_t value);
  Query& bind(std::string_view text);
  Query& bind(ByteView bytes);
  Query& bind_null();

  Result<bool> next();  // true: a row can be read
  Result<void> run();   // to the end, without looking at rows

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  ByteView blob(int column) const;

 private:
  sqlite3_stmt* handle_;
  int bound_ = 0;
  int bind_error_ = 0;
};

class Database {
 public:
  // read_only never checkpoints, not even as the last to close: the writer alone does that
  // (docs/adr/0005). create makes the file if it is missing, readable by its owner only.
  enum class Access : unsigned char { read_only, read_write, create };

  Database() = default;
  Database(Database&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Database& operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Database();

  // `vfs` names another file layer than the system's (tests); "" is the system's.
  static Result<Database> open(const std::string& path, Access access, const std::string& vfs);

  Result<Statement> prepare(const SqlText& sql);
  Result<Statement> prepare(Sql sql) { return prepare(SqlText(sql)); }
  Result<void> run(Sql sql);              // one or more statements, without values
  Result<std::int64_t> integer(Sql sql);  // the first column of the only row

  bool in_transaction() const;
  int changed_rows() const;  // by the last statement

  sqlite3* handle() const { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_ = nullptr;
};

// What SQLite itself finds wrong with the file; "" = nothing. Cost: reads all of it.
Result<std::string> find_damage(Database& database);

// The error that the last call on this connection met.
Error database_error(sqlite3* handle, std::string_view doing);

// A transaction that is rolled back unless commit() was reached.
class DatabaseTransaction {
 public:
  // `begin`: "BEGIN IMMEDIATE" to write, "BEGIN" to read one state several times.
  static Result<DatabaseTransaction> begin(Database& database, Sql begin);
  DatabaseTransaction(DatabaseTransaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  DatabaseTransaction& operator=(DatabaseTransaction&&) = delete;
  ~DatabaseTransaction();

  Result<void> commit();

 private:
  explicit DatabaseTransaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace keywright::store
