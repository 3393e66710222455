#include "cluster/usage_exchange.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

namespace keywright::cluster {
namespace {

using store::postgres::Connection;
using store::postgres::Row;
using store::postgres::Rows;
using store::postgres::Statement;

constexpr std::size_t kUsesAtOnce = 2'000;
constexpr int kShareOfTime = 20;

// A use comes to its cell this much later at most: io threads write what they deferred each second.
constexpr std::int64_t kPendingMilliseconds = 5'000;

std::string address_of(const app::UsageCell& cell) {
  const std::array<std::uint64_t, 2> halves{cell.address_high.load(std::memory_order_relaxed),
                                            cell.address_low.load(std::memory_order_relaxed)};
  const auto bytes = std::bit_cast<std::array<char, 16>>(halves);
  return {bytes.data(), bytes.size()};
}

void take_in(app::UsageCell& cell, std::int64_t used_at, std::string_view address) {
  std::int64_t before = cell.last_used_at.load(std::memory_order_relaxed);
  while (before < used_at) {
    if (!cell.last_used_at.compare_exchange_weak(before, used_at, std::memory_order_relaxed)) {
      continue;
    }
    std::array<char, 16> bytes{};
    if (address.size() != bytes.size()) return;
    std::ranges::copy(address, bytes.begin());
    const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
    if (halves[0] == 0 && halves[1] == 0) return;
    cell.address_high.store(halves[0], std::memory_order_relaxed);
    cell.address_low.store(halves[1], std::memory_order_relaxed);
    return;
  }
}

}  // namespace

Result<void> UsageExchange::run(Connection& connection) {
  const auto now = clock_.boot_time();
  if (now < next_) return {};
  if (writes_next_) {
    KW_CHECK_OK(write(connection, collect(kCoalesce)));
  } else {
    KW_CHECK_OK(read(connection));
  }
  writes_next_ = !writes_next_;
  const auto took = clock_.boot_time() - now;
  next_ = now + std::max<std::chrono::nanoseconds>(kEvery / 2, took * kShareOfTime);
  return {};
}

Result<void> UsageExchange::flush(Connection& connection) {
  return write(connection, collect(std::chrono::nanoseconds(0)));
}

std::vector<UsageExchange::Use> UsageExchange::collect(std::chrono::nanoseconds coalesce) {
  const auto now = clock_.boot_time();
  const std::int64_t looked_at = to_unix_milliseconds(clock_.now());
  const std::int64_t cells = file_.cells();
  std::vector<Use> uses;
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    const std::int64_t used_at = file_.cell(cell).last_used_at.load(std::memory_order_relaxed);
    if (used_at == 0 || used_at < looked_from_ || known_.contains(cell)) continue;
    uses.push_back({cell, used_at});
  }
  for (auto known = known_.begin(); known != known_.end();) {
    const auto& [cell, last] = *known;
    const std::int64_t used_at = file_.cell(cell).last_used_at.load(std::memory_order_relaxed);
    const bool is_due = now - last.since >= coalesce;
    if (is_due && used_at > last.used_at) uses.push_back({cell, used_at});
    known = is_due && used_at <= last.used_at ? known_.erase(known) : std::next(known);
  }
  looked_from_ = looked_at - kPendingMilliseconds;
  return uses;
}

// In the order of the cells, so that two nodes never wait for one another.
Result<void> UsageExchange::write(Connection& connection, const std::vector<Use>& all) {
  std::vector<Use> uses = all;
  std::ranges::sort(uses, {}, &Use::cell);
  const auto now = clock_.boot_time();
  for (std::size_t from = 0; from < uses.size(); from += kUsesAtOnce) {
    std::vector<std::int64_t> cells;
    std::vector<std::int64_t> times;
    std::vector<std::string> addresses;
    for (std::size_t i = from; i < std::min(uses.size(), from + kUsesAtOnce); ++i) {
      cells.push_back(uses[i].cell);
      times.push_back(uses[i].used_at);
      addresses.push_back(address_of(file_.cell(uses[i].cell)));
    }
    // A crash may forget these: a use too few is what it would have been without the table.
    KW_CHECK_OK(connection.run(
        Statement("INSERT INTO key_uses SELECT cell, used_at, address, "
                  "pg_current_xact_id()::text::bigint FROM unnest(?, ?, ?) AS u (cell, used_at, "
                  "address) ON CONFLICT (cell) DO UPDATE SET used_at = excluded.used_at, address = "
                  "excluded.address, noted = excluded.noted WHERE excluded.used_at > "
                  "key_uses.used_at",
                  std::span<const std::int64_t>(cells), std::span<const std::int64_t>(times),
                  std::span<const std::string>(addresses))));
    for (std::size_t i = 0; i < cells.size(); ++i) known_[cells[i]] = {times[i], now};
  }
  return {};
}

Result<void> UsageExchange::read(Connection& connection) {
  KW_TRY(const Rows rows,
         connection.run(Statement(
             "SELECT cell, used_at, address, h.horizon FROM (SELECT pg_snapshot_xmin("
             "pg_current_snapshot())::text::bigint AS horizon) AS h LEFT JOIN key_uses ON "
             "noted >= ?",
             read_from_)));
  const auto now = clock_.boot_time();
  for (int i = 0; i < rows.size(); ++i) {
    const Row row = rows[i];
    if (i == 0) read_from_ = row.integer(3);
    if (row.is_null(0)) continue;
    const std::int64_t cell = row.integer(0);
    if (cell < 0 || cell >= file_.cells()) continue;
    const std::int64_t used_at = row.integer(1);
    take_in(file_.cell(cell), used_at, row.text(2));
    Known& known = known_[cell];
    if (known.used_at < used_at) known = {used_at, now};
  }
  return {};
}

}  // namespace keywright::cluster
