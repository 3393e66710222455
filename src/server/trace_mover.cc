#include "server/trace_mover.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "traces/trace_row.h"

namespace keywright::server {

namespace {

using store::Query;
using store::postgres::Rows;
using Insert = store::postgres::Statement;

constexpr std::int64_t kNumbersAtOnce = 5'000;
constexpr std::size_t kTracesAtOnce = 200;
constexpr std::size_t kBytesAtOnce = 4'000'000;
constexpr std::size_t kQueuedAtOnce = 200;
constexpr std::int64_t kDayMilliseconds = 86'400'000;

// Rows of SQLite on their way into a table of PostgreSQL, an array for each column. `kinds`: i a
// number, u a UUID (of a longer digest the beginning, as the store of a cluster has it), t bytes.
class Columns {
 public:
  explicit Columns(std::string_view kinds)
      : kinds_(kinds), numbers_(kinds.size()), ids_(kinds.size()), texts_(kinds.size()) {}

  void add(const Query& row) {
    ++rows_;
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      const int column = static_cast<int>(i);
      if (kinds_[i] == 'i') {
        numbers_[i].push_back(row.integer(column));
        continue;
      }
      const ByteView bytes = row.blob(column);
      if (kinds_[i] == 'u') {
        Uuid& id = ids_[i].emplace_back();
        std::copy_n(bytes.begin(), std::min(bytes.size(), id.bytes.size()), id.bytes.begin());
      } else {
        texts_[i].emplace_back(view_text(bytes));
        bytes_ += bytes.size();
      }
    }
  }

  bool empty() const { return rows_ == 0; }
  std::size_t bytes() const { return bytes_; }
  const std::vector<std::int64_t>& numbers(std::size_t column) const { return numbers_[column]; }

  // INSERT ... SELECT ... FROM unnest(?, ?, ...) ...
  Insert insert(store::postgres::Sql begin, store::postgres::Sql end) const {
    Insert statement(begin);
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      if (i > 0) statement.add(", ");
      if (kinds_[i] == 'i') statement.add("?", std::span(numbers_[i]));
      if (kinds_[i] == 'u') statement.add("?", std::span(ids_[i]));
      if (kinds_[i] == 't') statement.add("?", std::span(texts_[i]));
    }
    return std::move(statement.add(end));
  }

 private:
  std::string_view kinds_;
  std::vector<std::vector<std::int64_t>> numbers_;
  std::vector<std::vector<Uuid>> ids_;
  std::vector<std::vector<std::string>> texts_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

Result<void> read_all(Query& query, Columns& columns) {
  for (;;) {
    KW_TRY(const bool found, query.next());
    if (!found) return {};
    columns.add(query);
  }
}

Result<Columns> read_all(store::Database& source, store::Sql select, std::string_view kinds) {
  Columns columns(kinds);
  KW_TRY(auto statement, source.prepare(select));
  Query query(statement);
  KW_CHECK_OK(read_all(query, columns));
  return columns;
}

}  // namespace

Result<std::unique_ptr<TraceMover>> TraceMover::open(const std::filesystem::path& folder,
                                                     store::postgres::Connection& target) {
  std::unique_ptr<TraceMover> made(new TraceMover(target));
  const std::filesystem::path file = folder / "traces.db";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return made;
  KW_TRY(made->source_,
         store::Database::open(file.string(), store::Database::Access::read_only, ""));
  KW_TRY(const std::int64_t is_recent,
         made->source_.integer("SELECT count(*) FROM sqlite_master WHERE name = 'unchecked'"));
  if (is_recent == 0) {
    return fail(Code::conflict, "traces_too_old",
                "The store of traces was written by an older Keywright. Start the server of this "
                "version on the directory once.");
  }
  made->has_source_ = true;
  KW_CHECK_OK(made->prepare());
  return made;
}

Result<void> TraceMover::prepare() {
  KW_TRY(numbers_, source_.prepare("SELECT number, revision FROM traces WHERE number > ? ORDER BY "
                                   "number LIMIT ?"));
  KW_TRY(traces_,
         source_.prepare("SELECT number, id, project, platform, source, coalesce(external_id, ''), "
                         "name, status, key_id, routed_by, warnings, span_count, size_bytes, "
                         "revision, updated_at, coalesce(size, 0), coalesce(checksum, 0), "
                         "coalesce(compressed, 0), coalesce(body, x''), "
                         "coalesce(traces.row_check, -1) FROM traces LEFT JOIN bodies "
                         "USING (number) WHERE number = ?"));
  KW_TRY(contexts_, source_.prepare("SELECT trace, digest, size, checksum, compressed, body FROM "
                                    "contexts WHERE trace = ?"));
  KW_TRY(spans_, source_.prepare("SELECT s.trace, s.span_id, s.start, c.digest, s.size, "
                                 "s.checksum, s.compressed, s.body, coalesce(s.row_check, -1) "
                                 "FROM spans s JOIN contexts c "
                                 "ON c.id = s.context WHERE s.trace = ?"));
  KW_TRY(identities_,
         source_.prepare("SELECT platform, source, external_id, number, id, coalesce(digest, x''), "
                         "name, status, span_count, size_bytes, revision, updated_at FROM traces "
                         "WHERE number = ? AND external_id IS NOT NULL"));
  return {};
}

Result<void> TraceMover::copy_new() {
  while (has_source_) {
    Columns found("ii");
    {
      Query query(numbers_);
      query.bind(last_).bind(kNumbersAtOnce);
      KW_CHECK_OK(read_all(query, found));
    }
    if (found.empty()) break;
    KW_CHECK_OK(copy(found.numbers(0)));
    last_ = found.numbers(0).back();
  }
  return {};
}

// In pieces, each of one state of the source and one transaction of the target.
Result<void> TraceMover::copy(const Numbers& numbers) {
  for (std::size_t next = 0; next < numbers.size();) {
    Columns whole("iuuuittttttiiiiiiiti"), contexts("iuiiit"), spans("itiuiiiti");
    Columns identities("uitiutttiiii");
    KW_TRY(const auto moment, store::DatabaseTransaction::begin(source_, "BEGIN"));
    for (std::size_t count = 0; next < numbers.size() && count < kTracesAtOnce; ++count) {
      for (const auto& [select, columns] :
           {std::pair(&traces_, &whole), std::pair(&contexts_, &contexts),
            std::pair(&spans_, &spans), std::pair(&identities_, &identities)}) {
        Query query(*select);
        query.bind(numbers[next]);
        KW_CHECK_OK(read_all(query, *columns));
      }
      const auto received_at = to_unix_milliseconds(traces::time_of(numbers[next++]));
      const std::int64_t day = received_at / kDayMilliseconds;
      if (days_.insert(day).second) {
        KW_CHECK_OK(target_.run(Insert("SELECT make_trace_day(?)", day)));
      }
      if (whole.bytes() + spans.bytes() > kBytesAtOnce) break;
    }
    const Insert inserts[] = {
        whole.insert("INSERT INTO traces (number, id, project, platform, source, external_id, "
                     "name, status, key_id, routed_by, warnings, span_count, size_bytes, "
                     "revision, updated_at, size, checksum, compressed, body, row_check) SELECT "
                     "number, id, project, platform, source, external_id, name, status, key_id, "
                     "routed_by, warnings, span_count, size_bytes, revision, updated_at, size, "
                     "checksum, compressed, body, nullif(row_check, -1) FROM unnest(",
                     ") AS u (number, id, project, platform, source, external_id, name, status, "
                     "key_id, routed_by, warnings, span_count, size_bytes, revision, updated_at, "
                     "size, checksum, compressed, body, row_check)"),
        contexts.insert("INSERT INTO trace_contexts (trace, digest, size, checksum, compressed, "
                        "body) SELECT * FROM unnest(",
                        ")"),
        spans.insert("INSERT INTO trace_spans (trace, span_id, start, context, size, checksum, "
                     "compressed, body, row_check) SELECT trace, span_id, start, context, size, "
                     "checksum, compressed, body, nullif(row_check, -1) FROM unnest(",
                     ") AS u (trace, span_id, start, context, size, checksum, compressed, body, "
                     "row_check)"),
        identities.insert("INSERT INTO trace_identities (platform, source, external_id, number, "
                          "id, digest, name, status, span_count, size_bytes, revision, "
                          "updated_at) SELECT * FROM unnest(",
                          ")")};
    KW_CHECK_OK(target_.run_all(inserts));  // one transaction
    copied_ += whole.numbers(0).size();
    if (progress_) progress_(copied_);
  }
  return {};
}

Result<void> TraceMover::drop(const Numbers& numbers) {
  const std::span<const std::int64_t> all(numbers);
  const Insert deletes[] = {Insert("DELETE FROM trace_spans WHERE trace = ANY (?)", all),
                            Insert("DELETE FROM trace_contexts WHERE trace = ANY (?)", all),
                            Insert("DELETE FROM trace_identities WHERE number = ANY (?)", all),
                            Insert("DELETE FROM traces WHERE number = ANY (?)", all)};
  KW_CHECK_OK(target_.run_all(deletes));
  return {};
}

// Since they were copied, traces were changed, and others were dropped.
Result<void> TraceMover::compare() {
  for (std::int64_t after = 0;;) {
    Columns page("ii");
    {
      Query query(numbers_);
      query.bind(after).bind(kNumbersAtOnce);
      KW_CHECK_OK(read_all(query, page));
    }
    const Numbers& numbers = page.numbers(0);
    const bool is_last = numbers.size() < kNumbersAtOnce;
    const std::int64_t until = is_last ? std::numeric_limits<std::int64_t>::max() : numbers.back();
    KW_TRY(const Rows rows, target_.run(Insert("SELECT number, revision FROM traces WHERE number > "
                                               "? AND number <= ?",
                                               after, until)));
    std::map<std::int64_t, std::int64_t> copied;
    for (int i = 0; i < rows.size(); ++i) copied.emplace(rows[i].integer(0), rows[i].integer(1));
    Numbers wanted;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto found = copied.find(numbers[i]);
      if (found != copied.end() && found->second == page.numbers(1)[i]) {
        copied.erase(found);
      } else {
        wanted.push_back(numbers[i]);
      }
    }
    Numbers gone;
    for (const auto& [number, revision] : copied) gone.push_back(number);
    if (!gone.empty()) KW_CHECK_OK(drop(gone));
    KW_CHECK_OK(copy(wanted));
    if (is_last) return {};
    after = until;
  }
}

Result<void> TraceMover::finish() {
  if (!has_source_) return {};
  KW_CHECK_OK(compare());
  KW_CHECK_OK(move_queue());
  return mark_spans();
}

// Rows of spans have no numbers in PostgreSQL: what came with a message has its revision
// (docs/adr/0012).
Result<void> TraceMover::move_queue() {
  KW_TRY(const Columns forwardings,
         read_all(source_, "SELECT platform, project, settings, state, since FROM forwardings",
                  "uutti"));
  KW_TRY(const Columns queued,
         read_all(source_,
                  "SELECT sequence, platform, trace, revision, iif(last_span = 0, 0, revision), "
                  "iif(last_span = 0, 0, revision), hops, queued_at FROM outbox",
                  "iuiiiiii"));
  KW_TRY(const Columns dead,
         read_all(source_,
                  "SELECT sequence, platform, trace, revision, iif(last_span = 0, 0, revision), "
                  "iif(last_span = 0, 0, revision), hops, queued_at, failed_at, attempts, status, "
                  "problem FROM dead_letters",
                  "iuiiiiiiiiit"));
  KW_TRY(const Columns unrouted,
         read_all(source_, "SELECT project, at, report FROM unrouted", "uit"));
  KW_TRY(const std::int64_t sequence,
         source_.integer("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = "
                         "'outbox'), 0)"));
  const Insert inserts[] = {
      forwardings.insert("INSERT INTO trace_forwardings (platform, project, settings, state, "
                         "since, version) SELECT *, nextval('trace_forwarding_versions') FROM "
                         "unnest(",
                         ")"),
      queued.insert("INSERT INTO trace_outbox (sequence, platform, trace, revision, first_span, "
                    "last_span, hops, queued_at) SELECT * FROM unnest(",
                    ")"),
      dead.insert("INSERT INTO trace_dead_letters (sequence, platform, trace, revision, "
                  "first_span, last_span, hops, queued_at, failed_at, attempts, status, problem) "
                  "SELECT * FROM unnest(",
                  ")"),
      unrouted.insert("INSERT INTO trace_unrouted (project, at, report) SELECT * FROM unnest(",
                      ")"),
      Insert("SELECT setval('trace_outbox_sequence', ?) WHERE ? > 0", sequence, sequence)};
  KW_CHECK_OK(target_.run_all(inserts));
  return {};
}

Result<void> TraceMover::mark_spans() {
  KW_TRY(auto select,
         source_.prepare("SELECT q.trace, q.revision, s.span_id FROM (SELECT trace, revision, "
                         "first_span, last_span FROM outbox WHERE last_span > 0 UNION ALL SELECT "
                         "trace, revision, first_span, last_span FROM dead_letters WHERE "
                         "last_span > 0) q JOIN spans s ON s.id BETWEEN q.first_span AND "
                         "q.last_span AND s.trace = q.trace"));
  Query query(select);
  for (bool is_more = true; is_more;) {
    Columns spans("iit");
    for (std::size_t i = 0; i < kQueuedAtOnce && is_more; ++i) {
      KW_TRY(is_more, query.next());
      if (is_more) spans.add(query);
    }
    KW_CHECK_OK(target_.run(spans.insert(
        "UPDATE trace_spans t SET revision = u.revision FROM unnest(",
        ") AS u (trace, revision, span_id) WHERE t.trace = u.trace AND t.span_id = u.span_id")));
  }
  return {};
}

Result<MovedTraces> TraceMover::check() {
  if (!has_source_) return MovedTraces{};
  MovedTraces before;
  const auto count = [this](store::Sql select, std::uint64_t& into) -> Result<void> {
    KW_TRY(const std::int64_t rows, source_.integer(select));
    into = static_cast<std::uint64_t>(rows);
    return {};
  };
  KW_CHECK_OK(count("SELECT count(*) FROM traces", before.traces));
  KW_CHECK_OK(count("SELECT count(*) FROM spans", before.spans));
  KW_CHECK_OK(count("SELECT count(*) FROM forwardings", before.forwardings));
  KW_CHECK_OK(count("SELECT count(*) FROM outbox", before.queued));
  KW_CHECK_OK(count("SELECT count(*) FROM dead_letters", before.dead_letters));
  KW_TRY(const Rows rows,
         target_.run(Insert("SELECT (SELECT count(*) FROM traces), (SELECT count(*) FROM "
                            "trace_spans), (SELECT count(*) FROM trace_forwardings), (SELECT "
                            "count(*) FROM trace_outbox), (SELECT count(*) FROM "
                            "trace_dead_letters)")));
  const auto counted = [&](int column) {
    return static_cast<std::uint64_t>(rows[0].integer(column));
  };
  const MovedTraces after{counted(0), counted(1), counted(2), counted(3), counted(4)};
  if (after == before) return after;
  return fail(Code::internal, "not_moved",
              "The copy of the traces is not the same as the store. Nothing serves it; empty the "
              "database and begin again.");
}

}  // namespace keywright::server
