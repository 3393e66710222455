#include "gateway/relay.h"

#include <array>
#include <charconv>

#include "gateway/header_rules.h"
#include "gateway/on_loop.h"
#include "gateway/tunnel.h"
#include "http/h1_writer.h"

namespace keywright::gateway {

namespace {

using http::Method;
using net::IoStatus;

constexpr std::size_t kGatheredMax = 64 * 1024;
constexpr std::size_t kJoinedMax = 2048;

bool is_idempotent(Method method) {
  return method == Method::get || method == Method::head || method == Method::put ||
         method == Method::delete_ || method == Method::options;
}

bool usually_has_body(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

tl::unexpected<Error> broken_off() {
  return fail(Code::unavailable, "upstream_failed", "The answer broke off.");
}

bool may_have_body(Method method, int status) {
  return method != Method::head && status != 204 && status != 304;
}

void append_length(std::string& out, std::size_t length) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), length).ptr;
  out.append("Content-Length: ").append(digits.data(), end).append("\r\n");
}

// The end of a stream without a length may be announced only by closing.
class NoBody final : public http::BodyStream {
 public:
  Task<Result<std::string_view>> next() override { co_return std::string_view(); }
};

}  // namespace

Relay::Relay(Proxy& proxy, http::Exchange& exchange, ProxyRequest request)
    : OpenExchange(exchange.loop, proxy.directory_, proxy.clock_, std::move(request.standing)),
      proxy_(proxy),
      here_(proxy.on(exchange.loop)),
      exchange_(exchange),
      request_(std::move(request)),
      hooks_(std::move(request_.hooks)) {
  if (!hooks_) hooks_ = std::make_unique<ProxyHooks>();
  const bool has_own = request_.first_byte_timeout.count() != 0;
  first_byte_timeout_ = has_own ? request_.first_byte_timeout : proxy_.options_.first_byte_timeout;
  since_ = exchange.loop.now();
  proxy_.counted_->open.fetch_add(1, std::memory_order_relaxed);
}

Relay::~Relay() {
  proxy_.counted_->open.fetch_sub(1, std::memory_order_relaxed);
  if (complete_) give_back_connection();
  hooks_->on_over(complete_);
}

// -- to the upstream

bool Relay::expects_body() const {
  const http::Request& request = exchange_.request;
  if (const auto length = request.headers.find("Content-Length")) return *length != "0";
  return request.minor_version == 2 || request.headers.find("Transfer-Encoding").has_value();
}

Task<void> Relay::reach() {
  if (request_.body) {
    gathered_ = std::move(*request_.body);
    body_whole_ = true;
  } else if (expects_body()) {
    upload_ = send_body();
  } else {
    body_whole_ = true;
  }
  connection_ = here_.pool.take(request_.target->pool_key);
  bool was_kept = connection_ != nullptr;
  while (!is_stopped()) {
    if (was_kept) {
      Proxy::Counted::add(proxy_.counted_->reused);
    } else {
      const Result<void> connected = co_await connect();
      if (!connected) co_return;
      if (is_stopped()) co_return;
    }
    connection_->begin_exchange(exchange_.request.method == Method::head);
    co_await send_head();
    if (is_stopped()) co_return;
    const Receiving received = co_await receive_head();
    if (received == Receiving::head || is_stopped()) co_return;
    if (received == Receiving::lost && was_kept && may_repeat()) {
      connection_.reset();
      was_kept = false;
      continue;
    }
    fail_with(502, "upstream_failed",
              received == Receiving::lost ? "The upstream closed the connection without an answer."
                                          : "The upstream's answer is not well-formed HTTP/1.1.");
  }
}

bool Relay::may_repeat() const {
  return is_idempotent(exchange_.request.method) && !connection_->received_anything() &&
         body_whole_ && upload_.is_done() && !chunked_;
}

Task<Result<void>> Relay::connect() {
  Dialling dialling(exchange_.loop, here_.pool.connect(*request_.target));
  dialling_ = &dialling;
  auto opened = co_await dialling;
  dialling_ = nullptr;
  if (!opened) co_return connect_failed(opened.error().reason());
  Proxy::Counted::add(proxy_.counted_->connections);
  connection_ = std::move(*opened);
  co_return Result<void>();
}

Result<void> Relay::connect_failed(const std::string& reason) {
  if (reason == "connect_timeout" && !request_.late_is_unreachable) {
    fail_with(504, "upstream_timeout", "The upstream did not accept the connection in time.");
  } else if (reason == "address_not_allowed") {
    fail_with(502, "upstream_not_allowed",
              "The upstream's name leads to an address that the server may not call.");
  } else if (reason == "tls_failed") {
    fail_with(502, "upstream_unreachable", "The upstream's certificate was not accepted.");
  } else {
    fail_with(502, "upstream_unreachable", "The upstream cannot be reached.");
  }
  return fail(Code::unavailable, reason, "There is no connection.");
}

// What is whole goes with its length, whatever the client used.
void Relay::append_framing() {
  std::string& head = request_.head;
  if (body_whole_) {
    if (!gathered_.empty() || usually_has_body(exchange_.request.method)) {
      append_length(head, gathered_.size());
    }
  } else if (const auto length = exchange_.request.headers.find("Content-Length")) {
    head.append("Content-Length: ").append(*length).append("\r\n");
  } else {
    chunked_ = true;
    head.append("Transfer-Encoding: chunked\r\n");
  }
  head.append("\r\n");
}

// An upstream may answer and close before it has taken everything: what writing came to is told by
// the answer, or by its absence.
Task<void> Relay::send_head() {
  if (!std::exchange(head_composed_, true)) append_framing();
  if (chunked_ && !gathered_.empty()) {
    std::string chunk;
    http::h1::append_chunk_size(chunk, gathered_.size());
    gathered_ = chunk.append(gathered_).append("\r\n");
  }
  if (gathered_.size() <= kJoinedMax) {  // copying so little is cheaper than two pieces
    request_.head += gathered_;
    co_await connection_->stream().write_all(request_.head);
    request_.head.resize(request_.head.size() - gathered_.size());
  } else {
    co_await connection_->stream().write_all(request_.head, gathered_);
  }
  since_ = exchange_.loop.now();
  body_sent_ = body_whole_ && !chunked_;
  gate_.release();
}

Companion Relay::send_body() {
  while (true) {
    const Result<std::string_view> piece = co_await exchange_.read_body();
    if (!piece) {
      body_failed(piece.error());
      co_return;
    }
    body_whole_ = piece->empty();
    if (!head_composed_) {
      if (body_whole_) co_return;
      gathered_.append(*piece);
      if (gathered_.size() >= kGatheredMax) co_await gate_;
      continue;
    }
    if (!gate_.open) co_await gate_;
    if (chunked_) {
      gathered_.clear();
      http::h1::append_chunk_size(gathered_, piece->size());
      gathered_.append(*piece).append("\r\n");
    } else if (body_whole_) {
      body_sent_ = true;
      co_return;
    }
    const std::string_view wire = chunked_ ? std::string_view(gathered_) : *piece;
    const net::IoResult put = co_await connection_->stream().write_all(wire);
    since_ = exchange_.loop.now();
    if (put.status != IoStatus::ok) co_return;
    if (body_whole_) {
      body_sent_ = true;
      co_return;
    }
  }
}

void Relay::body_failed(const Error& error) {
  if (begun_) return exchange_.cut();
  if (error.reason() == "malformed_body") {
    fail_with(400, "malformed_request", "The request body is not well formed.");
  } else if (error.code() == Code::too_large) {
    fail_with(413, "body_too_large", "The request body is larger than what is taken here.");
  } else {
    fail_with(408, "request_timeout", "The request body did not arrive.");
  }
  wake();
}

Task<Relay::Receiving> Relay::receive_head() {
  waits_for_head_ = true;
  Receiving outcome = Receiving::lost;
  while (true) {
    const HeadOutcome head = connection_->scan_head();
    if (head == HeadOutcome::complete) outcome = Receiving::head;
    if (head == HeadOutcome::malformed) outcome = Receiving::failed;
    if (head != HeadOutcome::incomplete) break;
    const net::IoResult got = co_await connection_->stream().read_some(connection_->space());
    if (got.status != IoStatus::ok) {
      if (connection_->received_anything()) outcome = Receiving::failed;
      break;
    }
    connection_->added(got.bytes);
  }
  waits_for_head_ = false;
  co_return outcome;
}

// -- what stops it

void Relay::fail_with(int status, std::string_view code, std::string_view detail) {
  if (!failure_) failure_ = Failure{status, code, detail};
}

void Relay::wake() {
  if (dialling_ != nullptr) {
    dialling_->give_up();
  } else if (connection_) {
    connection_->stream().cancel(IoStatus::cancelled);
  }
}

void Relay::client_left() {
  gone_ = true;
  wake();
}

void Relay::on_refused(const Error& why) {
  Proxy::Counted::add(proxy_.counted_->cut);
  if (begun_) return exchange_.cut();
  refusal_ = why;
  wake();
}

void Relay::cancel() {
  gone_ = true;
  if (connection_) connection_->stream().abort();
}

void Relay::on_sweep(net::Ticks now) {
  if (waits_for_head_ && now - since_ >= first_byte_timeout_) {
    fail_with(504, "upstream_timeout", "The upstream did not answer in time.");
    wake();
  }
  const auto idle_after = hooks_->idle_after();
  if (!waits_for_piece_ || idle_after.count() == 0 || now - since_ < idle_after) return;
  idle_due_ = true;
  connection_->stream().cancel(IoStatus::timed_out);
}

// -- to the client

void Relay::answer_instead() {
  exchange_.response.clear();
  if (refusal_) {
    hooks_->answer_refusal(exchange_, *refusal_);
  } else if (gone_) {
    exchange_.cut();
  } else {
    if (failure_->code == "upstream_timeout") {
      Proxy::Counted::add(proxy_.counted_->timed_out);
    } else if (failure_->status == 502) {
      Proxy::Counted::add(failure_->code == "upstream_failed" ? proxy_.counted_->failed
                                                              : proxy_.counted_->unreachable);
    }
    hooks_->answer_failure(exchange_, failure_->status, failure_->code, failure_->detail);
  }
}

// Nothing is suspended between this and the first byte of the answer.
void Relay::begin(std::unique_ptr<Relay> self) {
  exchange_.on_disconnect(nullptr);
  if (!is_stopped()) {
    if (auto again = check_again(); !again) {
      Proxy::Counted::add(proxy_.counted_->cut);
      refusal_ = again.error();
    }
  }
  const bool switches = !is_stopped() && connection_->head().status == 101;
  if (switches && !request_.upgrades) {
    fail_with(502, "upstream_failed", "The upstream changed the protocol without being asked to.");
  }
  if (is_stopped()) return answer_instead();
  if (switches) return begin_tunnel();

  http::Response& response = exchange_.response;
  const http::h1::ResponseHead& head = connection_->head();
  if (!hooks_->fills_answer()) copy_response_fields(head, response);
  if (hooks_->replaces_answer(head, response)) return;
  changes_ = hooks_->changes_body();
  if (!may_have_body(exchange_.request.method, head.status)) {
    if (exchange_.request.method == Method::head && head.status != 204 && head.status != 304) {
      // The length is what a GET would have had.
      const bool has_length = head.headers.find("Content-Length").has_value();
      response.stream = std::make_unique<NoBody>();
      if (has_length && !changes_) response.stream_length = connection_->framing().length;
    }
    Proxy::Counted::add(proxy_.counted_->forwarded);
    complete_ = true;
    return;
  }
  if (!take_what_is_there(response)) return answer_instead();
  Proxy::Counted::add(proxy_.counted_->forwarded);
  if (complete_) return;
  begun_ = true;
  if (connection_->framing().kind == http::h1::Framing::Kind::length && !changes_) {
    response.stream_length = connection_->framing().length;
  }
  since_ = exchange_.loop.now();
  response.stream = std::move(self);
}

// What was received together with the head leaves together with it, too.
bool Relay::take_what_is_there(http::Response& response) {
  const UpstreamConnection::Piece piece = connection_->take_piece();
  const auto bytes = changed(piece.bytes);
  if (piece.is_malformed || !bytes) {
    fail_with(502, "upstream_failed", "The upstream's answer is not well-formed HTTP/1.1.");
    return false;
  }
  response.body.assign(*bytes);
  body_over_ = piece.is_last;
  if (!body_over_) return true;
  if (changes_) response.body.append(hooks_->on_end());
  complete_ = true;
  return true;
}

Result<std::string_view> Relay::changed(std::string_view piece) {
  if (piece.empty()) return piece;
  if (changes_) return hooks_->on_piece(piece);
  hooks_->on_passing(piece);
  return piece;
}

void Relay::begin_tunnel() {
  const auto protocol = connection_->head().headers.find_only("Upgrade");
  if (!protocol) {
    fail_with(502, "upstream_failed", "The upstream did not say which protocol it changed to.");
    return answer_instead();
  }
  http::Response& response = exchange_.response;
  copy_response_fields(connection_->head(), response);
  response.header("Upgrade", *protocol);
  response.body.assign(connection_->take_raw());
  Proxy::Counted::add(proxy_.counted_->forwarded);
  Proxy::Counted::add(proxy_.counted_->tunnels);
  response.stream = std::make_unique<Tunnel>(proxy_, exchange_, std::move(connection_), standing());
}

Task<Result<std::string_view>> Relay::next() {
  while (!complete_) {
    if (body_over_) {
      complete_ = true;
      if (changes_) co_return hooks_->on_end();
      break;
    }
    const UpstreamConnection::Piece piece = connection_->take_piece();
    if (piece.is_malformed) co_return broken_off();
    body_over_ = piece.is_last;
    if (!piece.bytes.empty()) {
      const auto bytes = changed(piece.bytes);
      if (!bytes) co_return fail(bytes.error());
      if (!bytes->empty()) co_return *bytes;
      continue;
    }
    if (body_over_) continue;
    waits_for_piece_ = true;
    const net::IoResult got = co_await connection_->stream().read_some(connection_->space());
    waits_for_piece_ = false;
    since_ = exchange_.loop.now();
    if (std::exchange(idle_due_, false) && got.status == IoStatus::timed_out) {
      connection_->stream().clear_cancel();
      const std::string_view text = hooks_->when_idle();
      if (!text.empty()) co_return text;
    } else if (got.status == IoStatus::end && connection_->ends_here()) {
      body_over_ = true;
    } else if (got.status != IoStatus::ok) {
      co_return broken_off();
    } else {
      connection_->added(got.bytes);
    }
  }
  co_return std::string_view();
}

// After a request in chunks the connection is not used again: an upstream that does not read them
// would take the rest for the next request.
void Relay::give_back_connection() {
  if (!connection_ || chunked_ || !body_sent_ || !connection_->may_be_kept()) return;
  here_.pool.keep(request_.target->pool_key, std::move(connection_));
}

}  // namespace keywright::gateway
