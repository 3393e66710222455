#include "api/admission/open_exchanges.h"

#include <utility>

namespace keywright::admission {

// The exchanges of one io thread. `cursor_` is the next one to be visited: whoever leaves the list
// moves it on, so a visit may end any exchange.
class OpenList {
 public:
  static OpenList& of_this_thread() {
    thread_local OpenList list;
    return list;
  }

  void add(OpenExchange& exchange, net::Loop& loop) {
    exchange.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &exchange;
    first_ = &exchange;
    if (swept_by_ == &loop) return;
    swept_by_ = &loop;
    arm();
  }

  void remove(OpenExchange& exchange) {
    if (cursor_ == &exchange) cursor_ = exchange.next_;
    if (visited_ == &exchange) visited_ = nullptr;
    (exchange.previous_ != nullptr ? exchange.previous_->next_ : first_) = exchange.next_;
    if (exchange.next_ != nullptr) exchange.next_->previous_ = exchange.previous_;
  }

  void look() {
    each([](OpenExchange& exchange) {
      if (exchange.directory_.epoch() != exchange.epoch_) exchange.look(OpenExchange::Use::same);
    });
  }

 private:
  template <class Visit>
  void each(Visit visit) {
    cursor_ = first_;
    while (cursor_ != nullptr) {
      visited_ = std::exchange(cursor_, cursor_->next_);
      visit(*visited_);
    }
  }

  void arm() {
    swept_by_->run_after(kSweepEvery, [this] { sweep(); });
  }

  void sweep() {
    const net::Ticks ticks = swept_by_->now();
    each([&](OpenExchange& exchange) {
      exchange.on_sweep(ticks);
      if (visited_ != nullptr) exchange.look(OpenExchange::Use::another);
    });
    if (first_ != nullptr) return arm();
    swept_by_ = nullptr;
  }

  OpenExchange* first_ = nullptr;
  OpenExchange* cursor_ = nullptr;
  OpenExchange* visited_ = nullptr;
  net::Loop* swept_by_ = nullptr;  // has the timer
};

namespace {

// Records that may be too old say nothing about access that was taken away meanwhile.
Error too_old() {
  return Error(Code::unavailable, "store_unavailable",
               "This node has not reached the store for too long. Try again in a moment.")
      .with_retry_after_seconds(1);
}

Result<void> decide_again(const app::Directory& directory, const Standing& standing, Time now,
                          bool counts) {
  const app::Caller& caller = standing.caller;
  if (!directory.is_fresh()) return fail(too_old());
  if (!caller.is_key()) return app::still_admitted(directory, caller, now);
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key == nullptr) return fail(app::unauthenticated());
  domain::Ask ask;
  ask.audience = caller.audience;
  ask.client_ip = caller.address;
  ask.permissions = standing.permissions;
  ask.spend = false;
  if (standing.resource_type != domain::ResourceType::none) {
    ask.resource = domain::ResourceRef{
        standing.resource_type, json::enum_name(standing.resource_type), standing.resource_id};
  }
  const domain::Decision decision = decide(*key, ask, directory, now);
  if (decision.outcome != domain::Outcome::valid) {
    return fail(app::refusal(decision, directory.kinds()));
  }
  if (counts) directory.meter().used(*key, now, caller.address);
  return {};
}

}  // namespace

Result<void> still_stands(const app::Directory& directory, const Standing& standing, Time now) {
  return decide_again(directory, standing, now, false);
}

OpenExchange::OpenExchange(net::Loop& loop, const app::Directory& directory, const Clock& clock,
                           Standing standing)
    : directory_(directory),
      clock_(clock),
      standing_(std::move(standing)),
      epoch_(standing_.caller.epoch) {
  OpenList::of_this_thread().add(*this, loop);
}

OpenExchange::~OpenExchange() { OpenList::of_this_thread().remove(*this); }

Result<void> OpenExchange::check_again() {
  const std::uint64_t epoch = directory_.epoch();
  KW_CHECK_OK(still_stands(directory_, standing_, clock_.now()));
  epoch_ = epoch;
  return {};
}

void OpenExchange::look(Use use) {
  if (refused_) return;
  const std::uint64_t epoch = directory_.epoch();
  const Result<void> stands =
      decide_again(directory_, standing_, clock_.now(), use == Use::another);
  epoch_ = epoch;
  if (stands) return;
  refused_ = true;
  on_refused(stands.error());
}

void look_at_open_exchanges() { OpenList::of_this_thread().look(); }

}  // namespace keywright::admission
