#include "forwarding/forwarder.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "app/upstream.h"
#include "json/codec.h"

namespace keywright::forwarding {
namespace {

using app::Forwarding;
using app::ForwardingState;
using app::ForwardingTest;
using domain::PlatformId;

constexpr std::size_t kWorkingMax = 16;
constexpr std::size_t kTrialsMax = 8;
constexpr std::size_t kKeptConnections = 32;
constexpr std::size_t kResponseBytesMax = 4 * 1024 * 1024;

std::optional<std::int64_t> parse_sequence(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

Error stopping() {
  return Error(Code::unavailable, "stopping", "The server is stopping; try again in a moment.")
      .with_retry_after_seconds(1);
}

struct ReadRow {
  Forwarding settings;
  LaneState state;
};

std::optional<ReadRow> read_row(const traces::ForwardingRow& row) {
  auto settings = json::decode<Forwarding>(row.settings, {.form = json::Form::store});
  auto state = json::decode<LaneState>(row.state, {.form = json::Form::store});
  if (!settings) {
    log_error("forwarding_not_read", {{"platform", row.platform.to_string()}});
    return std::nullopt;
  }
  return ReadRow{std::move(*settings), state ? std::move(*state) : LaneState()};
}

Error gone() { return Error(Code::not_found, "not_found", "This platform is not forwarded."); }

}  // namespace

Forwarder::Forwarder(traces::TraceStore& store, const crypto::Keyring& keyring, const Clock& clock,
                     Random& random, ForwarderOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      client_(loop_, client_options(options_.request_timeout)),
      trial_client_(loop_, client_options(options_.test_timeout)),
      works_(store),
      tools_{store, works_, loop_, client_, keyring, clock, random, options_.lane} {}

Forwarder::~Forwarder() { stop(); }

http::ClientOptions Forwarder::client_options(std::chrono::milliseconds request_timeout) const {
  http::ClientOptions options;
  options.connect_timeout = std::min(options_.connect_timeout, request_timeout);
  options.request_timeout = request_timeout;
  options.max_kept_connections = kKeptConnections;
  options.max_response_bytes = kResponseBytesMax;
  options.allow = [this](const IpAddress& address) {
    return app::upstream_address_allowed(address, options_.allowed_upstreams);
  };
  return options;
}

Result<void> Forwarder::start() {
  KW_TRY(const std::vector<traces::ForwardingRow> rows, store_.forwardings());
  for (const traces::ForwardingRow& row : rows) {
    if (auto read = read_row(row)) take(std::move(read->settings), std::move(read->state));
  }
  store_.on_queued([this](const std::vector<PlatformId>& platforms) {
    loop_.post([this, platforms] {
      for (const PlatformId& platform : platforms) {
        const auto place = places_.find(platform);
        if (place != places_.end()) poke(place->second);
      }
    });
  });
  store_.on_forwardings_changed([this] { loop_.post([this] { refresh(); }); });
  loops_.start();
  return {};
}

// What is under way is cut, and sent again after the next start.
void Forwarder::stop() {
  if (!loops_.is_running()) return;
  loops_.stop();
  for (auto& [platform, place] : places_) {
    if (!place.removed) place.lane->save();
  }
  works_.wait();
  places_.clear();
  for (const auto& trial : trials_) {
    if (trial->done) std::exchange(trial->done, nullptr)(fail(stopping()));
  }
  trials_.clear();
}

std::vector<PlatformId> Forwarder::platforms() const {
  const std::lock_guard lock(seen_mutex_);
  std::vector<PlatformId> platforms;
  for (const auto& [platform, seen] : seen_) platforms.push_back(platform);
  return platforms;
}

ForwarderTotals Forwarder::totals() const {
  const std::lock_guard lock(seen_mutex_);
  ForwarderTotals totals;
  totals.platforms = seen_.size();
  for (const auto& [platform, seen] : seen_) {
    totals.delivered += static_cast<std::uint64_t>(seen.state.delivered);
    totals.failures += static_cast<std::uint64_t>(seen.state.failures);
  }
  return totals;
}

// What is known here, or, of another process's, what it wrote down.
Result<std::optional<Forwarder::Seen>> Forwarder::look_up(PlatformId platform) {
  std::optional<Seen> seen;
  {
    const std::lock_guard lock(seen_mutex_);
    const auto found = seen_.find(platform);
    if (found != seen_.end()) seen = found->second;
  }
  if (!store_.is_shared()) return seen;
  KW_TRY(const auto row, store_.forwarding(platform));
  auto read = row ? read_row(*row) : std::nullopt;
  if (!read) return std::nullopt;
  if (!seen || !seen->is_ours) {
    seen.emplace();
    seen->next_attempt_at = read->state.next_attempt_at;
    seen->state = std::move(read->state);
  }
  seen->settings = std::move(read->settings);
  return seen;
}

Result<std::optional<Forwarding>> Forwarder::find(PlatformId platform) {
  KW_TRY(auto seen, look_up(platform));
  if (!seen) return std::nullopt;
  return std::move(seen->settings);
}

Result<ForwardingState> Forwarder::state(PlatformId platform) {
  KW_TRY(const auto found, look_up(platform));
  if (!found) return fail(gone());
  const Seen& seen = *found;
  KW_TRY(const traces::QueueState queue, store_.queue_state(platform, seen.done_until));
  ForwardingState state;
  state.queued = queue.queued;
  state.dead_letters = queue.dead;
  if (queue.oldest_at) {
    const auto waited = clock_.now() - *queue.oldest_at;
    state.lag_seconds =
        std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(waited).count(), 0);
  }
  state.delivered = seen.state.delivered;
  state.failures = seen.state.failures;
  state.last_success_at = seen.state.last_success_at;
  state.last_error_at = seen.state.last_error_at;
  state.last_error = seen.state.last_error;
  state.next_attempt_at = seen.next_attempt_at;
  return state;
}

Result<void> Forwarder::put(const Forwarding& forwarding) {
  const std::lock_guard lock(put_mutex_);
  traces::ForwardingRow row;
  row.platform = forwarding.platform_id;
  row.project = forwarding.project_id;
  row.settings = json::encode(forwarding, {.form = json::Form::store});
  row.state = json::encode(LaneState());
  KW_CHECK_OK(store_.run_work([row](traces::Outbox& outbox) { return outbox.put(row); }));
  {
    const std::lock_guard seen_lock(seen_mutex_);
    seen_[forwarding.platform_id].settings = forwarding;
  }
  loop_.post([this, forwarding] { take(forwarding, LaneState()); });
  return {};
}

Result<void> Forwarder::remove(PlatformId platform) {
  const std::lock_guard lock(put_mutex_);
  const auto drop = [platform](traces::Outbox& outbox) { return outbox.remove(platform); };
  KW_CHECK_OK(store_.run_work(drop));
  {
    const std::lock_guard seen_lock(seen_mutex_);
    seen_.erase(platform);
  }
  loop_.post([this, platform] { let_go(platform); });
  return {};
}

void Forwarder::forget(PlatformId platform) {
  {
    const std::lock_guard lock(seen_mutex_);
    if (seen_.erase(platform) == 0) return;
  }
  works_.submit([platform](traces::Outbox& outbox) { return outbox.remove(platform); });
  loop_.post([this, platform] { let_go(platform); });
}

Result<app::DeadTracePage> Forwarder::dead_letters(PlatformId platform, std::string_view cursor,
                                                   int limit) {
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  if (!cursor.empty()) {
    const auto number = parse_sequence(cursor);
    if (!number) {
      return fail(Code::invalid_argument, "invalid_cursor",
                  "The cursor is none that an earlier page gave.");
    }
    before = *number;
  }
  KW_TRY(const std::vector<traces::BuriedTrace> rows, store_.buried(platform, before, limit + 1));
  app::DeadTracePage page;
  for (const traces::BuriedTrace& row : rows) {
    if (page.items.size() == static_cast<std::size_t>(limit)) {
      page.next_cursor = page.items.back().id;
      break;
    }
    app::DeadTrace& item = page.items.emplace_back();
    item.id = std::to_string(row.letter.queued.sequence);
    if (!row.trace_id.is_nil()) item.trace_id = row.trace_id.to_string();
    item.revision = row.letter.queued.revision;
    if (row.letter.status != 0) item.status = row.letter.status;
    item.error = row.letter.problem;
    item.attempts = row.letter.attempts;
    item.queued_at = row.letter.queued.queued_at;
    item.failed_at = row.letter.failed_at;
  }
  return page;
}

Result<std::int64_t> Forwarder::redrive(PlatformId platform, const std::optional<std::string>& id) {
  std::int64_t sequence = 0;
  if (id) {
    const auto number = parse_sequence(*id);
    if (!number) return 0;
    sequence = *number;
  }
  std::int64_t count = 0;
  KW_CHECK_OK(store_.run_work([&](traces::Outbox& outbox) -> Result<void> {
    KW_TRY(count, outbox.redrive(platform, sequence, clock_.now()));
    return {};
  }));
  loop_.post([this, platform] {
    const auto place = places_.find(platform);
    if (place != places_.end()) wake(place->second);
  });
  return count;
}

// -- On the loop.

void Forwarder::take(Forwarding settings, LaneState state) {
  Place& place = places_[settings.platform_id];
  if (place.lane == nullptr) {
    place.lane = std::make_unique<Lane>(tools_, std::move(settings), std::move(state));
  } else {
    place.removed = false;
    place.lane->apply(std::move(settings));
  }
  show(place, std::nullopt);
  wake(place);
}

// Another process changed what is forwarded, or where to.
void Forwarder::refresh() {
  const auto rows = store_.forwardings();
  if (!rows) return;  // said again after the next change, and looked up where it matters
  std::set<PlatformId> known;
  for (const traces::ForwardingRow& row : *rows) {
    auto read = read_row(row);
    if (!read) continue;
    known.insert(row.platform);
    const auto place = places_.find(row.platform);
    const json::EncodeOptions whole{.form = json::Form::store};
    const bool is_same =
        place != places_.end() && !place->second.removed &&
        json::encode(place->second.lane->settings(), whole) == json::encode(read->settings, whole);
    if (!is_same) take(std::move(read->settings), std::move(read->state));
  }
  std::vector<PlatformId> gone_now;
  for (const auto& [platform, place] : places_) {
    if (!known.contains(platform)) gone_now.push_back(platform);
  }
  for (const PlatformId& platform : gone_now) let_go(platform);
}

void Forwarder::let_go(PlatformId platform) {
  const auto found = places_.find(platform);
  if (found == places_.end()) return;
  Place& place = found->second;
  loop_.cancel(std::exchange(place.timer, net::TimerId::none));
  place.removed = true;
  store_.release(platform);
  {
    const std::lock_guard lock(seen_mutex_);
    seen_.erase(platform);
  }
  pump();
}

void Forwarder::poke(Place& place) {
  if (place.removed || !place.lane->settings().enabled) return;
  if (place.is_working) {
    place.poked = true;
    return;
  }
  if (place.timer != net::TimerId::none || std::exchange(place.is_ready, true)) return;
  ready_.push_back(place.lane->platform());
  loop_.post([this] { pump(); });
}

void Forwarder::wake(Place& place) {
  loop_.cancel(std::exchange(place.timer, net::TimerId::none));
  place.lane->forgive();
  poke(place);
}

// Never from within a lane's own work: it may end the one that called.
void Forwarder::pump() {
  std::erase_if(places_,
                [](const auto& each) { return each.second.removed && !each.second.is_working; });
  while (working_ < kWorkingMax && !ready_.empty()) {
    const auto found = places_.find(ready_.front());
    ready_.pop_front();
    if (found == places_.end()) continue;
    Place& place = found->second;
    place.is_ready = false;
    if (place.is_working || place.removed) continue;
    place.is_working = true;
    place.poked = false;
    ++working_;
    place.work = work(place);
  }
}

Companion Forwarder::work(Place& place) {
  const Lane::Rest left = co_await place.lane->send_some();
  place.is_working = false;
  --working_;
  rest(place, left);
}

void Forwarder::rest(Place& place, Lane::Rest left) {
  loop_.post([this] { pump(); });
  if (place.removed) return;
  std::optional<Time> next;
  if (left.wait && place.lane->settings().enabled) {
    next = clock_.now() + *left.wait;
    const PlatformId platform = place.lane->platform();
    place.timer = loop_.run_after(*left.wait, [this, platform] {
      const auto found = places_.find(platform);
      if (found == places_.end()) return;
      found->second.timer = net::TimerId::none;
      poke(found->second);
    });
  } else if (left.more || place.poked) {
    poke(place);
  }
  show(place, next);
}

void Forwarder::show(const Place& place, std::optional<Time> next_attempt_at) {
  const std::lock_guard lock(seen_mutex_);
  const Lane& lane = *place.lane;
  if (place.removed) return;
  const auto [found, fresh] = seen_.try_emplace(lane.platform());
  Seen& seen = found->second;
  // Newer settings may be on their way here.
  if (fresh || seen.settings.updated_at <= lane.settings().updated_at) {
    seen.settings = lane.settings();
  }
  seen.state = lane.state();
  seen.done_until = lane.done_until();
  seen.next_attempt_at = next_attempt_at;
  seen.is_ours = !store_.is_shared() || lane.is_ours();
}

void Forwarder::test(PlatformId platform, std::function<void(Result<ForwardingTest>)> done) {
  auto trial = std::make_shared<Trial>();
  trial->done = std::move(done);
  loop_.post([this, platform, trial] { begin_trial(platform, trial); });
}

void Forwarder::begin_trial(PlatformId platform, std::shared_ptr<Trial> trial) {
  std::erase_if(trials_, [](const auto& each) { return !each->done; });
  if (!places_.contains(platform)) refresh();
  const auto place = places_.find(platform);
  if (place == places_.end()) return std::exchange(trial->done, nullptr)(fail(gone()));
  if (trials_.size() >= kTrialsMax) {
    return std::exchange(trial->done, nullptr)(
        fail(Error(Code::unavailable, "overloaded", "Too many tests are under way.")
                 .with_retry_after_seconds(1)));
  }
  trials_.push_back(trial);
  trial->work = try_out(*place->second.lane, trial.get());
}

Companion Forwarder::try_out(Lane& lane, Trial* trial) {
  ForwardingTest test = co_await lane.send_example(trial_client_);
  std::exchange(trial->done, nullptr)(std::move(test));
}

}  // namespace keywright::forwarding
