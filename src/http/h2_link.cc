#include "http/h2_link.h"

#include <chrono>
#include <utility>

#include "http/h2_limits.h"
#include "http/h2_pool.h"

namespace keywright::http::h2 {

namespace {

using net::IoStatus;

constexpr std::size_t kMaxLingeringBytes = 8 * 1024 * 1024;
constexpr std::chrono::seconds kLingeringTime{3};
constexpr int kReadsPerTurn = 8;  // then others get theirs
constexpr int kSendsPerTurn = 16;

}  // namespace

class Link::Change {
 public:
  explicit Change(Link& link) : link_(link) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) { link_.waiting_ = handle; }
  void await_resume() const {}

 private:
  Link& link_;
};

Link::Link(Worker& worker, net::Stream& stream)
    : worker_(worker),
      stream_(stream),
      session_(worker, *this, stream.peer().address, stream.is_secure()),
      changed_(*this, &Link::run_posted) {}

Link::~Link() = default;

bool Link::may_read() const {
  return !session_.is_over() && session_.pending_output() < kOutputOverdue;
}

bool Link::is_sent() const { return !writing_ && session_.pending_output() == 0; }

Task<void> Link::run(std::string first_bytes) {
  if (worker_.is_stopping()) session_.stop();
  session_.receive(first_bytes);
  flush();
  const std::span<char> buffer = worker_.http2().read_buffer();
  IoStatus status = IoStatus::ok;
  for (int turn = 1; !broken_; ++turn) {
    if (!may_read()) {
      if (session_.is_over() && is_sent()) break;
      co_await Change(*this);
      continue;
    }
    // What is read is used up before anybody else may read into the same buffer.
    reading_ = true;
    const net::IoResult got = co_await stream_.read_some(buffer);
    reading_ = false;
    status = got.status;
    if (status != IoStatus::ok) break;
    session_.receive({buffer.data(), got.bytes});
    flush();
    if (turn % kReadsPerTurn == 0) co_await worker_.loop().yield();
  }
  if (status == IoStatus::end && !broken_) {
    session_.half_close();
    flush();
    while (!broken_ && (!is_sent() || !session_.is_quiet())) co_await Change(*this);
  }
  const bool in_good_order = session_.is_over() && !broken_ && is_sent();
  session_.lose();
  if (in_good_order) {
    stream_.clear_cancel();
    if (status != IoStatus::end) co_await linger();
  } else {
    stream_.abort();
  }
  while (writing_ || posted_ || !session_.is_quiet()) co_await Change(*this);
}

// See Connection::linger(): a reset must not overtake the last frames.
Task<void> Link::linger() {
  stream_.shutdown_write();
  lingering_ = true;
  since_ = worker_.loop().now();
  std::size_t drained = 0;
  while (drained < kMaxLingeringBytes) {
    const net::IoResult got = co_await stream_.read_some(worker_.http2().read_buffer());
    if (got.status != IoStatus::ok) break;
    drained += got.bytes;
  }
  lingering_ = false;
}

void Link::has_changed() {
  if (std::exchange(posted_, true)) return;
  worker_.loop().post_node(changed_);
}

void Link::run_posted(net::PostNode& node, bool cancelled) {
  Link& link = static_cast<Node&>(node).link;
  link.posted_ = false;
  if (cancelled) return;
  link.session_.act();
  link.flush();
  if (link.waiting_) std::exchange(link.waiting_, nullptr).resume();  // may be the end of the link
}

void Link::flush() {
  Pool& pool = worker_.http2();
  for (int sends = 0; !writing_ && !broken_; ++sends) {
    if (session_.output().empty()) session_.refill();
    if (session_.output().empty()) break;
    if (sends == kSendsPerTurn) return has_changed();
    if (sending_.capacity() == 0) sending_ = pool.take_output();
    sending_.swap(session_.output());
    const std::size_t taken = stream_.write_now(sending_);
    if (taken == sending_.size()) {
      sending_.clear();
      session_.refill();
    } else {
      writing_ = true;
      since_ = worker_.loop().now();
      written_ = stream_.written();
      start_detached(write_rest(taken));
    }
  }
  if (writing_) return;
  pool.give_back(std::exchange(sending_, {}));
  if (session_.output().capacity() > 0 && session_.output().empty()) {
    pool.give_back(std::exchange(session_.output(), {}));
  }
  // The reader waits for something that will not come.
  if (reading_ && session_.is_over()) stream_.cancel(IoStatus::cancelled);
}

Task<void> Link::write_rest(std::size_t begin) {
  const net::IoResult put = co_await stream_.write_all(std::string_view(sending_).substr(begin));
  if (put.status != IoStatus::ok) {
    broken_ = true;
    stream_.cancel(IoStatus::cancelled);
  }
  sending_.clear();
  writing_ = false;
  has_changed();
}

void Link::sweep(net::Ticks now) {
  const ServerLimits& limits = worker_.limits();
  if (lingering_) {
    if (now - since_ >= kLingeringTime) stream_.cancel(IoStatus::timed_out);
    return;
  }
  if (writing_ && now - since_ >= limits.write_stall_timeout) {
    if (stream_.written() == written_) {
      broken_ = true;
      stream_.cancel(IoStatus::timed_out);
    }
    written_ = stream_.written();
    since_ = now;
  }
  session_.sweep(now);
}

void Link::stop() {
  if (lingering_) return stream_.cancel(IoStatus::cancelled);
  session_.stop();
}

void Link::cut() {
  broken_ = true;
  stream_.abort();
  has_changed();
}

}  // namespace keywright::http::h2
