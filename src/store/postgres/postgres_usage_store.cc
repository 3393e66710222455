#include "store/postgres/postgres_usage_store.h"

#include <algorithm>
#include <tuple>

#include "store/postgres/postgres_store.h"

namespace keywright::store::postgres {

namespace {

constexpr std::size_t kCountsAtOnce = 5'000;
constexpr std::int64_t kStepsDroppedAtOnce = 60;
// A minute of very many keys takes its time, and nobody waits for it.
constexpr Timeouts kWriting{.statement = std::chrono::seconds{10},
                            .answer = std::chrono::seconds{15}};

std::int64_t stored(UsageStep step) { return static_cast<std::int64_t>(step); }

// Columns of rows.
struct Columns {
  std::vector<std::int64_t> serials;
  std::vector<std::int64_t> reasons;
  std::vector<std::int64_t> counts;
};

Columns columns_of(std::span<const UsageCount> counts) {
  Columns columns;
  for (const UsageCount& count : counts) {
    columns.serials.push_back(count.serial);
    columns.reasons.push_back(count.reason);
    columns.counts.push_back(count.count);
  }
  return columns;
}

// A statement must not add to one row twice.
std::vector<UsageCount> in_order(std::span<const UsageCount> counts) {
  std::vector<UsageCount> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted, {},
                    [](const UsageCount& count) { return std::tuple(count.serial, count.reason); });
  std::vector<UsageCount> merged;
  for (const UsageCount& count : sorted) {
    const bool same = !merged.empty() && merged.back().serial == count.serial &&
                      merged.back().reason == count.reason;
    if (same) {
      merged.back().count += count.count;
    } else {
      merged.push_back(count);
    }
  }
  return merged;
}

}  // namespace

PostgresUsageStore::PostgresUsageStore(PostgresStore& store)
    : readers_(store.readers()), opener_(store.make_opener(kWriting)) {}

Result<Connection*> PostgresUsageStore::ready() {
  if (writer_ == nullptr || writer_->is_broken()) {
    writer_.reset();
    KW_TRY(writer_, opener_.open());
  }
  return writer_.get();
}

Result<void> PostgresUsageStore::add(Time minute, std::span<const UsageCount> counts) {
  const std::vector<UsageCount> sorted = in_order(counts);
  std::vector<Statement> statements;  // one transaction
  for (const UsageStep step : kUsageSteps) {
    for (std::size_t at = 0; at < sorted.size(); at += kCountsAtOnce) {
      const auto batch = std::span(sorted).subspan(at, std::min(kCountsAtOnce, sorted.size() - at));
      const Columns columns = columns_of(batch);
      Statement statement(
          "INSERT INTO key_counts (step, number, serial, reason, count) "
          "SELECT ?, ?, serial, reason, count FROM unnest(",
          stored(step), number_of(step, minute));
      statement.add("?, ", std::span(columns.serials)).add("?, ", std::span(columns.reasons));
      statement.add(
          "?) AS added (serial, reason, count) ON CONFLICT (step, number, serial, reason) "
          "DO UPDATE SET count = key_counts.count + excluded.count",
          std::span(columns.counts));
      statements.push_back(std::move(statement));
    }
  }
  KW_TRY(Connection * connection, ready());
  KW_CHECK_OK(connection->run_all(statements));
  return {};
}

Result<std::vector<UsageRow>> PostgresUsageStore::read(std::span<const std::int64_t> serials,
                                                       UsageStep step, Time from, Time to) {
  if (from >= to) return std::vector<UsageRow>{};
  const Statement statement(
      "SELECT key_counts.number, serial, reason, count FROM generate_series(?, ?) AS asked "
      "(number) JOIN key_counts ON step = ? AND key_counts.number = asked.number AND serial = ANY "
      "(?)",
      number_of(step, from), number_of(step, to - std::chrono::milliseconds{1}), stored(step),
      serials);
  KW_TRY(const Rows rows,
         readers_.read([&](Connection& connection) { return connection.run(statement); }));
  std::vector<UsageRow> found;
  for (int i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    found.push_back(
        {begin_of(step, row.integer(0)), row.integer(1), row.integer(2), row.integer(3)});
  }
  return found;
}

Result<void> PostgresUsageStore::drop_old(Time now) {
  KW_TRY(Connection * connection, ready());
  for (const UsageStep step : kUsageSteps) {
    const Statement drop(
        "DELETE FROM key_counts WHERE step = ? AND number < least(?, (SELECT min(number) + ? FROM "
        "key_counts WHERE step = ?))",
        stored(step), number_of(step, now - kept_for(step)), kStepsDroppedAtOnce, stored(step));
    KW_CHECK_OK(connection->run(drop));
  }
  return {};
}

}  // namespace keywright::store::postgres
