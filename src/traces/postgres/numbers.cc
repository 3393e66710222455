#include "traces/postgres/numbers.h"

#include <algorithm>

namespace keywright::traces {
namespace {

constexpr std::int64_t kBlock = 1024;
constexpr std::int64_t kBlocksAtOnce = 4;
constexpr std::int64_t kBlocks = (std::int64_t{1} << kCounterBits) / kBlock;
constexpr std::chrono::seconds kGood{60};

}  // namespace

Result<void> Numbers::reserve(store::postgres::Connection& connection, std::size_t count,
                              std::chrono::nanoseconds now) {
  if (now - taken_at_ > kGood) blocks_.clear();
  std::int64_t left = 0;
  for (const Block& block : blocks_) left += block.end - block.next;
  const auto wanted = static_cast<std::int64_t>(count);
  if (left >= wanted) return {};
  const std::int64_t missing = std::max(kBlocksAtOnce, (wanted - left + kBlock - 1) / kBlock);
  const store::postgres::Statement take(
      "SELECT nextval('trace_counters') FROM generate_series(1, ?)", missing);
  KW_TRY(const store::postgres::Rows rows, connection.run(take));
  taken_at_ = now;
  for (int i = 0; i < rows.size(); ++i) {
    const std::int64_t first = rows[i].integer(0) % kBlocks * kBlock;
    blocks_.push_back({first, first + kBlock});
  }
  return {};
}

Number Numbers::next(Time now) {
  Block& block = blocks_.front();
  const std::int64_t counter = block.next++;
  if (block.next == block.end) blocks_.pop_front();
  Number number = first_number_of(now) + counter;
  // The counter came around, or the clock went back: it belongs to a later millisecond.
  if (number <= last_) {
    const Number later = ((last_ >> kCounterBits) << kCounterBits) + counter;
    number = later > last_ ? later : later + (Number{1} << kCounterBits);
  }
  last_ = number;
  return number;
}

}  // namespace keywright::traces
