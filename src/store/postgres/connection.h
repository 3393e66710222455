// store/postgres/connection.h - one connection to PostgreSQL, as small classes: Statement, Rows,
// Connection.
//
//   KW_TRY(auto connection, Connection::open(url, {}));
//   Statement find("SELECT name FROM keys WHERE serial = ?", serial);
//   KW_TRY(Rows rows, connection->run(find));
//   if (rows.size() > 0) use(rows[0].text(0));          // valid while `rows` lives
//   KW_TRY(auto results, connection->run_all(batch));   // many statements, one round trip
//
// SQL is a literal by type: Sql can only be made at compile time, so nothing from outside ever
// becomes part of a statement. Values stand for the question marks, in order, and travel in binary:
// std::int64_t is bigint, Uuid is uuid, bytes and text are bytea (text may hold any byte).
// Statements are prepared once for each connection and sent in libpq's pipeline mode.
//
// A statement that fails leaves the connection usable, in a transaction that can only be rolled
// back; one that gets no answer in time breaks it.
//
// Errors: invalid_argument/invalid_store_url; unavailable/store_unavailable when there is no
// connection, no answer in time, or the server is one that does not write;
// storage_full/storage_full; internal/store_constraint, internal/store_damaged, internal/
// store_error. What PostgreSQL said is in `internal`; no error repeats the URL.
// Threading: a connection belongs to one thread at a time. Cost: a round trip for each run().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/uuid.h"

struct pg_conn;
struct pg_result;

namespace keywright::store::postgres {

class Sql {
 public:
  consteval Sql(const char* text) : text_(text) {}  // NOLINT: a literal is SQL
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class Statement {
 public:
  template <class... Values>
  explicit Statement(Sql sql, const Values&... values) {
    add(sql, values...);
  }

  // More text; its question marks go on counting.
  template <class... Values>
  Statement& add(Sql sql, const Values&... values) {
    append(sql);
    (bind(values), ...);
    return *this;
  }

  Statement& bind(std::int64_t number);
  Statement& bind(std::string_view text) { return bind(view_bytes(text)); }
  Statement& bind(ByteView bytes);
  Statement& bind(const Uuid& id);
  Statement& bind(const std::optional<std::int64_t>& number);
  Statement& bind(std::span<const Uuid> ids);              // uuid[]
  Statement& bind(std::span<const std::int64_t> numbers);  // bigint[]
  Statement& bind(std::span<const std::string> texts);     // bytea[]
  Statement& bind_null();

 private:
  friend class Connection;
  struct Value {
    std::uint32_t type = 0;
    int offset = -1;  // in bytes_; -1: null
    int size = 0;
  };

  void append(Sql sql);
  void put(std::uint32_t type, ByteView bytes);

  std::string text_;
  int parameters_ = 0;
  std::vector<Value> values_;
  Bytes bytes_;
};

// One row of Rows. A column that is null or has another size reads as 0 or "".
class Row {
 public:
  Row(const pg_result* result, int number) : result_(result), number_(number) {}

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  ByteView blob(int column) const { return view_bytes(text(column)); }
  Uuid uuid(int column) const;

 private:
  const pg_result* result_;
  int number_;
};

class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) : result_(result) {}
  Rows(Rows&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
  Rows& operator=(Rows&& other) noexcept {
    std::swap(result_, other.result_);
    return *this;
  }
  ~Rows();

  int size() const;      // rows
  int affected() const;  // by INSERT, UPDATE, DELETE
  Row operator[](int number) const { return {result_, number}; }

 private:
  pg_result* result_ = nullptr;
};

struct Timeouts {
  std::chrono::milliseconds connect{2'000};
  std::chrono::milliseconds statement{3'000};  // on the server; 0 = none
  std::chrono::milliseconds answer{4'000};     // here, for each round trip
  // Of a transaction that does nothing: its locks must not outlive a process that was stopped.
  std::chrono::milliseconds idle_in_transaction{2'000};
};

struct Notice {
  std::string payload;
};

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const Secret<std::string>& url,
                                                  const Timeouts& timeouts);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Rows> run(const Statement& statement);
  // In order, one round trip. The first that fails fails all; outside BEGIN they are one
  // transaction.
  Result<std::vector<Rows>> run_all(std::span<const Statement> statements);
  Result<void> run_script(Sql script);  // several statements without values

  // Waits until something was notified, `wake` became readable, or the time is over. What was
  // notified, if anything.
  Result<std::vector<Notice>> wait(std::chrono::milliseconds time, int wake);

  // From now on a round trip without an answer ends, and breaks the connection, as soon as this is
  // true; null: only when its time is over. `is_gone` outlives that.
  void give_up_when(const std::atomic<bool>* is_gone) { is_gone_ = is_gone; }

  bool is_broken() const { return broken_; }

 private:
  Connection(pg_conn* connection, const Timeouts& timeouts)
      : connection_(connection), timeouts_(timeouts) {}

  Result<void> connect();
  Result<void> set_up();
  Result<void> send(const Statement& statement, std::vector<bool>& shown);
  Result<pg_result*> next_result(std::chrono::steady_clock::time_point deadline);
  Result<void> wait_for_socket(bool also_write, std::chrono::steady_clock::time_point deadline);
  Result<std::vector<Rows>> collect(const std::vector<bool>& shown);
  Error lost(std::string_view what);

  pg_conn* connection_;
  const Timeouts timeouts_;
  bool broken_ = false;
  const std::atomic<bool>* is_gone_ = nullptr;
  std::unordered_map<std::string, std::string> prepared_;  // text -> name
  std::vector<std::string> preparing_;                     // texts of the round trip under way
  int statement_names_ = 0;
};

// For a connection that finds rows by their keys only: each statement is planned once. Tables are
// taken for large ones, since a plan that was made for a table of a few rows would outlive that.
inline constexpr Sql kPlanOnce(
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), "
    "set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)");

// The reason of errors that say: no connection, or no answer.
inline constexpr std::string_view kStoreUnavailable = "store_unavailable";

Error unreachable(std::string_view internal);

// Whether libpq can read it; it does not connect. Never says what is in it.
bool is_valid_url(const std::string& url);
// "postgres://host:port/database": nothing that may be a secret.
std::string shown_url(const std::string& url);

// A transaction that only reads, until the end of the scope.
class ReadMoment {
 public:
  // Everything read from now on is of one state.
  static Result<ReadMoment> begin(Connection& connection);
  ReadMoment(ReadMoment&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  ReadMoment& operator=(ReadMoment&&) = delete;
  ~ReadMoment();

 private:
  explicit ReadMoment(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace keywright::store::postgres
