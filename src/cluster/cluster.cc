#include "cluster/cluster.h"

#include <algorithm>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

namespace keywright::cluster {
namespace {

namespace postgres = store::postgres;
using std::chrono::milliseconds;

constexpr milliseconds kRenewEvery{250};
constexpr milliseconds kLookEvery{1'000};
constexpr std::chrono::minutes kTrimEvery{10};
constexpr int kRoundsMax = 100;

Error behind() {
  return Error(Code::unavailable, postgres::kStoreUnavailable,
               "The store changes faster than this node can follow. Try again in a moment.")
      .with_retry_after_seconds(1);
}

}  // namespace

Cluster::Cluster(postgres::PostgresStore& store, app::Directory& directory, app::Barrier& barrier,
                 const Clock& clock, UuidGenerator& ids, ClusterOptions options)
    : store_(store),
      directory_(directory),
      barrier_(barrier),
      clock_(clock),
      me_(ids.next()),
      options_(std::move(options)),
      renew_every_(std::min<milliseconds>(kRenewEvery, options_.max_staleness / 4)),
      freshness_(clock, options_.max_staleness),
      opener_(store.make_opener(kClusterTimeouts)),
      usage_(directory.usage().file(), clock),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      acknowledger_(store, clock, me_) {}

Cluster::Node Cluster::row() const {
  return {.id = me_,
          .applied = applied_.position,
          .max_staleness = options_.max_staleness,
          .name = options_.name,
          .version = options_.version};
}

Result<void> Cluster::join() {
  KW_CHECK_OK(open_feed());
  KW_CHECK_OK(postgres::join(*connection_, row()));
  joined_ = true;
  return {};
}

void Cluster::loaded() {
  const std::lock_guard lock(mutex_);
  applied_ = store_.loaded();
  store_.note_position(applied_.position);
}

void Cluster::start() {
  thread_ = std::thread([this] { feed(); });
}

bool Cluster::wait_until_fresh(milliseconds time) {
  return first_lease_.get_future().wait_for(time) == std::future_status::ready;
}

// Nothing is answered any more: nobody has to wait for this node.
void Cluster::stop() {
  if (!stopping_.exchange(true)) {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
  }
  if (thread_.joinable()) thread_.join();
  acknowledger_.stop();
  if (std::exchange(joined_, false) && connection_ != nullptr && !connection_->is_broken()) {
    (void)usage_.flush(*connection_);
    (void)postgres::leave(*connection_, me_);
  }
  connection_.reset();
  if (wake_ >= 0) ::close(std::exchange(wake_, -1));
}

// -- the writer's turn

Result<void> Cluster::begin() {
  std::unique_lock lock(mutex_);
  for (int round = 0; round < 3; ++round) {
    KW_TRY(postgres::Turn turn, store_.begin_turn(applied_));
    if (turn.missing.resync) {  // takes longer than a turn may
      store_.end_turn();
      KW_CHECK_OK(resync());
      continue;
    }
    if (auto applied = apply(turn.missing); !applied) {
      store_.end_turn();
      return applied;
    }
    turn_nodes_ = std::move(turn.nodes);
    turn_lock_ = std::move(lock);
    return {};
  }
  return fail(behind());
}

void Cluster::end() {
  turn_ended_at_ = clock_.boot_time();
  store_.end_turn();
  const bool has_written = store_.head() != applied_;
  applied_ = store_.head();
  turn_position_ = applied_.position;
  turn_lock_.unlock();
  if (has_written) acknowledger_.tell();
}

void Cluster::when_applied(Wait wait, std::function<void(Result<int> nodes)> done) {
  acknowledger_.wait({.position = turn_position_,
                      .others = turn_nodes_,
                      .committed_at = turn_ended_at_,
                      .wait = wait,
                      .done = std::move(done)});
}

Result<void> Cluster::apply(const postgres::Missing& missing) {
  if (missing.resync) return resync();
  if (missing.head == applied_) return {};
  directory_.apply(missing.changes);
  barrier_.pass();
  directory_.free_retired();
  applied_ = missing.head;
  store_.note_position(applied_.position);
  return {};
}

Result<void> Cluster::resync() {
  log_warning("resync", {{"position", applied_.position}});
  KW_TRY(const std::vector<domain::KeyId> revived, directory_.reload(store_));
  barrier_.pass();
  directory_.free_retired();
  applied_ = store_.loaded();
  store_.note_position(applied_.position);
  ++resyncs_;
  if (!revived.empty()) {
    log_error("store_was_put_back", {{"revoked_keys_missing", revived.size()}});
    if (on_revived_) on_revived_(revived);
  }
  return {};
}

// -- the feed

void Cluster::feed() {
  bool was_told = true;  // the first renewal is at once
  while (!stopping_) {
    auto done = step(was_told);
    was_told = false;
    if (done) {
      failing_ = false;
      auto notices = connection_->wait(renew_every_, wake_);
      if (!notices) {
        note_failure(notices.error());
        continue;
      }
      const std::string own = me_.to_string();
      for (const postgres::Notice& notice : *notices) was_told |= notice.payload != own;
      continue;
    }
    note_failure(done.error());
    pollfd stop{.fd = wake_, .events = POLLIN, .revents = 0};
    (void)::poll(&stop, 1, static_cast<int>(renew_every_.count()) / 2);
  }
}

void Cluster::note_failure(const Error& error) {
  if (!failing_) log_warning("store_unreachable", {{"why", error.internal()}});
  failing_ = true;
}

Result<void> Cluster::open_feed() {
  if (connection_ != nullptr && !connection_->is_broken()) return {};
  connection_.reset();
  KW_TRY(connection_, opener_.open());
  KW_CHECK_OK(connection_->run(postgres::Statement(postgres::kListen)));
  return {};
}

Result<void> Cluster::step(bool was_told) {
  KW_CHECK_OK(open_feed());
  if (was_told) KW_CHECK_OK(follow());
  KW_CHECK_OK(renew());
  if (clock_.boot_time() - looked_at_ >= kLookEvery) KW_CHECK_OK(look_after_others());
  return usage_.run(*connection_);
}

store::postgres::LogPoint Cluster::applied() {
  const std::lock_guard lock(mutex_);
  return applied_;
}

// The lease. What is durable when the mark is taken is in the answer's head, or comes after it was
// taken; and who commits after it finds this node's row.
Result<void> Cluster::renew() {
  for (int round = 0; round < kRoundsMax && !stopping_; ++round) {
    const postgres::LogPoint said = applied();
    const Freshness::Mark asked_at = freshness_.mark();
    KW_TRY(const auto head, postgres::renew(*connection_, me_, said.position));
    if (!head) {  // the others have given this node up
      const std::lock_guard lock(mutex_);
      KW_CHECK_OK(postgres::join(*connection_, row()));
      continue;
    }
    const postgres::LogPoint now = applied();  // the writer may have gone on meanwhile
    const bool is_past = now.position > head->position && head->position >= said.position;
    if (now != *head && !is_past) {
      KW_CHECK_OK(follow());
      continue;
    }
    freshness_.extend(asked_at);
    if (!std::exchange(has_lease_, true)) first_lease_.set_value();
    if (now == said || round > 0) return {};  // else what the writer took in is said, too
  }
  return {};
}

Result<void> Cluster::follow() {
  const std::lock_guard lock(mutex_);
  KW_TRY(const postgres::Missing missing, postgres::read_missing(*connection_, applied_));
  return apply(missing);
}

// A node that has not renewed for as long as it may answer, seen from here, is gone. It finds its
// row missing should it come back.
Result<void> Cluster::look_after_others() {
  const auto now = clock_.boot_time();
  looked_at_ = now;
  KW_TRY(const postgres::Rows rows, connection_->run(postgres::select_nodes()));
  std::map<Uuid, Seen> seen;
  const std::vector<Node> nodes = postgres::read_nodes(rows);
  for (const Node& node : nodes) {
    const auto known = seen_.find(node.id);
    const bool silent = known != seen_.end() && known->second.renewals == node.renewals;
    const Seen since = silent ? known->second : Seen{node.renewals, now};
    if (node.id != me_ && now - since.since >= node.max_staleness + kMargin) {
      log_warning("node_gone", {{"node", node.id.to_string()}, {"name", node.name}});
      KW_CHECK_OK(postgres::remove_silent(*connection_, node));
      continue;
    }
    seen.emplace(node.id, since);
  }
  seen_ = std::move(seen);
  nodes_ = static_cast<std::int64_t>(seen_.size());
  if (now - trimmed_at_ >= kTrimEvery) {
    trimmed_at_ = now;
    KW_CHECK_OK(postgres::trim_log(*connection_, clock_.now()));
  }
  return {};
}

}  // namespace keywright::cluster
