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
constexpr std::int64_t kTrimmedAtOnce = 10'000;

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

void LimitExchange::divide(std::int64_t nodes, std::int64_t rank) {
  const std::lock_guard lock(mutex_);
  const std::int64_t before = shares().nodes();
  shares().set_nodes(nodes, rank);
  if (nodes == before) return;
  directory_.keys().for_each([&](const domain::KeyRecord& key) {
    if (key.policy->has_credits) divide_credits(key);
    for (std::size_t i = 0; i < key.policy->limits.size(); ++i) divide_limit(key, i, before);
  });
}

// Of which no row tells.
void LimitExchange::divide_credits(const domain::KeyRecord& key) const {
  Shares::Credit& credit = shares().credit(key.serial);
  app::UsageCell& cell = directory_.usage().file().cell(key.serial);
  const auto agreed = agreed_.find(key.serial);
  if (agreed != agreed_.end() && agreed->second >= cell.credits_as_of.load()) return;
  const std::int64_t more =
      shares().credits_of(credit.configured.load(), key.serial) - credit.begun.load();
  credit.begun.fetch_add(more);
  credit.elsewhere.fetch_sub(more);
  cell.credits.fetch_add(more);
}

// What was used is counted on. Where that is more than the new share can do without, the node keeps
// what it has used, and says so.
void LimitExchange::divide_limit(const domain::KeyRecord& key, std::size_t index,
                                 std::int64_t before) const {
  app::UsageMeter& meter = directory_.usage();
  auto& word = meter.limit_share(key, index);
  auto& state = meter.limit_state(key, index);
  if (word.load() >> Shares::kFlagBits != 0 || state.load() == 0) return;
  const domain::Limit& limit = key.policy->limits[index];
  const std::int64_t had = kWholeShare / before;
  const std::int64_t share = kWholeShare / shares().nodes();
  const std::int64_t used =
      had - std::min(had, domain::unused_parts(limit, state.load(), clock_.now(), had));
  const std::int64_t has = std::max(share, used);
  if (used > share / 2) {
    word.fetch_or(has << Shares::kFlagBits);
    shares().press(word, 0, key, static_cast<std::int64_t>(index));
  }
  move_state(limit, state, had, has);
}

Result<void> LimitExchange::trim(Connection& connection, const Uuid& me) {
  const Statement statements[] = {
      Statement("BEGIN"), Statement("SELECT pg_advisory_xact_lock(?)", kLock),
      Statement("DELETE FROM shares WHERE (serial, slot) IN (SELECT shares.serial, slot FROM "
                "shares LEFT JOIN keys ON keys.serial = shares.serial WHERE keys.serial IS NULL "
                "OR keys.state = 2 LIMIT ?)",
                kTrimmedAtOnce),
      Statement("WITH gone AS (DELETE FROM shares WHERE (serial, slot, node) IN (SELECT serial, "
                "slot, node FROM shares LEFT JOIN nodes ON nodes.id = node WHERE nodes.id IS NULL "
                "AND node <> ? LIMIT ?) RETURNING serial, slot, key, epoch, amount) "
                "INSERT INTO shares SELECT serial, slot, ?, key, max(epoch), sum(amount)::bigint, "
                "0, ?, pg_current_xact_id()::text::bigint, now() FROM gone GROUP BY serial, slot, "
                "key ON CONFLICT (serial, slot, node) DO UPDATE SET amount = shares.amount + "
                "excluded.amount, writer = excluded.writer, noted = excluded.noted, written_at = "
                "excluded.written_at",
                Uuid{}, kTrimmedAtOnce, Uuid{}, me),
      Statement("COMMIT")};
  auto done = connection.run_all(statements);
  if (done) return {};
  if (!connection.is_broken()) (void)connection.run(Statement("ROLLBACK"));
  return fail(std::move(done).error());
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

Result<LimitExchange::Groups> LimitExchange::read(Connection& connection,
                                                  const std::vector<Place>& places,
                                                  std::vector<Uuid>& live) {
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
  KW_TRY(const std::vector<Rows> read, connection.run_all(reads));
  live = {me_};
  for (int i = 0; i < read[2].size(); ++i) {
    const Uuid id = read[2][i].uuid(0);
    if (id != me_) live.push_back(id);
  }
  Groups groups;
  for (const Place& place : places) groups[place];
  for (int i = 0; i < read[3].size(); ++i) {
    const auto row = read[3][i];
    ShareGroup& group = groups[{row.integer(0), row.integer(1)}];
    group.epoch = std::max(group.epoch, row.integer(3));
    group.rows[row.uuid(2)] = {.amount = row.integer(4), .wants = row.integer(5) != 0};
  }
  return groups;
}

Result<void> LimitExchange::agree(Connection& connection, const std::vector<Place>& places,
                                  bool leaving) {
  std::vector<Change> changes;
  auto written = [&]() -> Result<void> {
    std::vector<Uuid> live;
    KW_TRY(Groups groups, read(connection, places, live));
    {
      const std::lock_guard lock(mutex_);
      for (auto& [place, group] : groups) changes.push_back(plan(place, group, live, leaving));
    }
    return write(connection, groups);
  }();
  if (!written) {
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

ShareAsk LimitExchange::ask(const Held& held, const std::vector<Uuid>& live) const {
  ShareAsk ask{.me = me_, .live = live};
  if (held.limit != nullptr) {
    ask.all = kWholeShare;
    ask.begun = shares().parts(held.word->load());
    ask.used = ask.begun - std::min(ask.begun, domain::unused_parts(*held.limit, held.state->load(),
                                                                    clock_.now(), ask.begun));
    ask.kept = kPartsKept / shares().nodes();
    return ask;
  }
  ask.all = held.credit->configured.load();
  ask.since = held.cell->credits_as_of.load();
  ask.begun = held.credit->begun.load();
  ask.spent = ask.begun - held.cell->credits.load();
  if (const auto& refill = held.key->policy->refill) {
    const Time now = clock_.now();
    ask.refill = {.amount = refill->amount,
                  .boundary = to_unix_milliseconds(domain::refill_boundary(refill->interval, now)),
                  .now = to_unix_milliseconds(now)};
  }
  return ask;
}

LimitExchange::Change LimitExchange::plan(const Place& place, ShareGroup& group,
                                          const std::vector<Uuid>& live, bool leaving) {
  const Entry& entry = entries_[place];
  Change change{.place = place};
  const Held held = hold(place, entry.id);
  if (held.key == nullptr) return change;
  ShareAsk asked = ask(held, live);
  asked.wants = !leaving && clock_.boot_time() < entry.wants_until;
  asked.leaves = leaving;
  const ShareAnswer answer = agree_on(group, asked);
  change.from = asked.begun - asked.spent;
  change.spent = answer.spent;
  change.want = asked.wants;
  change.raise = answer.amount - change.from;
  if (held.credit != nullptr) {
    if (group.epoch > asked.since) {  // refilled, here or elsewhere
      held.credit->begun.store(change.from + answer.spent);
      held.cell->credits_as_of.store(group.epoch);
    }
    held.credit->elsewhere.store(answer.elsewhere);
    agreed_[place.serial] = group.epoch;
  }
  if (change.raise < 0) lower(held, change.from, -std::exchange(change.raise, 0));
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
  const bool is_said = held.word->load() >> Shares::kFlagBits != 0;
  if (change.raise == 0 && is_said) return;  // else it would follow the number of nodes
  const std::int64_t parts = std::max<std::int64_t>(1, change.from + change.raise);
  std::int64_t word = held.word->load();
  while (!held.word->compare_exchange_weak(
      word, parts << Shares::kFlagBits | (word & (Shares::kNoted | Shares::kWants)))) {
  }
  move_state(*held.limit, *held.state, change.from, parts);
}

void LimitExchange::move_state(const domain::Limit& limit, std::atomic<std::int64_t>& state,
                               std::int64_t from, std::int64_t to) const {
  std::int64_t seen = state.load();
  while (
      !state.compare_exchange_weak(seen, domain::with_share(limit, seen, clock_.now(), from, to))) {
  }
}

Result<void> LimitExchange::write(Connection& connection, const Groups& groups) {
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
      epochs.push_back(group.epoch);
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
