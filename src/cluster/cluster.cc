#include "cluster/cluster.h"

#include <algorithm>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

namespace keywright::cluster {
namespace {

namespace postgres = store::postgres;
using std::chrono::milliseconds;

constexpr milliseconds kRenewEvery{250};
constexpr milliseconds kLookEvery{1'000};
constexpr std::chrono::minutes kTrimEvery{10};
constexpr milliseconds kTellEvery{1'000};
constexpr int kRoundsMax = 100;
constexpr std::size_t kIdBytesMax = 100;

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
      limits_(directory, mutex_, clock, me_),
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
  directory_.usage().share();
  KW_CHECK_OK(leave_for_previous());
  KW_CHECK_OK(postgres::join(*connection_, row()));
  joined_ = true;
  KW_TRY(const postgres::Rows rows, connection_->run(postgres::select_nodes()));
  note_nodes(postgres::read_nodes(rows));
  return {};
}

// The node that had this directory before has ended, since its lock is this one's now.
Result<void> Cluster::leave_for_previous() {
  if (options_.id_file.empty()) return {};
  if (const auto text = read_file(options_.id_file, kIdBytesMax)) {
    const auto previous = Uuid::parse(text->substr(0, text->find('\n')));
    if (previous) KW_CHECK_OK(postgres::leave(*connection_, *previous));
  }
  (void)atomic_write_file(options_.id_file, me_.to_string() + "\n", 0600);  // else it is waited for
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
    if (directory_.usage().shares() != nullptr) (void)limits_.leave(*connection_);
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
  if (std::exchange(takes_lost_, false) && has_written) has_lost_ = false;
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
  store_.removals().note(missing, clock_.now());
  barrier_.pass();
  directory_.free_retired();
  applied_ = missing.head;
  store_.note_position(applied_.position);
  return {};
}

Result<void> Cluster::resync() {
  log_warning("resync", {{"position", applied_.position}});
  freshness_.lapse();  // for a moment the records may lack what the store has lost
  KW_TRY(const std::vector<domain::KeyId> revived, directory_.reload(store_));
  KW_CHECK_OK(find_lost());
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

// What the store does not have any more is not in question; the rest holds here at once.
Result<void> Cluster::find_lost() {
  postgres::Opener opener = store_.make_opener(kClusterTimeouts);
  KW_TRY(const auto connection, opener.open());
  KW_TRY(store::Transaction lost, store_.removals().find_lost(*connection));
  std::erase_if(lost.records, [&](const store::RecordWrite& write) {
    return !directory_.has_record(write.record.type, write.record.id);
  });
  std::erase_if(lost.keys,
                [&](const domain::Key& key) { return directory_.keys().find(key.id) == nullptr; });
  if (lost.records.empty() && lost.keys.empty()) return {};
  log_error("store_lost_removals", {{"records", lost.records.size()}, {"keys", lost.keys.size()}});
  directory_.apply(lost);
  lost_ = std::move(lost);
  has_lost_ = true;
  return {};
}

store::Transaction Cluster::take_lost() {
  takes_lost_ = has_lost_;
  return has_lost_ ? lost_ : store::Transaction{};
}

bool Cluster::has_lost() {
  const std::lock_guard lock(mutex_);
  return has_lost_;
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
  const bool shares = directory_.usage().shares() != nullptr;
  if (shares && !has_lease_) KW_CHECK_OK(limits_.run(*connection_));  // before the first answer
  KW_CHECK_OK(renew());
  if (clock_.boot_time() - looked_at_ >= kLookEvery) KW_CHECK_OK(look_after_others());
  if (shares) KW_CHECK_OK(limits_.run(*connection_));
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
    if (has_lost()) {
      const bool told = clock_.boot_time() - told_of_lost_at_ < kTellEvery;
      if (!told) told_of_lost_at_ = clock_.boot_time();
      if (!told && on_lost_) on_lost_();
      return {};
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

// All nodes count alike, so that their shares add up.
void Cluster::note_nodes(const std::vector<Node>& nodes) {
  std::int64_t lower = 0;
  for (const Node& node : nodes) lower += node.id < me_ ? 1 : 0;
  nodes_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(nodes.size()));
  if (app::Shares* shares = directory_.usage().shares()) shares->set_nodes(nodes_, lower);
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
  note_nodes(nodes);
  if (now - trimmed_at_ >= kTrimEvery) {
    trimmed_at_ = now;
    KW_CHECK_OK(postgres::trim_log(*connection_, clock_.now()));
  }
  return {};
}

}  // namespace keywright::cluster
