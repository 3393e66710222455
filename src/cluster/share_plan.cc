#include "cluster/share_plan.h"

#include <algorithm>

namespace keywright::cluster {
namespace {

constexpr Uuid kPool{};

// What is somebody's, while it is moved.
struct Stock {
  std::int64_t own = 0;
  std::int64_t pool = 0;
  std::int64_t others = 0;
  std::int64_t wanting = 0;   // of the others
  std::int64_t poorest = -1;  // of those
};

// Nobody has written of it yet, or what was written belongs to credits of before.
void begin(ShareGroup& group, const ShareAsk& ask) {
  for (const auto& [node, row] : group.rows) group.gone.push_back(node);
  group.rows.clear();
  group.epoch = ask.since;
  std::int64_t left = std::max<std::int64_t>(0, ask.all - ask.begun);
  const auto others = static_cast<std::int64_t>(ask.live.size()) - 1;
  const std::int64_t each = others > 0 ? left / others : 0;
  for (const Uuid& node : ask.live) {
    group.rows[node] = {.amount = node == ask.me ? ask.begun : each, .changed = true};
    if (node != ask.me) left -= each;
  }
  group.rows[kPool] = {.amount = left, .changed = true};
}

// What nodes had that are gone is in the pool.
Stock take_stock(ShareGroup& group, const ShareAsk& ask) {
  Stock stock;
  for (auto at = group.rows.begin(); at != group.rows.end();) {
    const auto& [node, row] = *at;
    if (node == kPool) {
      stock.pool += row.amount;
    } else if (node == ask.me) {
      stock.own = row.amount;
    } else if (std::ranges::find(ask.live, node) == ask.live.end()) {
      stock.pool += row.amount;
      group.gone.push_back(node);
      at = group.rows.erase(at);
      continue;
    } else {
      stock.others += row.amount;
      if (row.wants) {
        stock.poorest = stock.wanting == 0 ? row.amount : std::min(stock.poorest, row.amount);
        ++stock.wanting;
      }
    }
    ++at;
  }
  return stock;
}

// What was given out is nobody's any more, or stays here.
void settle(Stock& stock, const ShareAsk& ask, std::int64_t spent) {
  stock.own -= spent;
  const std::int64_t short_of = std::max<std::int64_t>(0, ask.used - stock.own);
  stock.own += short_of;
  stock.pool -= short_of;
}

void refill(ShareGroup& group, Stock& stock, const ShareRefill& refill) {
  if (refill.boundary <= group.epoch) return;
  const std::int64_t left = stock.others + stock.own + stock.pool;
  stock.pool += std::max<std::int64_t>(0, refill.amount - left);
  group.epoch = refill.now;
  for (auto& [node, row] : group.rows) row.changed = true;
}

// What this node puts into the pool for others. Where all are in want, who has much evens it out.
std::int64_t gift(const Stock& stock, const ShareAsk& ask) {
  if (stock.wanting == 0) return 0;
  const std::int64_t unused = std::clamp<std::int64_t>(
      stock.own - ask.kept, 0, std::max<std::int64_t>(0, stock.own - ask.used));
  if (ask.wants) {
    const bool has_much = stock.own > 2 * stock.poorest + 2;
    return has_much ? std::min(unused, (stock.own - stock.poorest) / 2) : 0;
  }
  return unused <= 4 ? unused : unused - unused / 4;
}

// Positive: from the pool.
std::int64_t moved(const Stock& stock, const ShareAsk& ask) {
  if (ask.leaves) return -stock.own;
  if (ask.live.size() == 1) return std::max(stock.pool, -stock.own);
  if (stock.pool < 0) {
    return -std::clamp<std::int64_t>(stock.own - ask.used, 0, -stock.pool);
  }
  if (ask.wants && stock.pool > 0) {
    return std::max<std::int64_t>(1, stock.pool / (stock.wanting + 1));
  }
  return -gift(stock, ask);
}

void put(ShareGroup& group, const Uuid& node, std::int64_t amount, bool wants) {
  ShareRow& row = group.rows[node];
  row.changed |= row.amount != amount || row.wants != wants;
  row.amount = amount;
  row.wants = wants;
}

}  // namespace

ShareAnswer agree_on(ShareGroup& group, const ShareAsk& ask) {
  if (group.rows.empty() || group.epoch < ask.since) begin(group, ask);
  const std::int64_t spent = group.epoch == ask.since ? ask.spent : 0;  // else before a refill
  const bool is_new = !group.rows.contains(ask.me);
  Stock stock = take_stock(group, ask);
  settle(stock, ask, spent);
  if (ask.refill) refill(group, stock, *ask.refill);
  const std::int64_t from_pool = moved(stock, ask);
  stock.own += from_pool;
  stock.pool -= from_pool;
  put(group, kPool, stock.pool, false);
  put(group, ask.me, stock.own, ask.wants && !ask.leaves);
  if (is_new) group.rows[ask.me].changed = true;
  return {.amount = stock.own,
          .spent = spent,
          .elsewhere = std::max<std::int64_t>(0, stock.others + stock.pool)};
}

}  // namespace keywright::cluster
