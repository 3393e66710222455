#include "store/postgres/connection.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <libpq-fe.h>
#include <poll.h>

namespace keywright::store::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookWhetherGone{100};

constexpr std::uint32_t kBytea = 17, kBigint = 20, kUuid = 2950;
constexpr std::uint32_t kByteaArray = 1001, kBigintArray = 1016, kUuidArray = 2951;

void put_number(Bytes& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

// The binary form of an array of one dimension.
template <class Items, class Put>
Bytes array_of(std::uint32_t type, const Items& items, Put put) {
  Bytes out;
  put_number(out, items.empty() ? 0 : 1, 4);
  put_number(out, 0, 4);
  put_number(out, type, 4);
  if (items.empty()) return out;
  put_number(out, items.size(), 4);
  put_number(out, 1, 4);
  for (const auto& item : items) put(out, item);
  return out;
}

Error internal_error(std::string_view reason, std::string_view text) {
  return Error(Code::internal, reason, "The change contradicts what is stored.")
      .with_internal(text);
}

Error error_of(const PGresult* result) {
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = field == nullptr ? "" : field;
  // Not the details: they repeat rows.
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string text =
      fmt::format("{} ({})", message == nullptr ? "no answer" : message, state);
  if (state == "53100") {
    return Error(Code::storage_full, "storage_full", "The disk of the store is full.")
        .with_internal(text);
  }
  // No room for us, stopped by somebody, given up for another's sake, or not the one that writes.
  for (const char* passing : {"08", "53", "57", "58", "40", "25006", "55P03", "25P03"}) {
    if (state.starts_with(passing)) return unreachable(text);
  }
  if (state.starts_with("23")) return internal_error("store_constraint", text);
  return Error(Code::internal, "store_error", "The store could not do it.").with_internal(text);
}

struct OptionsDelete {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, OptionsDelete>;

Options parse_url(const std::string& url) {
  char* problem = nullptr;
  Options options(PQconninfoParse(url.c_str(), &problem));
  if (problem != nullptr) PQfreemem(problem);
  return options;
}

}  // namespace

Error unreachable(std::string_view internal) {
  return Error(Code::unavailable, kStoreUnavailable,
               "The store cannot be reached right now. Try again in a moment.")
      .with_retry_after_seconds(1)
      .with_internal(internal);
}

bool is_valid_url(const std::string& url) { return parse_url(url) != nullptr; }

std::string shown_url(const std::string& url) {
  const Options options = parse_url(url);
  if (options == nullptr) return "postgres://";
  const auto value = [&](std::string_view name) -> std::string {
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
      if (name == option->keyword && option->val != nullptr) return option->val;
    }
    return "";
  };
  const std::string port = value("port");
  return fmt::format("postgres://{}{}{}/{}", value("host"), port.empty() ? "" : ":", port,
                     value("dbname"));
}

// -- Statement

void Statement::append(Sql sql) {
  for (char c : sql.text()) {
    if (c == '?') {
      text_ += fmt::format("${}", ++parameters_);
    } else {
      text_ += c;
    }
  }
}

void Statement::put(std::uint32_t type, ByteView bytes) {
  values_.push_back({type, static_cast<int>(bytes_.size()), static_cast<int>(bytes.size())});
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

Statement& Statement::bind(std::int64_t number) {
  values_.push_back({kBigint, static_cast<int>(bytes_.size()), 8});
  put_number(bytes_, static_cast<std::uint64_t>(number), 8);
  return *this;
}

Statement& Statement::bind(ByteView bytes) {
  put(kBytea, bytes);
  return *this;
}

Statement& Statement::bind(const Uuid& id) {
  put(kUuid, id.bytes);
  return *this;
}

Statement& Statement::bind(const std::optional<std::int64_t>& number) {
  if (number) return bind(*number);
  values_.push_back({kBigint, -1, 0});
  return *this;
}

Statement& Statement::bind(std::span<const Uuid> ids) {
  put(kUuidArray, array_of(kUuid, ids, [](Bytes& out, const Uuid& id) {
        put_number(out, 16, 4);
        out.insert(out.end(), id.bytes.begin(), id.bytes.end());
      }));
  return *this;
}

Statement& Statement::bind(std::span<const std::int64_t> numbers) {
  put(kBigintArray, array_of(kBigint, numbers, [](Bytes& out, std::int64_t number) {
        put_number(out, 8, 4);
        put_number(out, static_cast<std::uint64_t>(number), 8);
      }));
  return *this;
}

Statement& Statement::bind(std::span<const std::string> texts) {
  put(kByteaArray, array_of(kBytea, texts, [](Bytes& out, const std::string& text) {
        put_number(out, text.size(), 4);
        out.insert(out.end(), text.begin(), text.end());
      }));
  return *this;
}

Statement& Statement::bind_null() {
  values_.push_back({0, -1, 0});
  return *this;
}

// -- Row, Rows

bool Row::is_null(int column) const { return PQgetisnull(result_, number_, column) != 0; }

std::int64_t Row::integer(int column) const {
  const ByteView bytes = blob(column);
  if (bytes.empty() || bytes.size() > 8) return 0;
  std::uint64_t number = bytes.size() > 1 && (bytes[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (std::uint8_t byte : bytes) number = number << 8 | byte;
  return static_cast<std::int64_t>(number);
}

std::string_view Row::text(int column) const {
  const int size = PQgetlength(result_, number_, column);
  return {PQgetvalue(result_, number_, column), static_cast<std::size_t>(size)};
}

Uuid Row::uuid(int column) const {
  Uuid id;
  const ByteView bytes = blob(column);
  if (bytes.size() == id.bytes.size()) std::ranges::copy(bytes, id.bytes.begin());
  return id;
}

Rows::~Rows() {
  if (result_ != nullptr) PQclear(result_);
}

int Rows::size() const { return result_ == nullptr ? 0 : PQntuples(result_); }

int Rows::affected() const {
  const char* text = result_ == nullptr ? "" : PQcmdTuples(result_);
  int number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) number = number * 10 + (*text - '0');
  return number;
}

// -- Connection

Result<std::unique_ptr<Connection>> Connection::open(const Secret<std::string>& url,
                                                     const Timeouts& timeouts) {
  if (!is_valid_url(url.reveal())) {  // libpq would repeat it
    return fail(Error(Code::invalid_argument, "invalid_store_url",
                      "The address of the store is not a valid postgres:// URL."));
  }
  // The URL comes last, so that what it says wins.
  const std::array names{"fallback_application_name",
                         "target_session_attrs",
                         "keepalives_idle",
                         "tcp_user_timeout",
                         "dbname",
                         (const char*)nullptr};
  const std::array values{"keywright", "read-write",         "5",
                          "5000",      url.reveal().c_str(), (const char*)nullptr};
  std::unique_ptr<Connection> made(
      new Connection(PQconnectStartParams(names.data(), values.data(), 1), timeouts));
  if (made->connection_ == nullptr) return fail(unreachable("out of memory"));
  KW_CHECK_OK(made->connect());
  KW_CHECK_OK(made->set_up());
  return made;
}

Connection::~Connection() { PQfinish(connection_); }

Result<void> Connection::connect() {
  const auto deadline = Clock::now() + timeouts_.connect;
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  if (PQstatus(connection_) == CONNECTION_BAD) return fail(lost("connect"));
  PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
  while (wants != PGRES_POLLING_OK) {
    pollfd descriptor{
        .fd = PQsocket(connection_),
        .events = static_cast<short>(wants == PGRES_POLLING_READING ? POLLIN : POLLOUT),
        .revents = 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return fail(lost("no connection in time"));
    (void)::poll(&descriptor, 1, static_cast<int>(left.count()));
    wants = PQconnectPoll(connection_);
    if (wants == PGRES_POLLING_FAILED) return fail(lost("connect"));
  }
  PQsetnonblocking(connection_, 1);
  if (PQenterPipelineMode(connection_) != 1) return fail(lost("pipeline mode"));
  return {};
}

// A role or a database may have been told to acknowledge before anything is on a disk.
Result<void> Connection::set_up() {
  const auto milliseconds = [](std::chrono::milliseconds time) {
    return std::to_string(time.count());
  };
  const std::string statement = milliseconds(timeouts_.statement);
  const std::string idle = milliseconds(timeouts_.idle_in_transaction);
  const Statement statements[] = {
      Statement("SELECT set_config('statement_timeout', convert_from(?, 'UTF8'), false)",
                std::string_view(statement)),
      Statement("SELECT set_config('idle_in_transaction_session_timeout', "
                "convert_from(?, 'UTF8'), false)",
                std::string_view(idle)),
      Statement("SELECT set_config('synchronous_commit', CASE WHEN "
                "current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' ELSE "
                "current_setting('synchronous_commit') END, false)"),
  };
  KW_CHECK_OK(run_all(statements));
  return {};
}

Error Connection::lost(std::string_view what) {
  broken_ = true;
  std::string text(PQerrorMessage(connection_));
  while (text.ends_with('\n')) text.pop_back();
  return unreachable(text.empty() ? std::string(what) : fmt::format("{}: {}", what, text));
}

Result<void> Connection::wait_for_socket(bool also_write, Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  if (is_gone_ != nullptr) left = *is_gone_ ? left.zero() : std::min(left, kLookWhetherGone);
  if (left.count() <= 0) {
    broken_ = true;
    return fail(unreachable("no answer in time"));
  }
  pollfd descriptor{.fd = PQsocket(connection_),
                    .events = static_cast<short>(also_write ? POLLIN | POLLOUT : POLLIN),
                    .revents = 0};
  (void)::poll(&descriptor, 1, static_cast<int>(left.count()));
  if ((descriptor.revents & (POLLIN | POLLERR | POLLHUP)) != 0 &&
      PQconsumeInput(connection_) != 1) {
    return fail(lost("read"));
  }
  return {};
}

// Null: the end of what one command gave.
Result<pg_result*> Connection::next_result(Clock::time_point deadline) {
  for (;;) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) return fail(lost("write"));
    if (PQisBusy(connection_) == 0) break;
    KW_CHECK_OK(wait_for_socket(unsent > 0, deadline));
  }
  return PQgetResult(connection_);
}

// `shown` gets an entry for each command that was sent: whether its rows are wanted.
Result<void> Connection::send(const Statement& statement, std::vector<bool>& shown) {
  auto found = prepared_.find(statement.text_);
  if (found == prepared_.end()) {
    found = prepared_.emplace(statement.text_, fmt::format("k{}", ++statement_names_)).first;
    preparing_.push_back(statement.text_);
    std::vector<Oid> types;
    for (const Statement::Value& value : statement.values_) types.push_back(value.type);
    if (PQsendPrepare(connection_, found->second.c_str(), statement.text_.c_str(),
                      static_cast<int>(types.size()), types.data()) != 1) {
      return fail(lost("prepare"));
    }
    shown.push_back(false);
  }
  std::vector<const char*> values;
  std::vector<int> sizes;
  std::vector<int> formats;
  static constexpr char kEmpty[1] = "";
  for (const Statement::Value& value : statement.values_) {
    const auto* bytes = reinterpret_cast<const char*>(statement.bytes_.data());
    values.push_back(value.offset < 0 ? nullptr : value.size == 0 ? kEmpty : bytes + value.offset);
    sizes.push_back(value.size);
    formats.push_back(1);
  }
  if (PQsendQueryPrepared(connection_, found->second.c_str(), static_cast<int>(values.size()),
                          values.data(), sizes.data(), formats.data(), 1) != 1) {
    return fail(lost("send"));
  }
  shown.push_back(true);
  return {};
}

Result<std::vector<Rows>> Connection::collect(const std::vector<bool>& shown) {
  const auto deadline = Clock::now() + timeouts_.answer;
  std::vector<Rows> all;
  std::optional<Error> error;
  for (const bool wanted : shown) {
    KW_TRY(pg_result * raw, next_result(deadline));
    if (raw == nullptr) return fail(lost("answer"));
    Rows result(raw);
    const ExecStatusType status = PQresultStatus(raw);
    const bool fine =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_PIPELINE_ABORTED;
    if (!fine && !error) error = error_of(raw);
    if (wanted) all.push_back(std::move(result));
    KW_TRY(pg_result * end, next_result(deadline));
    if (end != nullptr) PQclear(end);
  }
  KW_TRY(pg_result * sync, next_result(deadline));
  if (sync != nullptr) PQclear(sync);
  if (PQstatus(connection_) == CONNECTION_BAD) {
    return fail(error && error->code() == Code::unavailable ? *error : lost("connection"));
  }
  if (error) return fail(*error);
  return all;
}

Result<std::vector<Rows>> Connection::run_all(std::span<const Statement> statements) {
  if (broken_) return fail(unreachable("the connection is broken"));
  preparing_.clear();
  std::vector<bool> shown;
  for (const Statement& statement : statements) KW_CHECK_OK(send(statement, shown));
  if (PQpipelineSync(connection_) != 1) return fail(lost("send"));
  auto results = collect(shown);
  // Which of them the server knows now is not worth finding out: names are not used twice.
  if (!results) {
    for (const std::string& text : preparing_) prepared_.erase(text);
  }
  return results;
}

Result<Rows> Connection::run(const Statement& statement) {
  KW_TRY(auto all, run_all({&statement, 1}));
  return std::move(all.front());
}

Result<void> Connection::run_script(Sql script) {
  if (broken_) return fail(unreachable("the connection is broken"));
  if (PQexitPipelineMode(connection_) != 1) return fail(lost("pipeline mode"));
  if (PQsendQuery(connection_, std::string(script.text()).c_str()) != 1) return fail(lost("send"));
  const auto deadline = Clock::now() + timeouts_.answer;
  std::optional<Error> error;
  for (;;) {
    KW_TRY(pg_result * raw, next_result(deadline));
    if (raw == nullptr) break;
    const Rows result(raw);
    if (PQresultStatus(raw) == PGRES_FATAL_ERROR && !error) error = error_of(raw);
  }
  if (PQenterPipelineMode(connection_) != 1) return fail(lost("pipeline mode"));
  if (error) return fail(*error);
  return {};
}

Result<std::vector<Notice>> Connection::wait(std::chrono::milliseconds time, int wake) {
  if (broken_) return fail(unreachable("the connection is broken"));
  std::array<pollfd, 2> descriptors{pollfd{PQsocket(connection_), POLLIN, 0},
                                    pollfd{wake, POLLIN, 0}};
  std::vector<Notice> notices;
  const auto take = [&] {
    while (PGnotify* notice = PQnotifies(connection_)) {
      notices.push_back({notice->extra});
      PQfreemem(notice);
    }
  };
  take();  // came with the answer to something else
  if (!notices.empty()) return notices;
  (void)::poll(descriptors.data(), wake < 0 ? 1 : 2, static_cast<int>(time.count()));
  if (descriptors[0].revents != 0) {
    if (PQconsumeInput(connection_) != 1) return fail(lost("read"));
    if (PQstatus(connection_) == CONNECTION_BAD) return fail(lost("connection"));
    take();
  }
  return notices;
}

// -- ReadMoment

Result<ReadMoment> ReadMoment::begin(Connection& connection) {
  const Statement begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  KW_CHECK_OK(connection.run(begin));
  return ReadMoment(connection);
}

ReadMoment::~ReadMoment() {
  if (connection_ == nullptr || connection_->is_broken()) return;
  (void)connection_->run(Statement("ROLLBACK"));
}

}  // namespace keywright::store::postgres
