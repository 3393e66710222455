#include "http/test_server.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdlib>

#include "base/text.h"
#include "http/problem.h"

namespace keywright::http {

namespace {

std::size_t number_after(std::string_view path, std::string_view prefix) {
  std::size_t number = 0;
  path.remove_prefix(prefix.size());
  std::from_chars(path.data(), path.data() + path.size(), number);
  return number;
}

// Suspends until the stored function is called on the loop.
struct Park {
  std::function<void(std::coroutine_handle<>)> store;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) { store(handle); }
  void await_resume() const {}
};

class PiecesStream : public BodyStream {
 public:
  PiecesStream(std::vector<std::string> pieces, bool fails)
      : pieces_(std::move(pieces)), fails_(fails) {}
  Task<Result<std::string_view>> next() override {
    if (at_ < pieces_.size()) co_return std::string_view(pieces_[at_++]);
    if (fails_) co_return fail(Code::unavailable, "upstream_failed", "The upstream went away.");
    co_return std::string_view();
  }

 private:
  std::vector<std::string> pieces_;
  bool fails_;
  std::size_t at_ = 0;
};

}  // namespace

class UpgradedEcho : public BodyStream {
 public:
  explicit UpgradedEcho(Exchange& exchange) : exchange_(exchange) {}
  Task<Result<std::string_view>> next() override { return exchange_.read_upgraded(); }

 private:
  Exchange& exchange_;
};

class EndlessStream : public BodyStream {
 public:
  EndlessStream(TestHandler& handler) : handler_(handler) { ++handler_.streams_alive; }
  ~EndlessStream() override { --handler_.streams_alive; }

  Task<Result<std::string_view>> next() override {
    if (!std::exchange(begun_, true)) co_return std::string_view("first");
    if (!cancelled_) {
      Park park{[this](std::coroutine_handle<> handle) { waiting_ = handle; }};
      co_await park;
    }
    co_return std::string_view();
  }
  void cancel() override {
    ++handler_.streams_cancelled;
    cancelled_ = true;
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

 private:
  TestHandler& handler_;
  bool begun_ = false;
  bool cancelled_ = false;
  std::coroutine_handle<> waiting_;
};

std::optional<Task<void>> TestHandler::handle(Exchange& exchange) {
  const std::string_view path = exchange.request.path;
  {
    std::lock_guard lock(mutex_);
    seen_.push_back(std::string(exchange.request.method_text) + " " + std::string(path));
    changed_.notify_all();
  }
  Response& response = exchange.response;
  response.content_type("text/plain");
  if (path == "/hello" || path == "/refused-late" || path == "*") {
    response.body = "hello";
  } else if (path == "/echo") {
    response.body = exchange.request.body;
  } else if (path == "/authority") {
    response.body = exchange.request.authority;
  } else if (path.starts_with("/status/")) {
    response.status = static_cast<int>(number_after(path, "/status/"));
    response.body = "body";
  } else if (path.starts_with("/large/")) {
    response.body.assign(number_after(path, "/large/"), 'x');
  } else if (path == "/later") {
    return answer_later(exchange);
  } else if (path == "/stream-echo") {
    return echo_stream(exchange);
  } else if (path == "/chunks" || path == "/broken") {
    std::vector<std::string> pieces = {"one", "two", "three"};
    response.stream = std::make_unique<PiecesStream>(std::move(pieces), path == "/broken");
  } else if (path == "/known-length") {
    std::vector<std::string> pieces = {"one", "two"};
    response.stream = std::make_unique<PiecesStream>(std::move(pieces), false);
    response.body = "zero";
    response.stream_length = 10;
  } else if (path == "/upgrade") {
    response.status = 101;
    response.header("Upgrade", "echo");
    response.stream = std::make_unique<UpgradedEcho>(exchange);
  } else if (path == "/endless") {
    response.stream = std::make_unique<EndlessStream>(*this);
    std::lock_guard lock(mutex_);
    endless_ = &exchange;
  } else {
    response.status = 404;
  }
  return std::nullopt;
}

void TestHandler::before_response(Exchange& exchange) {
  if (exchange.request.path != "/refused-late") return;
  write_problem(exchange.response, Error(Code::unauthenticated, "revoked", "The key was revoked."),
                exchange.request.request_id);
}

std::size_t TestHandler::body_limit(const Request& request) {
  return request.path == "/echo" ? 4096 : kDefaultBodyLimit;
}

bool TestHandler::streams_body(const Request& request) { return request.path == "/stream-echo"; }

Task<void> TestHandler::answer_later(Exchange& exchange) {
  exchange.on_disconnect([this] { ++disconnects; });
  Park park{[this, &exchange](std::coroutine_handle<> handle) {
    std::lock_guard lock(mutex_);
    auto resume = [handle] { handle.resume(); };
    if (released_) {
      exchange.loop.post(resume);
    } else {
      waiting_.emplace_back(&exchange.loop, resume);
    }
  }};
  co_await park;
  exchange.response.body = "later";
}

Task<void> TestHandler::echo_stream(Exchange& exchange) {
  std::string all;
  while (true) {
    auto piece = co_await exchange.read_body();
    if (!piece) {
      write_problem(exchange.response, piece.error(), exchange.request.request_id);
      co_return;
    }
    if (piece->empty()) break;
    all.append(*piece);
    if (all.starts_with("stop")) break;
  }
  exchange.response.body = all;
}

void TestHandler::release() {
  std::lock_guard lock(mutex_);
  released_ = true;
  for (auto& [loop, resume] : waiting_) loop->post(resume);
  waiting_.clear();
}

std::vector<std::string> TestHandler::seen() const {
  std::lock_guard lock(mutex_);
  return seen_;
}

bool TestHandler::wait_for_requests(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return seen_.size() >= count; });
}

void TestHandler::cut_endless(std::string last_bytes) {
  std::lock_guard lock(mutex_);
  Exchange* exchange = std::exchange(endless_, nullptr);
  exchange->loop.post([exchange, last_bytes] { exchange->cut(last_bytes); });
}

ServerOptions impatient() {
  using std::chrono::milliseconds;
  ServerOptions options;
  options.limits.header_timeout = milliseconds(250);
  options.limits.body_grace = milliseconds(250);
  options.limits.idle_timeout = milliseconds(250);
  options.limits.write_stall_timeout = milliseconds(250);
  options.limits.sweep_interval = milliseconds(10);
  return options;
}

ServerOptions AccessLines::options() {
  ServerOptions options;
  options.access_log = [this](const AccessRecord& record) {
    std::string line(record.method);
    line.append(" ").append(record.path).append(" ").append(std::to_string(record.status));
    line.append(" ").append(std::to_string(record.response_bytes));
    line.append(" ").append(record.peer.to_string());
    std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  };
  return options;
}

std::vector<std::string> AccessLines::seen() const {
  std::lock_guard lock(mutex_);
  return lines_;
}

TestServer::TestServer(ServerOptions options, std::shared_ptr<net::TlsServer> tls,
                       std::size_t loops)
    : loops_(loops), server_(std::make_unique<Server>(loops_, handler_, std::move(options))) {
  auto bound = server_->listen(*net::parse_endpoint("127.0.0.1:0"), std::move(tls));
  if (!bound) std::abort();
  endpoint_ = *bound;
  loops_.start();
}

TestServer::~TestServer() {
  handler_.release();
  server_.reset();
  loops_.stop();
}

std::string RawResponse::header(std::string_view name) const {
  std::size_t at = 0;
  while (at < head.size()) {
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = std::string_view(head).substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
      return std::string(trim(line.substr(colon + 1)));
    }
    at = end + 2;
  }
  return {};
}

RawResponse RawClient::read_response(bool to_head) {
  RawResponse response;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return response;
  }
  response.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  response.status = std::atoi(response.head.c_str() + 9);
  if (to_head || response.status < 200 || response.status == 204 || response.status == 304) {
    response.complete = true;
    return response;
  }
  if (response.header("Transfer-Encoding") == "chunked") {
    read_chunks(response);
    return response;
  }
  const std::string length = response.header("Content-Length");
  const std::size_t size =
      length.empty() ? std::string::npos : std::strtoul(length.c_str(), nullptr, 10);
  while (buffer_.size() < size && fill()) {
  }
  response.complete = length.empty() || buffer_.size() >= size;
  response.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return response;
}

void RawClient::read_chunks(RawResponse& response) {
  while (!response.complete) {
    std::size_t end;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill()) return;
    }
    const std::size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
    while (buffer_.size() < end + 2 + size + 2) {
      if (!fill()) return;
    }
    response.body += buffer_.substr(end + 2, size);
    buffer_.erase(0, end + 2 + size + 2);
    response.complete = size == 0;
  }
}

std::string RawClient::read_all() {
  while (fill()) {
  }
  return std::move(buffer_);
}

std::string RawClient::read_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

}  // namespace keywright::http
