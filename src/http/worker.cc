#include "http/worker.h"

#include "http/connection.h"
#include "http/h2_pool.h"
#include "http/problem.h"

namespace keywright::http {

namespace {

constexpr std::size_t kSpareWorkspaces = 256;

constexpr std::string_view kFarewell =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    "Content-Length: 0\r\n\r\n";
constexpr std::string_view kAllowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

}  // namespace

void write_refusal(Response& response, const Fault& fault, std::string_view request_id) {
  std::string detail(detail_of(fault.refusal));
  if (fault.refusal == Refusal::malformed) detail.append(" (").append(fault.what).append(")");
  write_problem(response, status_of(fault.refusal), to_string(fault.refusal), detail, request_id);
  if (fault.refusal == Refusal::method_refused) response.header("Allow", kAllowedMethods);
}

Worker::Worker(net::Loop& loop, std::shared_ptr<ServerState> state)
    : loop_(loop), state_(std::move(state)) {}

Worker::~Worker() = default;

void Worker::start() {
  sweep_timer_ = loop_.run_after(limits().sweep_interval, [this] { sweep(); });
}

void Worker::listen(int fd, std::shared_ptr<net::TlsServer> tls) {
  if (stopping_) {
    net::close_descriptor(fd);
    return;
  }
  listeners_.push_back(std::make_unique<net::Listener>(
      loop_, fd, [this, tls](net::Accepted connection) { accepted(connection, tls); }, kFarewell));
  listeners_.back()->start();
}

void Worker::accepted(net::Accepted accepted, const std::shared_ptr<net::TlsServer>& tls) {
  increase(accepted_);
  std::unique_ptr<net::TlsSession> session;
  if (tls) {
    session = tls->new_session();
    if (!session) {  // never fall back to plain text
      net::close_descriptor(accepted.fd);
      return;
    }
  }
  Connection::start(*this, accepted, std::move(session));
}

bool Worker::is_full() const {
  return state_->open.load(std::memory_order_relaxed) >=
         static_cast<std::int64_t>(limits().max_connections);
}

void Worker::add(Connection& connection) {
  state_->open.fetch_add(1, std::memory_order_relaxed);
  connection.next_in_list = first_;
  connection.previous_in_list = nullptr;
  if (first_ != nullptr) first_->previous_in_list = &connection;
  first_ = &connection;
  if (is_full()) {
    for (auto& listener : listeners_) listener->pause();
  }
}

void Worker::remove(Connection& connection) {
  state_->open.fetch_sub(1, std::memory_order_relaxed);
  Connection* before = connection.previous_in_list;
  Connection* after = connection.next_in_list;
  (before != nullptr ? before->next_in_list : first_) = after;
  if (after != nullptr) after->previous_in_list = before;
  resume_listeners();
  end_if_done();
}

void Worker::resume_listeners() {
  if (is_full()) return;
  for (auto& listener : listeners_) listener->resume();
}

std::unique_ptr<Workspace> Worker::lease() {
  if (spare_.empty()) {
    h1::HeadLimits head_limits;
    head_limits.first_line_bytes = limits().request_line_bytes;
    head_limits.block_bytes = limits().head_bytes;
    return std::make_unique<Workspace>(head_limits);
  }
  auto workspace = std::move(spare_.back());
  spare_.pop_back();
  return workspace;
}

void Worker::give_back(std::unique_ptr<Workspace> workspace) {
  if (spare_.size() < kSpareWorkspaces) spare_.push_back(std::move(workspace));
}

void Worker::sweep() {
  const net::Ticks now = loop_.now();
  // sweep() of a connection only schedules: none is destroyed while this runs.
  for (Connection* each = first_; each != nullptr; each = each->next_in_list) each->sweep(now);
  resume_listeners();  // another loop's connections may have made room
  std::uint64_t exhausted = 0;
  for (auto& listener : listeners_) exhausted += listener->exhausted();
  exhausted_.store(exhausted, std::memory_order_relaxed);
  sweep_timer_ = loop_.run_after(limits().sweep_interval, [this] { sweep(); });
}

void Worker::begin_stop() {
  if (stopping_) return;
  stopping_ = true;
  listeners_.clear();
  for (Connection* each = first_; each != nullptr; each = each->next_in_list) {
    each->stop_when_idle();
  }
  end_if_done();
}

void Worker::cut_all() {
  for (Connection* each = first_; each != nullptr;) {
    Connection* following = each->next_in_list;  // cutting may end the connection at once
    each->cut({});
    each = following;
  }
}

void Worker::end_if_done() {
  if (!stopping_ || ended_ || first_ != nullptr) return;
  ended_ = true;
  loop_.cancel(sweep_timer_);
  // Said from a later round: this worker may be destroyed as soon as it is said.
  loop_.post([state = state_] {
    std::lock_guard lock(state->mutex);
    ++state->workers_ended;
    state->changed.notify_all();
  });
}

h2::Pool& Worker::http2() {
  if (!http2_) http2_ = std::make_unique<h2::Pool>();
  return *http2_;
}

void Worker::report(const Request& request, int status, std::uint64_t response_bytes,
                    net::Ticks began) {
  count_response(status);
  const auto& access_log = options().access_log;
  if (!access_log) return;
  AccessRecord record;
  record.method = request.method_text;
  record.path = request.path;
  record.status = status;
  record.response_bytes = response_bytes;
  record.duration =
      std::chrono::duration_cast<std::chrono::microseconds>(loop_.read_clock() - began);
  record.request_id = request.request_id;
  record.peer = request.peer;
  access_log(record);
}

void Worker::add_counters(ServerCounters& sum) const {
  sum.accepted += accepted_.load(std::memory_order_relaxed);
  sum.exhausted += exhausted_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < responses_.size(); ++i) {
    sum.responses[i] += responses_[i].load(std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    sum.refused[i] += refused_[i].load(std::memory_order_relaxed);
  }
}

}  // namespace keywright::http
