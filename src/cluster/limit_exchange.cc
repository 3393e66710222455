#include "cluster/limit_exchange.h"

#include <algorithm>
#include <string>

namespace keywright::cluster {
namespace {

using app::Shares;
using domain::kWholeShare;
using store::postgres::Rows;
using store::postgres::Statement;

// "KWSH": one node at a time moves shares.
constexpr std::int64_t kLock = 0x4b575348;

constexpr std::chrono::milliseconds kReadEvery{1'000};
constexpr std::chrono::milliseconds kReadOften{250};
constexpr std::chrono::milliseconds kAskEvery{400};
constexpr std::chrono::milliseconds kReportEvery{1'000};
constexpr std::chrono::milliseconds kWantsFor{1'500};
constexpr std::chrono::seconds kActiveFor{5};
// A node gives no more once it has as little as this of a limit, divided by the nodes.
constexpr std::int64_t kPartsKept = kWholeShare / 32;

}  // namespace

Result<void> LimitExchange::run(Connection& connection) {
  const auto now = clock_.boot_time();
  take_noted(now);
  if (now >= next_read_) {
    KW_CHECK_OK(read_changed(connection));
    next_read_ = now + (entries_.empty() ? kReadEvery : kReadOften);
  }
  look(now);
  std::vector<Place> due;
  for (const auto& [place, entry] : entries_) {
    if (entry.due) due.push_back(place);
    if (due.size() < kGroupsAtOnce) continue;
    KW_CHECK_OK(agree(connection, due, false));
    due.clear();
  }
  return due.empty() ? Result<void>{} : agree(connection, due, false);
}

// Everything goes back to the pool, for the others or the next start.
Result<void> LimitExchange::leave(Connection& connection) {
  take_noted(clock_.boot_time());
  KW_TRY(const Rows rows,
         connection.run(Statement("SELECT serial, slot, key FROM shares WHERE node = ?", me_)));
  for (int i = 0; i < rows.size(); ++i) {
    const auto id = domain::KeyId::parse(rows[i].text(2));
    if (id) entries_.try_emplace({rows[i].integer(0), rows[i].integer(1)}, Entry{.id = *id});
  }
  std::vector<Place> places;
  for (const auto& [place, entry] : entries_) places.push_back(place);
  for (std::size_t from = 0; from < places.size(); from += kGroupsAtOnce) {
    const std::size_t to = std::min(places.size(), from + kGroupsAtOnce);
    KW_CHECK_OK(agree(connection,
                      {places.begin() + static_cast<std::ptrdiff_t>(from),
                       places.begin() + static_cast<std::ptrdiff_t>(to)},
                      true));
  }
  return {};
}

void LimitExchange::take_noted(Nanoseconds now) {
  for (const Shares::Noted& noted : shares().take_noted()) {
    Entry& entry = entries_[{noted.serial, noted.slot}];
    entry.id = noted.id;
    entry.active_at = now;
    entry.due = true;
  }
}

// Found by transaction ids, as key_uses are.
Result<void> LimitExchange::read_changed(Connection& connection) {
  KW_TRY(const Rows rows,
         connection.run(
             Statement("SELECT h.horizon, serial, slot, key FROM (SELECT pg_snapshot_xmin("
                       "pg_current_snapshot())::text::bigint AS horizon) AS h LEFT JOIN shares ON "
                       "noted >= ? AND writer <> ?",
                       read_from_, me_)));
  for (int i = 0; i < rows.size(); ++i) {
    const auto row = rows[i];
    if (i == 0) read_from_ = row.integer(0);
    if (row.is_null(1)) continue;
    const auto id = domain::KeyId::parse(row.text(3));
    if (!id) continue;
    Entry& entry = entries_[{row.integer(1), row.integer(2)}];
    entry.id = *id;
    entry.active_at = clock_.boot_time();
    entry.due = true;
  }
  return {};
}

// Who is in want, whose credits were spent, and what nobody has needed for a while.
void LimitExchange::look(Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto& [place, entry] = *at;
    const Held held = hold(place, entry.id);
    if (held.key == nullptr) {
      at = entries_.erase(at);
      continue;
    }
    if ((held.word->fetch_and(~Shares::kWants) & Shares::kWants) != 0) {
      entry.wants_until = now + kWantsFor;
      entry.active_at = now;
    }
    const bool wants = now < entry.wants_until;
    const bool asks = wants && now - entry.agreed_at >= kAskEvery;
    const bool has_spent = held.credit != nullptr && now - entry.agreed_at >= kReportEvery &&
                           held.credit->begun.load() != held.cell->credits.load();
    entry.due |= asks || has_spent || (entry.has_said_want && !wants);
    if (has_spent) entry.active_at = now;
    if (!entry.due && now - entry.active_at >= kActiveFor) {
      held.word->fetch_and(~Shares::kNoted);
      at = entries_.erase(at);
      continue;
    }
    ++at;
  }
}

LimitExchange::Held LimitExchange::hold(const Place& place, const domain::KeyId& id) const {
  Held held;
  app::UsageMeter& meter = directory_.usage();
  const domain::KeyRecord* key = directory_.keys().find(id);
  if (key == nullptr || key->serial != place.serial) return held;
  if (place.slot == Shares::kCredits) {
    if (!key->policy->has_credits) return held;
    held.cell = &meter.file().cell(key->serial);
    held.credit = &shares().credit(key->serial);
    held.word = &held.credit->flags;
  } else {
    const auto index = static_cast<std::size_t>(place.slot);
    if (index >= key->policy->limits.size()) return held;
    held.limit = &key->policy->limits[index];
    held.state = &meter.limit_state(*key, index);
    held.word = &meter.limit_share(*key, index);
  }
  held.key = key;
  return held;
}

Result<void> LimitExchange::agree(Connection& connection, const std::vector<Place>& places,
                                  bool leaving) {
  std::vector<std::int64_t> serials;
  std::vector<std::int64_t> slots;
  for (const Place& place : places) {
    serials.push_back(place.serial);
    slots.push_back(place.slot);
  }
  const Statement reads[] = {
      Statement("BEGIN"), Statement("SELECT pg_advisory_xact_lock(?)", kLock),
      Statement("SELECT id FROM nodes"),
      Statement("SELECT serial, slot, node, epoch, amount, wants FROM shares WHERE (serial, slot) "
                "IN (SELECT * FROM unnest(?, ?))",
                std::span<const std::int64_t>(serials), std::span<const std::int64_t>(slots))};
  auto read = connection.run_all(reads);
  if (!read) {
    if (!connection.is_broken()) (void)connection.run(Statement("ROLLBACK"));
    return fail(std::move(read).error());
  }
  std::vector<Uuid> live{me_};
  for (int i = 0; i < (*read)[2].size(); ++i) {
    const Uuid id = (*read)[2][i].uuid(0);
    if (id != me_) live.push_back(id);
  }
  std::map<Place, Group> groups;
  for (const Place& place : places) groups[place];
  const Rows& rows = (*read)[3];
  for (int i = 0; i < rows.size(); ++i) {
    Group& group = groups[{rows[i].integer(0), rows[i].integer(1)}];
    group.epoch = std::max(group.epoch, rows[i].integer(3));
    group.rows[rows[i].uuid(2)] = {.epoch = rows[i].integer(3),
                                   .amount = rows[i].integer(4),
                                   .wants = rows[i].integer(5) != 0};
  }
  std::vector<Change> changes;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [place, group] : groups) changes.push_back(plan(place, group, live, leaving));
  }
  if (auto written = write(connection, groups); !written) {
    if (!connection.is_broken()) (void)connection.run(Statement("ROLLBACK"));
    return written;
  }
  const std::lock_guard lock(mutex_);
  for (const Change& change : changes) {
    Entry& entry = entries_[change.place];
    if (const Held held = hold(change.place, entry.id); held.key != nullptr) raise(held, change);
    entry.has_said_want = change.want;
    entry.agreed_at = clock_.boot_time();
    entry.due = false;
  }
  return {};
}

// The first that anybody writes of it, or what was written belongs to credits of before: what this
// node does not have is the others'.
void LimitExchange::begin(Group& group, const Held& held, std::int64_t epoch,
                          const std::vector<Uuid>& live) const {
  for (const auto& [node, row] : group.rows) group.gone.push_back(node);
  group.rows.clear();
  group.epoch = epoch;
  const bool is_limit = held.limit != nullptr;
  const std::int64_t mine =
      is_limit ? shares().parts(held.word->load()) : held.credit->begun.load();
  const std::int64_t all = is_limit ? kWholeShare : held.credit->configured.load();
  std::int64_t left = std::max<std::int64_t>(0, all - mine);
  const auto others = static_cast<std::int64_t>(live.size()) - 1;
  for (const Uuid& node : live) {
    const std::int64_t amount = node == me_ ? mine : std::max<std::int64_t>(0, all - mine) / others;
    group.rows[node] = {.epoch = epoch, .amount = amount, .changed = true};
    if (node != me_) left -= amount;
  }
  group.rows[Uuid{}] = {.epoch = epoch, .amount = left, .changed = true};
}

// What this node puts into the pool for others. Where all are in want, who has much evens it out.
std::int64_t LimitExchange::gift(const Held& held, const Group& group, std::int64_t has,
                                 bool want) const {
  std::int64_t poorest = -1;
  for (const auto& [node, row] : group.rows) {
    if (!row.wants || node == me_ || node.is_nil()) continue;
    poorest = poorest < 0 ? row.amount : std::min(poorest, row.amount);
  }
  if (poorest < 0) return 0;
  std::int64_t unused = has;
  if (held.limit != nullptr) {
    unused =
        std::min(has, domain::unused_parts(*held.limit, held.state->load(), clock_.now(), has));
    const std::int64_t keep = kPartsKept / shares().nodes();
    unused = std::clamp<std::int64_t>(has - keep, 0, unused);
  }
  if (want) return has > 2 * poorest + 2 ? std::min(unused, (has - poorest) / 2) : 0;
  return unused <= 4 ? unused : unused - unused / 4;
}

LimitExchange::Change LimitExchange::plan(const Place& place, Group& group,
                                          const std::vector<Uuid>& live, bool leaving) {
  const Entry& entry = entries_[place];
  Change change{.place = place};
  const Held held = hold(place, entry.id);
  if (held.key == nullptr) return change;
  const bool is_limit = held.limit != nullptr;
  const std::int64_t set_at = is_limit ? 0 : held.cell->credits_as_of.load();
  if (group.rows.empty() || group.epoch < set_at) begin(group, held, set_at, live);

  const std::int64_t mine =
      is_limit ? shares().parts(held.word->load()) : held.cell->credits.load();
  change.from = mine;
  if (!is_limit && group.epoch == set_at) change.spent = held.credit->begun.load() - mine;
  if (!is_limit && group.epoch > set_at) {  // refilled elsewhere
    held.credit->begun.store(mine);
    held.cell->credits_as_of.store(group.epoch);
  }
  Row& pool = group.rows[Uuid{}];
  std::int64_t others = 0;
  std::int64_t wanting = 0;
  for (auto at = group.rows.begin(); at != group.rows.end();) {
    const auto& [node, row] = *at;
    if (!node.is_nil() && std::ranges::find(live, node) == live.end()) {
      pool.amount += row.amount;
      pool.changed = true;
      group.gone.push_back(node);
      at = group.rows.erase(at);
      continue;
    }
    if (!node.is_nil() && node != me_) {
      others += row.amount;
      wanting += row.wants ? 1 : 0;
    }
    ++at;
  }
  const auto own = group.rows.find(me_);
  std::int64_t has = (own == group.rows.end() ? 0 : own->second.amount) - change.spent;
  std::int64_t pooled = pool.amount + std::min<std::int64_t>(0, has);
  has = std::max<std::int64_t>(0, has);

  if (!is_limit && held.key->policy->refill) {
    const auto& refill = *held.key->policy->refill;
    const std::int64_t boundary =
        to_unix_milliseconds(domain::refill_boundary(refill.interval, clock_.now()));
    if (boundary > group.epoch) {
      pooled += std::max<std::int64_t>(0, refill.amount - (others + has + pooled));
      group.epoch = to_unix_milliseconds(clock_.now());
      held.cell->credits_as_of.store(group.epoch);
      for (auto& [node, row] : group.rows) row.changed = true;
    }
  }
  change.want = !leaving && clock_.boot_time() < entry.wants_until;
  if (leaving) {
    pooled += std::exchange(has, 0);
  } else if (live.size() == 1) {
    const std::int64_t all = has + pooled;
    has = std::max<std::int64_t>(0, all);
    pooled = std::min<std::int64_t>(0, all);
  } else if (change.want && pooled > 0) {
    const std::int64_t part = std::max<std::int64_t>(1, pooled / (wanting + 1));
    has += part;
    pooled -= part;
  } else {
    const std::int64_t given = gift(held, group, has, change.want);
    has -= given;
    pooled += given;
  }
  if (pooled != pool.amount) pool.changed = true;
  pool.amount = pooled;
  Row& row = group.rows[me_];
  row.changed |= row.amount != has || row.wants != change.want;
  row.amount = has;
  row.wants = change.want;
  for (auto& [node, each] : group.rows) each.epoch = group.epoch;
  if (held.credit != nullptr)
    held.credit->elsewhere.store(std::max<std::int64_t>(0, others + pooled));
  change.raise = has - mine;
  if (change.raise < 0) lower(held, mine, -std::exchange(change.raise, 0));
  return change;
}

// Before the commit: what others will have is not spent here any more.
void LimitExchange::lower(const Held& held, std::int64_t from, std::int64_t by) const {
  if (held.credit != nullptr) {
    held.cell->credits.fetch_sub(by);
    held.credit->begun.fetch_sub(by);
    return;
  }
  raise(held, {.place = {}, .from = from, .raise = -by});
}

void LimitExchange::raise(const Held& held, const Change& change) const {
  if (held.credit != nullptr) {
    held.cell->credits.fetch_add(change.raise);
    held.credit->begun.fetch_add(change.raise - change.spent);
    return;
  }
  if (change.raise == 0) return;
  const std::int64_t parts = std::max<std::int64_t>(1, change.from + change.raise);
  std::int64_t word = held.word->load();
  while (!held.word->compare_exchange_weak(
      word, parts << Shares::kFlagBits | (word & (Shares::kNoted | Shares::kWants)))) {
  }
  std::int64_t state = held.state->load();
  while (!held.state->compare_exchange_weak(
      state, domain::with_share(*held.limit, state, clock_.now(), change.from, parts))) {
  }
}

Result<void> LimitExchange::write(Connection& connection, const std::map<Place, Group>& groups) {
  std::vector<std::int64_t> gone_serials, gone_slots, serials, slots, epochs, amounts, wants;
  std::vector<Uuid> gone, nodes;
  std::vector<std::string> keys;
  for (const auto& [place, group] : groups) {
    for (const Uuid& node : group.gone) {
      gone_serials.push_back(place.serial);
      gone_slots.push_back(place.slot);
      gone.push_back(node);
    }
    for (const auto& [node, row] : group.rows) {
      if (!row.changed) continue;
      serials.push_back(place.serial);
      slots.push_back(place.slot);
      nodes.push_back(node);
      keys.push_back(entries_[place].id.to_string());
      epochs.push_back(row.epoch);
      amounts.push_back(row.amount);
      wants.push_back(row.wants ? 1 : 0);
    }
  }
  using Numbers = std::span<const std::int64_t>;
  std::vector<Statement> statements;
  if (!gone.empty()) {
    statements.push_back(
        Statement("DELETE FROM shares USING unnest(?, ?, ?) AS g (serial, slot, node) "
                  "WHERE shares.serial = g.serial AND shares.slot = g.slot AND "
                  "shares.node = g.node",
                  Numbers(gone_serials), Numbers(gone_slots), std::span<const Uuid>(gone)));
  }
  if (!serials.empty()) {
    statements.push_back(Statement(
        "INSERT INTO shares SELECT serial, slot, node, key, epoch, amount, wants, ?, "
        "pg_current_xact_id()::text::bigint, now() FROM unnest(?, ?, ?, ?, ?, ?, ?) AS u (serial, "
        "slot, node, key, epoch, amount, wants) ON CONFLICT (serial, slot, node) DO UPDATE SET "
        "epoch = excluded.epoch, amount = excluded.amount, wants = excluded.wants, writer = "
        "excluded.writer, noted = excluded.noted, written_at = excluded.written_at",
        me_, Numbers(serials), Numbers(slots), std::span<const Uuid>(nodes),
        std::span<const std::string>(keys), Numbers(epochs), Numbers(amounts), Numbers(wants)));
  }
  statements.push_back(Statement("COMMIT"));
  KW_CHECK_OK(connection.run_all(statements));
  return {};
}

}  // namespace keywright::cluster
