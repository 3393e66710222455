#include "ingest/upload.h"

#include <utility>

namespace keywright::ingest {

Task<Result<std::string>> Upload::receive(const app::App& app, const app::Caller& caller) {
  reading_ = read();
  if (!outcome_) {
    watch_.emplace(*this, app, caller);
    Ended ended{*this};
    co_await ended;
    watch_.reset();
    reading_ = Companion();
  }
  co_return std::move(*outcome_);
}

Companion Upload::read() {
  auto body = co_await receive_body(exchange_, kind_, share_);
  end(std::move(body));
}

// Whoever waits goes on from the loop: not from within the reader, which may be destroyed then, and
// not within the change that took the access away.
void Upload::end(Result<std::string> outcome) {
  if (outcome_) return;
  outcome_.emplace(std::move(outcome));
  if (!waiting_) return;
  exchange_.loop.post([handle = std::exchange(waiting_, nullptr)] { handle.resume(); });
}

void Upload::Watch::on_refused(const Error& why) {
  if (upload_.outcome_) return;
  upload_.was_cut_ = true;
  upload_.end(fail(why));
}

}  // namespace keywright::ingest
