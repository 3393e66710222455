#include "cluster/cluster.h"

#include <algorithm>
#include <utility>

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
constexpr milliseconds kKeepRemovalEvery{5'000};
// How long nodes that may know of lost removals are waited for at a server that is new.
constexpr milliseconds kOthersSettle{4'000};
// How long a node that joins waits for others to count it. One that is well does within a fifth of
// a second; rows of processes that ended, which a new server may show, never do.
constexpr milliseconds kOthersCount{4'000};
// How often a node looks that is waiting for others, or for its own writer.
constexpr milliseconds kHeldUpEvery{25};
constexpr milliseconds kTurnMayWait{500};
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
      last_removal_(options_.removal_file),
      usage_(directory.usage().file(), clock),
      limits_(directory, mutex_, clock, me_),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      acknowledger_(store, clock, me_) {}

Cluster::Node Cluster::row() const {
  return {.id = me_,
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
  joined_at_ = clock_.boot_time();
  KW_TRY(const postgres::Rows rows, connection_->run(postgres::select_nodes()));
  note_nodes(postgres::read_nodes(rows));
  return postgres::notify_of_nodes(*connection_);
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

Result<void> Cluster::loaded() {
  if (connection_ != nullptr) KW_CHECK_OK(last_removal_.check(*connection_));
  const std::lock_guard lock(mutex_);
  applied_ = store_.loaded();
  store_.note_position(applied_.position);
  store_.removals().note_loaded(store_.take_loaded_removals(), {}, clock_.now());
  return {};
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
  if (has_lease_) keep_last_removal();
  if (std::exchange(joined_, false) && connection_ != nullptr && !connection_->is_broken()) {
    (void)usage_.flush(*connection_);
    if (directory_.usage().shares() != nullptr) (void)limits_.leave(*connection_);
    (void)postgres::leave(*connection_, me_);
  }
  connection_.reset();
  if (wake_ >= 0) ::close(std::exchange(wake_, -1));
}

// -- the writer's turn

// While it waits for its turn, the node goes on following and renewing. The barrier is left to the
// writer, which passes it once for the others' changes and for its own.
Result<bool> Cluster::begin() {
  for (int round = 0; round < 4; ++round) {
    KW_TRY(postgres::Turn turn, store_.begin_turn(applied()));
    const auto got_it_at = clock_.boot_time();
    std::unique_lock lock(mutex_);
    if (clock_.boot_time() - got_it_at > kTurnMayWait) {  // PostgreSQL may have ended it
      store_.end_turn();
      continue;
    }
    if (turn.missing.resync) {  // takes longer than a turn may
      store_.end_turn();
      KW_CHECK_OK(resync());
      continue;
    }
    const bool moved = publish(turn.missing);
    if (has_lost_) {  // before anything is decided
      pass_barrier();
      KW_CHECK_OK(write_lost());
      continue;
    }
    turn_nodes_ = std::move(turn.nodes);
    turn_lock_ = std::move(lock);
    return moved;
  }
  return fail(behind());
}

void Cluster::pass_barrier() {
  barrier_.pass();
  directory_.free_retired();
}

// Takes the turn.
Result<void> Cluster::write_lost() {
  const store::Transaction lost = with_events_ ? with_events_(lost_) : lost_;
  const auto written = store_.commit({&lost, 1});
  if (!written.front()) return fail(written.front().error());
  directory_.apply(lost);
  pass_barrier();
  applied_ = store_.head();
  has_lost_ = false;
  acknowledger_.tell();
  return {};
}

void Cluster::end() {
  turn_ended_at_ = clock_.boot_time();
  store_.end_turn();
  const bool has_written = store_.head() != applied_;
  applied_ = store_.head();
  turn_point_ = applied_;
  turn_lock_.unlock();
  if (has_written) acknowledger_.tell();
}

void Cluster::when_applied(Wait wait, std::function<void(Result<int> nodes)> done) {
  acknowledger_.wait({.point = turn_point_,
                      .others = turn_nodes_,
                      .committed_at = turn_ended_at_,
                      .wait = wait,
                      .done = std::move(done)});
}

bool Cluster::publish(const postgres::Missing& missing) {
  if (missing.head == applied_) return false;
  directory_.apply(missing.changes);
  store_.removals().note(missing, clock_.now());
  applied_ = missing.head;
  store_.note_position(applied_.position);
  return true;
}

Result<void> Cluster::resync() {
  log_warning("resync", {{"position", applied_.position}});
  freshness_.lapse();  // for a moment the records may lack what the store has lost
  KW_TRY(const std::vector<domain::KeyId> revived, directory_.reload(store_));
  KW_CHECK_OK(find_lost());
  const store::Transaction nothing;
  store_.removals().begin_log_at(store_.loaded());
  store_.removals().note_loaded(store_.take_loaded_removals(), has_lost_ ? lost_ : nothing,
                                clock_.now());
  pass_barrier();
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

// -- the feed

void Cluster::feed() {
  const std::string own = me_.to_string();
  bool was_told = true;
  while (!stopping_) {
    const auto started = clock_.boot_time();
    auto done = step(std::exchange(was_told, false));
    if (done) {
      failing_ = false;
      auto notices = connection_->wait(until_renewal(), wake_);
      if (!notices) {
        note_failure(notices.error(), false);
        continue;
      }
      for (const postgres::Notice& notice : *notices) {
        was_told |= notice.payload != own;
        if (notice.payload == postgres::kNodesChanged) renewed_at_ = {};
      }
      continue;
    }
    note_failure(done.error(), clock_.boot_time() - started >= postgres::kSoon);
    renewed_at_ = {};
    pollfd stop{.fd = wake_, .events = POLLIN, .revents = 0};
    (void)::poll(&stop, 1, static_cast<int>(renew_every_.count()) / 2);
  }
}

milliseconds Cluster::until_renewal() const {
  const milliseconds every = is_held_up_ ? std::min(kHeldUpEvery, renew_every_) : renew_every_;
  const auto left = renewed_at_ + every - clock_.boot_time();
  return std::clamp(std::chrono::ceil<milliseconds>(left), milliseconds(0), every);
}

// A connection that was closed may be opened again at once. Whoever gets no answer, or cannot open
// one, spares the others the wait.
void Cluster::note_failure(const Error& error, bool took_long) {
  if (!failing_) log_warning("store_unreachable", {{"why", error.internal()}});
  failing_ = true;
  const bool is_gone = connection_ == nullptr || (took_long && connection_->is_broken());
  if (is_gone) store_.note_gone(true);
}

Result<void> Cluster::open_feed() {
  if (connection_ != nullptr && !connection_->is_broken()) return {};
  connection_.reset();
  KW_TRY(connection_, opener_.open());
  const postgres::Statement statements[] = {postgres::Statement(postgres::kPlanOnce),
                                            postgres::Statement(postgres::kListen)};
  KW_CHECK_OK(connection_->run_all(statements));
  store_.note_gone(false);
  return {};
}

Result<void> Cluster::step(bool was_told) {
  KW_CHECK_OK(open_feed());
  if (was_told) {
    KW_CHECK_OK(follow());
    KW_CHECK_OK(report());
  }
  if (until_renewal() > milliseconds(0)) return {};
  renewed_at_ = clock_.boot_time();
  KW_CHECK_OK(renew());
  if (clock_.boot_time() - looked_at_ >= kLookEvery) KW_CHECK_OK(look_after_others());
  if (clock_.boot_time() - removal_kept_at_ >= kKeepRemovalEvery) keep_last_removal();
  if (shares()) KW_CHECK_OK(limits_.run(*connection_));
  return usage_.run(*connection_);
}

store::postgres::LogPoint Cluster::applied() {
  const std::lock_guard lock(mutex_);
  return applied_;
}

Cluster::Said Cluster::say() {
  const std::lock_guard lock(mutex_);
  return {
      .applied = applied_, .resyncs = resyncs_, .is_settled = !has_lost_, .at = freshness_.mark()};
}

// After a fail-over, or a restart, others may know of removals of access that this server has lost
// and this node never knew, since it was behind or is new: they come first, if they come soon.
bool Cluster::may_trust(const postgres::Lease& lease) {
  const auto now = clock_.boot_time();
  if (lease.server != server_) {
    server_ = lease.server;
    met_at_ = now;
  }
  return lease.elsewhere == 0 || now - met_at_ >= kOthersSettle;
}

// Under the mutex, so that nobody loads anything anew meanwhile. The writer may have gone on since.
Cluster::Extended Cluster::extend(const Said& said, const postgres::Lease& lease) {
  const std::lock_guard lock(mutex_);
  const bool is_past = resyncs_ == said.resyncs && applied_.position > lease.head.position &&
                       lease.head.position >= said.applied.position;
  if (applied_ != lease.head && !is_past) return Extended::behind;
  if (has_lost_ || !may_trust(lease) || !is_counted(lease)) return Extended::no;
  freshness_.extend(said.at);
  return Extended::yes;
}

// The lease. What is durable when the mark is taken is in the answer's head, or comes after it was
// taken; and who commits after it finds this node's row.
Result<void> Cluster::renew() {
  for (int round = 0; round < kRoundsMax && !stopping_; ++round) {
    const Said said = say();
    KW_TRY(const auto lease,
           postgres::renew(
               *connection_, me_,
               {.applied = said.applied, .is_settled = said.is_settled, .counted = counts_}));
    if (!lease) {  // the others have given this node up
      KW_CHECK_OK(join_again());
      continue;
    }
    said_ = said.applied;
    said_counts_ = counts_;
    if (lease->nodes > counts_) {
      KW_CHECK_OK(look_after_others());
      continue;
    }
    const Extended extended = extend(said, *lease);
    if (extended == Extended::behind) {
      KW_CHECK_OK(follow());
      continue;
    }
    if (extended == Extended::no && joining_ == Joining::counted) {
      KW_CHECK_OK(finish_joining());
      continue;
    }
    is_held_up_ = extended == Extended::no;
    if (is_held_up_) {
      ask_for_turn();
      return {};
    }
    if (!std::exchange(has_lease_, true)) first_lease_.set_value();
    return report();  // what the writer took in meanwhile
  }
  return {};
}

// Where something is lost, the writer has to write it again.
void Cluster::ask_for_turn() {
  {
    const std::lock_guard lock(mutex_);
    if (!has_lost_) return;
  }
  const auto now = clock_.boot_time();
  if (now - told_of_lost_at_ < kTellEvery) return;
  told_of_lost_at_ = now;
  if (want_turn_) want_turn_();
}

// What is lost is still to be written again: until then the one of before counts.
void Cluster::keep_last_removal() {
  removal_kept_at_ = clock_.boot_time();
  std::optional<postgres::LogPoint> last;
  {
    const std::lock_guard lock(mutex_);
    if (!has_lost_) last = store_.removals().last();
  }
  last_removal_.keep(last);
}

Result<void> Cluster::report() {
  const postgres::LogPoint now = applied();
  if (now == said_) return {};
  KW_CHECK_OK(postgres::report(*connection_, me_, now));
  said_ = now;
  return {};
}

Result<void> Cluster::follow() {
  const std::lock_guard lock(mutex_);
  KW_TRY(const postgres::Missing missing, postgres::read_missing(*connection_, applied_));
  if (missing.resync) return resync();
  if (publish(missing)) pass_barrier();
  return {};
}

Result<void> Cluster::join_again() {
  KW_CHECK_OK(postgres::join(*connection_, row()));
  joined_at_ = clock_.boot_time();
  joining_ = Joining::uncounted;
  return postgres::notify_of_nodes(*connection_);
}

// All nodes count alike, so that their shares add up.
void Cluster::note_nodes(const std::vector<Node>& nodes) {
  std::int64_t lower = 0;
  for (const Node& node : nodes) lower += node.id < me_ ? 1 : 0;
  nodes_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(nodes.size()));
  counts_ = nodes_;
  if (shares()) limits_.divide(nodes_, lower);
}

// More: first they are divided by, then that is said. Fewer: the other way round, and only if there
// are as few after it was said; who joins meanwhile has then seen it or is seen.
Result<void> Cluster::count_nodes(const std::vector<Node>& nodes) {
  const auto count = std::max<std::int64_t>(1, static_cast<std::int64_t>(nodes.size()));
  if (count < nodes_ && said_counts_ > count) {
    counts_ = count;
    return {};
  }
  const bool is_more = count > nodes_;
  note_nodes(nodes);
  if (!is_more || !shares()) return {};
  {
    const std::lock_guard lock(mutex_);
    barrier_.pass();  // what was spent of the larger share is noted
  }
  return limits_.run(*connection_);
}

// The first time of all, and after it was given up.
bool Cluster::is_counted(const postgres::Lease& lease) {
  const bool is_late = clock_.boot_time() - joined_at_ >= kOthersCount;
  if (joining_ == Joining::uncounted && (lease.undivided == 0 || is_late)) {
    joining_ = shares() ? Joining::counted : Joining::done;
  }
  return joining_ == Joining::done;
}

// What the others had touched before they counted this node is in the table now.
Result<void> Cluster::finish_joining() {
  limits_.begin_again();
  KW_CHECK_OK(limits_.run(*connection_));
  joining_ = Joining::done;
  return {};
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
  KW_CHECK_OK(count_nodes(nodes));
  if (now - trimmed_at_ >= kTrimEvery) {
    trimmed_at_ = now;
    KW_CHECK_OK(postgres::trim_log(*connection_, clock_.now()));
    if (shares()) KW_CHECK_OK(LimitExchange::trim(*connection_, me_));
  }
  return {};
}

}  // namespace keywright::cluster
