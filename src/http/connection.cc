#include "http/connection.h"

#include <chrono>

#include "http/h2_link.h"

namespace keywright::http {

namespace {

using h1::BodyFraming;
using net::IoStatus;

constexpr std::size_t kFlushAt = 64 * 1024;     // of pipelined answers
constexpr std::size_t kCopiedBody = 32 * 1024;  // larger ones are sent from where they are
constexpr std::size_t kMaxLingeringBytes = 8 * 1024 * 1024;
constexpr std::chrono::seconds kLingeringTime{3};
constexpr int kRequestsPerTurn = 64;  // then others get theirs
constexpr int kNoResponse = 0;        // in logs and counters: cut before an answer began
// HTTP/1.1 sees a request for "*" in HTTP/2.0, with no fields.
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\n";

// From here on the connection belongs to another protocol.
bool is_upgrade(const Response& response) { return response.status == 101 && response.stream; }

}  // namespace

// Writes what is in the output; true if the client took it.
class Connection::Flush final : public net::Stream::Write {
 public:
  explicit Flush(Connection& connection)
      : Write(connection.stream_, connection.output(), connection.large_body_),
        connection_(connection) {}
  bool await_resume() {
    connection_.output().clear();
    connection_.large_body_ = {};
    return Write::await_resume().status == IoStatus::ok;
  }

 private:
  Connection& connection_;
};

Connection::Flush Connection::flush() {
  if (!output().empty()) enter(Phase::writing);
  return Flush(*this);
}

void Connection::start(Worker& worker, const net::Accepted& accepted,
                       std::unique_ptr<net::TlsSession> tls) {
  start_detached(run(std::make_unique<Connection>(worker, accepted, std::move(tls))));
}

Connection::Connection(Worker& worker, const net::Accepted& accepted,
                       std::unique_ptr<net::TlsSession> tls)
    : worker_(worker), stream_(worker.loop(), accepted.fd, accepted.peer, std::move(tls)) {
  worker_.add(*this);
}

Connection::~Connection() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (workspace_) {
    workspace_->reader.clear();
    workspace_->response.clear();
    workspace_->output.clear();
    worker_.give_back(std::move(workspace_));
  }
  worker_.remove(*this);
}

Task<void> Connection::run(std::unique_ptr<Connection> self) {
  co_await self->serve();
  if (self->stream_.is_secure() && !self->cut_) self->stream_.shutdown_write();
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = worker_.loop().now();
  progress_mark_ = phase == Phase::writing ? stream_.written() : 0;
}

Task<void> Connection::serve() {
  if (stream_.is_secure()) {
    enter(Phase::handshake);
    if ((co_await stream_.handshake()).status != IoStatus::ok) co_return;
    if (stream_.alpn() == "h2") co_return co_await serve_http2();
  }
  int turns = 0;
  while (true) {
    Step step = advance();
    if (step == Step::idle || step == Step::head) {
      if (workspace_ && !co_await flush()) co_return;
      if (step == Step::idle) {
        turns = 0;
        if (workspace_) worker_.give_back(std::move(workspace_));
        enter(Phase::idle);
        if (worker_.is_stopping()) co_return;
        if ((co_await stream_.read_ready()).status != IoStatus::ok) co_return;
        workspace_ = worker_.lease();
      } else if (phase_ != Phase::head) {
        enter(Phase::head);
      }
      const net::IoResult got = co_await stream_.read_some(workspace_->reader.space());
      if (got.status == IoStatus::timed_out && step == Step::head) {
        request().clear();
        refused(Fault{Refusal::timed_out, "head"});
        co_await refuse();
      }
      if (got.status != IoStatus::ok) co_return;
      workspace_->reader.added(got.bytes);
      if (step == Step::idle) enter(Phase::head);
      continue;
    }
    if (step == Step::body) step = co_await receive_body();
    if (step == Step::refused) co_await (is_http2() ? serve_http2() : refuse());
    if (step != Step::ready) co_return;

    Exchange exchange(request(), response(), worker_.loop(), *this);
    if (auto task = worker_.handler().handle(exchange)) {
      const bool earlier_answers_sent = co_await flush();
      enter(Phase::handler);
      co_await std::move(*task);  // also for a client that is gone: it was asked for
      if (!earlier_answers_sent) cut_ = true;
    }
    Next next = Next::close;
    if (cut_) {
      response().status = kNoResponse;
    } else {
      next = finish_response(exchange);
      if (response().stream) {
        next = co_await stream_response(next);
      } else if (!large_body_.empty() || output().size() > kFlushAt) {
        if (!co_await flush()) cut_ = true;
      }
    }
    end_exchange();
    if (next != Next::request || cut_) {
      if (!cut_ && co_await flush() && next == Next::close_lingering) co_await linger();
      co_return;
    }
    workspace_->reader.finish();
    if (++turns % kRequestsPerTurn == 0) {
      if (!co_await flush()) co_return;
      enter(Phase::head);
      co_await worker_.loop().yield();
    }
  }
}

Connection::Step Connection::refused(const Fault& fault) {
  fault_ = fault;
  return Step::refused;
}

// Takes the next request as far as it has arrived.
Connection::Step Connection::advance() {
  if (!workspace_) return Step::idle;
  h1::RequestReader& reader = workspace_->reader;
  switch (reader.read_head()) {
    case Progress::need_more: return reader.is_empty() ? Step::idle : Step::head;
    case Progress::refused: request().clear(); return refused(reader.fault());
    case Progress::done: break;
  }
  begin_request();
  if (reader.framing().kind == h1::Framing::Kind::none) {
    reader.begin_body(0);
    return Step::ready;
  }
  const bool streams_body = worker_.handler().streams_body(request());
  if (reader.begin_body(worker_.handler().body_limit(request())) == Progress::refused) {
    return refused(reader.fault());
  }
  continue_owed_ = reader.framing().expects_continue && reader.is_empty();
  if (streams_body) return Step::ready;
  switch (reader.read_body()) {
    case Progress::need_more: return Step::body;
    case Progress::refused: return refused(reader.fault());
    case Progress::done: break;
  }
  return Step::ready;
}

bool Connection::is_http2() const {
  return is_first_ && !stream_.is_secure() && fault_.refusal == Refusal::version_refused &&
         workspace_->reader.received().starts_with(kHttp2Preface);
}

Task<void> Connection::serve_http2() {
  std::string received;
  if (workspace_) {
    received = workspace_->reader.received();
    workspace_->reader.clear();
    worker_.give_back(std::move(workspace_));
  }
  http2_ = std::make_unique<h2::Link>(worker_, stream_);
  co_await http2_->run(std::move(received));
  http2_.reset();
}

void Connection::begin_request() {
  is_first_ = false;
  request_began_ = worker_.loop().now();
  continue_owed_ = false;
  body_waited_ = {};
  body_mark_ = 0;
  response_bytes_ = 0;
  Request& now = request();
  now.secure = stream_.is_secure();
  now.peer = stream_.peer().address;
  worker_.stamp().write_id(request_began_, workspace_->request_id.data());
  now.request_id = std::string_view(workspace_->request_id.data(), workspace_->request_id.size());
}

Task<Connection::Step> Connection::receive_body() {
  if (std::exchange(continue_owed_, false)) output().append(h1::kContinue);
  if (!co_await flush()) co_return Step::gone;
  enter(Phase::body);
  h1::RequestReader& reader = workspace_->reader;
  while (true) {
    const net::IoResult got = co_await stream_.read_some(reader.space());
    if (got.status == IoStatus::timed_out) co_return refused(Fault{Refusal::timed_out, "body"});
    if (got.status != IoStatus::ok) co_return Step::gone;
    reader.added(got.bytes);
    switch (reader.read_body()) {
      case Progress::need_more: break;
      case Progress::refused: co_return refused(reader.fault());
      case Progress::done: co_return Step::ready;
    }
  }
}

// Answers what no handler will see, and ends the connection: where the next request would begin
// cannot be trusted.
Task<void> Connection::refuse() {
  stream_.clear_cancel();
  const bool head_was_read = !request().method_text.empty();
  if (!head_was_read) begin_request();
  worker_.count_refusal(fault_.refusal);
  write_refusal(response(), fault_, request().request_id);
  if (fault_.refusal == Refusal::body_too_large) {
    worker_.handler().body_too_large(request(), response());
  }
  const bool without_body = request().method == Method::head;
  h1::append_response_head(output(), response(), frame_response(Next::close));
  if (!without_body) output().append(response().body);
  response_bytes_ = response().body.size();
  end_exchange();
  if (co_await flush()) co_await linger();
}

// Closing a socket that holds unread bytes sends a reset, which may overtake the last answer.
Task<void> Connection::linger() {
  stream_.shutdown_write();
  enter(Phase::lingering);
  std::size_t drained = 0;
  while (drained < kMaxLingeringBytes) {
    workspace_->reader.clear();
    const net::IoResult got = co_await stream_.read_some(workspace_->reader.space());
    if (got.status != IoStatus::ok) co_return;
    drained += got.bytes;
  }
}

Connection::Next Connection::decide_next() {
  const h1::RequestReader& reader = workspace_->reader;
  if (is_upgrade(workspace_->response)) return Next::close;
  if (!reader.body_is_complete()) return Next::close_lingering;
  if (reader.framing().keep_alive && !response().close_connection && !worker_.is_stopping()) {
    return Next::request;
  }
  return reader.is_empty() ? Next::close : Next::close_lingering;
}

h1::ResponseFraming Connection::frame_response(Next next) {
  const Response& answer = response();
  h1::ResponseFraming framing;
  framing.length = answer.body.size();
  if (!h1::allows_body(answer.status)) {
    framing.body = BodyFraming::none;
  } else if (answer.stream && answer.stream_length) {
    framing.length = *answer.stream_length;
  } else if (answer.stream) {
    framing.body = request().minor_version > 0 ? BodyFraming::chunked : BodyFraming::until_close;
  }
  framing.close =
      (next != Next::request || framing.body == BodyFraming::until_close) && !is_upgrade(answer);
  framing.say_keep_alive = request().minor_version == 0;
  framing.date = worker_.stamp().date(worker_.loop().now());
  framing.request_id = request().request_id;
  return framing;
}

// Puts the head into the output, and the body unless it is a stream.
Connection::Next Connection::finish_response(Exchange& exchange) {
  worker_.handler().before_response(exchange);
  Response& answer = response();
  Next next = decide_next();
  const h1::ResponseFraming framing = frame_response(next);
  h1::append_response_head(output(), answer, framing);
  if (next == Next::request && framing.close) next = Next::close;
  if (is_upgrade(answer)) {
    stream_framing_ = BodyFraming::until_close;
  } else if (request().method == Method::head || !h1::allows_body(answer.status)) {
    answer.stream.reset();
  } else if (answer.stream) {
    stream_framing_ = framing.body;
  } else {
    response_bytes_ = answer.body.size();
    if (answer.body.size() > kCopiedBody) {
      large_body_ = answer.body;
    } else {
      output().append(answer.body);
    }
  }
  return next;
}

void Connection::append_piece(std::string_view piece) {
  response_bytes_ += piece.size();
  if (stream_framing_ != BodyFraming::chunked) {
    output().append(piece);
    return;
  }
  h1::append_chunk_size(output(), piece.size());
  output().append(piece).append("\r\n");
}

Task<Connection::Next> Connection::stream_response(Next next) {
  Response& answer = response();
  streaming_ = true;
  watching_ = true;
  stream_.on_hang_up([this] { hung_up(); });
  if (!answer.body.empty()) append_piece(answer.body);
  const bool has_length = stream_framing_ == BodyFraming::length;
  bool complete = false;
  while (!cut_ && !complete) {
    if (!co_await flush() || cut_) break;
    enter(Phase::handler);
    Result<std::string_view> piece = co_await answer.stream->next();
    if (!piece || cut_) break;
    if (!piece->empty()) {
      append_piece(*piece);
      if (has_length && response_bytes_ > *answer.stream_length) break;
      continue;
    }
    if (has_length && response_bytes_ != *answer.stream_length) break;
    complete = true;
  }
  streaming_ = false;
  answer.stream.reset();
  if (!complete) {
    cut({});
    co_return Next::close;
  }
  if (stream_framing_ == BodyFraming::chunked) output().append(h1::kLastChunk);
  co_return next;
}

Task<Result<std::string_view>> Connection::read_body() {
  h1::RequestReader& reader = workspace_->reader;
  while (true) {
    const Progress progress = reader.read_body();
    if (progress == Progress::refused) {
      const Fault& fault = reader.fault();
      const bool too_large = fault.refusal == Refusal::body_too_large;
      co_return fail(too_large ? Code::too_large : Code::invalid_argument,
                     too_large ? "body_too_large" : "malformed_body", detail_of(fault.refusal));
    }
    const std::string_view piece = reader.take_body();
    if (!piece.empty() || progress == Progress::done) co_return piece;
    if (std::exchange(continue_owed_, false) && !streaming_) {
      // Never pending, so that whoever reads may be destroyed at any time.
      if (stream_.write_now(h1::kContinue) != h1::kContinue.size()) cut_ = true;
    }
    // Only the time spent waiting for the client counts against it, and none once the answer has
    // begun: then the phases are those of the answer.
    if (!streaming_) {
      phase_ = Phase::body;
      since_ = worker_.loop().now() - body_waited_;
      progress_mark_ = body_mark_;
    }
    const net::IoResult got = co_await stream_.read_some(reader.space());
    if (!streaming_) {
      body_waited_ = worker_.loop().now() - since_;
      body_mark_ = progress_mark_;
      enter(Phase::handler);
    }
    if (got.status != IoStatus::ok) {
      if (got.status == IoStatus::timed_out) stream_.clear_cancel();
      co_return fail(Code::unavailable, "client_gone", "The request body did not arrive.");
    }
    reader.added(got.bytes);
  }
}

Task<Result<std::string_view>> Connection::read_upgraded() {
  h1::RequestReader& reader = workspace_->reader;
  if (const std::string_view raw = reader.take_raw(); !raw.empty()) co_return raw;
  const net::IoResult got = co_await stream_.read_some(reader.space());
  if (got.status == IoStatus::end) co_return std::string_view();
  if (got.status != IoStatus::ok) {
    co_return fail(Code::unavailable, "client_gone", "The client is gone.");
  }
  reader.added(got.bytes);
  co_return reader.take_raw();
}

void Connection::cut(std::string_view last_bytes) {
  if (std::exchange(cut_, true)) return;
  if (http2_) return http2_->cut();
  if (streaming_ && phase_ == Phase::handler && !last_bytes.empty()) {
    append_piece(last_bytes);
    stream_.write_now(output());
    output().clear();
  }
  stream_.abort();
  // Either call may resume what waits for it, and that may be the end of this connection.
  bool destroyed = false;
  destroyed_ = &destroyed;
  if (disconnected_) std::exchange(disconnected_, nullptr)();
  if (!destroyed && streaming_ && response().stream) response().stream->cancel();
  if (!destroyed) destroyed_ = nullptr;
}

void Connection::hung_up() {
  if (streaming_) {
    cut({});
  } else if (disconnected_) {
    std::exchange(disconnected_, nullptr)();
  }
}

void Connection::on_disconnect(std::function<void()> function) {
  disconnected_ = std::move(function);
  watching_ = true;
  stream_.on_hang_up([this] { hung_up(); });
}

void Connection::end_exchange() {
  if (std::exchange(watching_, false)) {
    disconnected_ = nullptr;
    stream_.on_hang_up(nullptr);
  }
  worker_.report(request(), response().status, response_bytes_, request_began_);
  large_body_ = {};
  response().clear();
}

void Connection::sweep(net::Ticks now) {
  if (http2_) return http2_->sweep(now);
  const ServerLimits& limits = worker_.limits();
  const net::Ticks elapsed = now - since_;
  bool late = false;
  switch (phase_) {
    case Phase::handshake:
    case Phase::head: late = elapsed >= limits.header_timeout; break;
    case Phase::idle: late = elapsed >= limits.idle_timeout; break;
    case Phase::lingering: late = elapsed >= kLingeringTime; break;
    case Phase::handler: break;
    case Phase::body:
    case Phase::writing: {
      const bool reading = phase_ == Phase::body;
      if (elapsed < (reading ? limits.body_grace : limits.write_stall_timeout)) break;
      const std::uint64_t mark = reading ? workspace_->reader.body_bytes() : stream_.written();
      const double seconds = std::chrono::duration<double>(elapsed).count();
      const double least =
          reading ? static_cast<double>(limits.body_bytes_per_second) * seconds : 1.0;
      late = static_cast<double>(mark - progress_mark_) < least;
      progress_mark_ = mark;
      since_ = now;
      break;
    }
  }
  if (late) stream_.cancel(IoStatus::timed_out);
}

void Connection::stop_when_idle() {
  if (http2_) return http2_->stop();
  if (phase_ == Phase::idle || phase_ == Phase::handshake || phase_ == Phase::lingering) {
    stream_.cancel(IoStatus::cancelled);
  }
}

}  // namespace keywright::http
