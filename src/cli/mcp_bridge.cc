#include "cli/mcp_bridge.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "cli/text_width.h"
#include "json/lenient.h"
#include "json/writer.h"
#include "mcp/answer.h"

namespace keywright::cli {
namespace {

using mcp::Message;
using mcp::MessageType;

constexpr std::size_t kLongestLine = 16 * 1024 * 1024;
constexpr std::chrono::seconds kNotificationTime{30};
constexpr std::chrono::seconds kLastAnswers{30};  // after the end of the input
constexpr std::chrono::seconds kDeleteTime{2};
constexpr std::chrono::milliseconds kListenPause{250};
constexpr int kListenTries = 5;

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// The value of a header field that mirrors the body.
std::string mirrored(std::string_view value) {
  if (is_visible(value) && !value.starts_with("=?")) return std::string(value);
  return "=?base64?" + encode_base64(view_bytes(value)) + "?=";
}

// JSON has line ends only between its tokens.
std::string on_one_line(std::string_view json) {
  std::string line(trim(json));
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\r', ' ');
  return line;
}

std::string id_text(const json::Value& id) {
  std::string text;
  json::Writer writer(text);
  id.write(writer);
  return text;
}

// What a refusal says, in the words of the server.
std::string words_of(int status, const std::string& body) {
  if (const auto document = json::Document::parse(body)) {
    for (const char* name : {"detail", "title", "message"}) {
      const auto value = document->root().find(name);
      if (value && value->as_string()) return printable(*value->as_string());
    }
    const auto error = document->root().find("error");
    const auto message = error ? error->find("message") : std::nullopt;
    if (message && message->as_string()) return printable(*message->as_string());
  }
  return fmt::format("The server answered with status {}.", status);
}

ExitCode exit_code_of_refusal(int status) {
  if (status == 401 || status == 403) return ExitCode::not_allowed;
  if (status == 429) return ExitCode::rate_limited;
  return status >= 502 && status <= 504 ? ExitCode::unavailable : ExitCode::failure;
}

// Reads lines on a thread of its own, because a read of standard input cannot be waited for with
// everything else: it may be a file.
class Lines {
 public:
  using Take = std::function<void(std::string line)>;

  Lines(int input, Take take, std::function<void()> ended)
      : state_(std::make_shared<State>()),
        thread_([state = state_, input] { read(*state, input); }) {
    const std::lock_guard lock(state_->mutex);
    state_->take = std::move(take);
    state_->ended = std::move(ended);
    state_->ready = true;
    state_->changed.notify_one();
  }
  ~Lines() {
    {
      const std::lock_guard lock(state_->mutex);
      state_->take = nullptr;
      state_->ended = nullptr;
    }
    // A thread that still waits for input ends with the process.
    state_->is_over.load() ? thread_.join() : thread_.detach();
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    Take take;                    // guarded by mutex
    std::function<void()> ended;  // guarded by mutex
    bool ready = false;           // guarded by mutex
    std::atomic<bool> is_over = false;
  };

  static void read(State& state, int input) {
    {
      std::unique_lock lock(state.mutex);
      state.changed.wait(lock, [&] { return state.ready; });
    }
    std::string pending;
    std::array<char, 64 * 1024> buffer;
    while (pending.size() < kLongestLine) {
      const ssize_t got = ::read(input, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      pending.append(buffer.data(), static_cast<std::size_t>(got));
      std::size_t begin = 0;
      for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos;) {
        give(state, pending.substr(begin, end - begin));
        begin = end + 1;
      }
      pending.erase(0, begin);
    }
    give(state, std::move(pending));
    state.is_over = true;
    const std::lock_guard lock(state.mutex);
    if (state.ended) state.ended();
  }

  static void give(State& state, std::string line) {
    if (trim(line).empty()) return;
    const std::lock_guard lock(state.mutex);
    if (state.take) state.take(std::move(line));
  }

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace

// A message from the input on its way.
struct McpBridge::Sent {
  explicit Sent(const Message& message, std::string text)
      : line(std::move(text)),
        method(message.method()),
        name(message.name()),
        id(message.id()),
        type(message.type()) {
    const auto meta = message.meta();
    const auto version = meta ? meta->find(mcp::kMetaProtocolVersion) : std::nullopt;
    modern = version && version->as_string() == mcp::kModernVersion;
  }

  std::string line;
  std::string method;
  std::string name;
  std::string id;
  MessageType type;
  bool modern = false;
  bool answered = false;
  bool quiet = false;  // the input does not know of it
  std::string session;
  std::unique_ptr<McpExchange> exchange;
};

McpBridge::McpBridge(McpBridgeOptions options, WriteLine write_line, Complain complain)
    : options_(std::move(options)),
      write_line_(std::move(write_line)),
      complain_(std::move(complain)) {}

McpBridge::~McpBridge() = default;

ExitCode McpBridge::run(int input) {
  const Lines lines(
      input,
      [this](std::string line) {
        loop_.post([this, text = std::move(line)]() mutable { take_line(std::move(text)); });
      },
      [this] { loop_.post([this] { input_ended(); }); });
  loop_.run();
  return code_;
}

void McpBridge::take_line(std::string line) {
  waiting_.push_back(std::move(line));
  if (!working_) start_detached(work_off());
}

void McpBridge::input_ended() {
  input_ended_ = true;
  cancel_where([](const Sent& sent) { return sent.method == "subscriptions/listen"; });
  loop_.run_after(kLastAnswers, [this] { cancel_where([](const Sent&) { return true; }); });
  stop_if_done();
}

void McpBridge::cancel_where(const std::function<bool(const Sent&)>& chosen) {
  std::vector<std::shared_ptr<Sent>> those;
  for (const auto& [id, place] : under_way_) {
    if (auto sent = place.lock(); sent != nullptr && chosen(*sent)) those.push_back(sent);
  }
  for (const auto& sent : those) {
    sent->answered = true;  // nobody waits for it
    if (sent->exchange) sent->exchange->cancel();
  }
}

void McpBridge::stop_if_done() {
  const bool idle = input_ended_ && !working_ && open_ == 0 && waiting_.empty();
  if (!idle || ended_) return;
  stopping_ = true;
  if (listens_) {
    if (listening_) listening_->cancel();
    return;  // its end calls again
  }
  ended_ = true;
  start_detached(end_session());
}

// One message after the other, as they came; requests are not waited for, except the one that
// everything after it depends on.
Task<void> McpBridge::work_off() {
  working_ = true;
  while (!waiting_.empty()) {
    const std::string line = std::move(waiting_.front());
    waiting_.pop_front();
    auto message = Message::read(line);
    if (!message) {
      put(mcp::error_answer(message.error()));
      continue;
    }
    if (cancels(*message)) continue;
    auto sent = std::make_shared<Sent>(*message, line);
    if (!is_visible(sent->method)) {
      answer_error(*sent, mcp::kMethodNotFound, "Unknown method.");
      continue;
    }
    if (sent->method == "initialize") initialize_ = line;
    if (sent->method == "notifications/initialized") initialized_ = line;
    if (sent->type == MessageType::request) under_way_[sent->id] = sent;
    if (sent->type == MessageType::request && sent->method != "initialize") {
      start_detached(send_in_background(sent));
    } else {
      const net::TimerId timer = loop_.run_after(kNotificationTime, [sent] {
        if (sent->type != MessageType::request && sent->exchange) sent->exchange->cancel();
      });
      co_await send(sent);
      loop_.cancel(timer);
    }
    const bool may_listen = sent->method == "notifications/initialized" && !session_id_.empty();
    if (may_listen && !listens_) start_detached(listen());
  }
  working_ = false;
  stop_if_done();
}

Task<void> McpBridge::send_in_background(std::shared_ptr<Sent> sent) {
  ++open_;
  co_await send(sent);
  --open_;
  stop_if_done();
}

Task<void> McpBridge::send(std::shared_ptr<Sent> sent) {
  bool lost_session = false;
  Result<void> done = co_await attempt(*sent, lost_session);
  if (done && lost_session) {
    bool again = sent->session != session_id_;  // somebody else has begun another one
    if (!again) again = co_await begin_again();
    if (again) {
      done = co_await attempt(*sent, lost_session);
    } else {
      refuse(*sent, 404, "");
    }
  }
  if (!done && !sent->answered) {
    code_ = ExitCode::unavailable;
    complain_(done.error().detail());
    answer_error(*sent, 0, done.error().detail());
  }
  const auto found = under_way_.find(sent->id);
  if (found != under_way_.end() && found->second.lock() == sent) under_way_.erase(found);
}

// `lost_session` comes back true if the server does not know the session (any more); it is asked
// once only.
Task<Result<void>> McpBridge::attempt(Sent& sent, bool& lost_session) {
  const bool asked_before = lost_session;
  lost_session = false;
  sent.session = session_id_;
  sent.exchange = std::make_unique<McpExchange>(loop_, options_.place);
  McpExchange& exchange = *sent.exchange;
  http::HeaderList fields = fields_for(sent);
  std::string body = sent.line;
  KW_CO_CHECK_OK(co_await exchange.send("POST", std::move(fields), std::move(body)));
  const int status = exchange.status();
  if (status == 404 && !sent.session.empty() && !sent.modern && !asked_before) {
    lost_session = true;
    co_return Result<void>();
  }
  note_answer(sent, exchange);
  if (status >= 200 && status < 300) {
    auto relayed = co_await relay(sent, exchange);
    co_return relayed;
  }
  KW_CO_TRY(const std::string refusal, co_await exchange.read_all());
  refuse(sent, status, refusal);
  co_return Result<void>();
}

void McpBridge::note_answer(Sent& sent, const McpExchange& exchange) {
  if (sent.method != "initialize" || exchange.status() != 200) return;
  const std::string* id = exchange.header("Mcp-Session-Id");
  session_id_ = id != nullptr && is_visible(*id) ? *id : "";
}

Task<Result<void>> McpBridge::relay(Sent& sent, McpExchange& exchange) {
  const std::string* type = exchange.header("Content-Type");
  if (type != nullptr && to_ascii_lower(*type).starts_with("text/event-stream")) {
    KW_CO_CHECK_OK(co_await relay_events(sent, exchange));
  } else {
    KW_CO_TRY(const std::string body, co_await exchange.read_all());
    if (!trim(body).empty()) forward(sent, body);
  }
  if (sent.type != MessageType::request || sent.answered) co_return Result<void>();
  co_return fail(Code::unavailable, "no_answer", "The server ended its answer without a result.");
}

Task<Result<void>> McpBridge::relay_events(Sent& sent, McpExchange& exchange) {
  mcp::SseReader reader;
  while (!sent.answered || sent.type != MessageType::request) {
    KW_CO_TRY(const std::string_view piece, co_await exchange.next());
    if (piece.empty()) break;
    reader.feed(piece);
    while (auto event = reader.next()) {
      if (event->has_data && !event->data.empty()) forward(sent, event->data);
    }
    if (reader.overflowed()) {
      co_return fail(Code::too_large, "event_too_large", "An event of the server is too large.");
    }
  }
  co_return Result<void>();
}

void McpBridge::forward(Sent& sent, std::string_view message) {
  const auto document = json::parse_leniently(message);
  if (!document) return complain_("The server sent something that is not JSON; it is left out.");
  const auto id = document->root().find("id");
  const bool answers = !document->root().find("method") && id && id_text(*id) == sent.id;
  if (answers && sent.type == MessageType::request) {
    sent.answered = true;
    code_ = ExitCode::ok;
    const auto result = document->root().find("result");
    const auto version = result ? result->find("protocolVersion") : std::nullopt;
    if (sent.method == "initialize" && version) version_ = version->as_string().value_or("");
  }
  if (!sent.quiet) put(on_one_line(message));
}

void McpBridge::refuse(Sent& sent, int status, const std::string& body) {
  const auto document = json::parse_leniently(body);
  const auto error = document ? document->root().find("error") : std::nullopt;
  const auto id = document ? document->root().find("id") : std::nullopt;
  if (error && id && id_text(*id) == sent.id) return forward(sent, body);
  code_ = exit_code_of_refusal(status);
  const std::string words = words_of(status, body);
  complain_(fmt::format("{} ({})", words, status));
  answer_error(sent, status, words);
}

void McpBridge::answer_error(const Sent& sent, int code, std::string_view text) {
  if (sent.type != MessageType::request || sent.answered || sent.quiet) return;
  mcp::RpcError error;
  error.code = code;
  error.message = text;
  error.id = sent.id;
  put(mcp::error_answer(error));
}

bool McpBridge::cancels(const Message& message) {
  if (message.method() != "notifications/cancelled") return false;
  const auto id = message.param("requestId");
  const auto found = id ? under_way_.find(id_text(*id)) : under_way_.end();
  const auto sent = found == under_way_.end() ? nullptr : found->second.lock();
  if (sent == nullptr || !sent->modern) return false;
  sent->answered = true;  // nobody waits for it
  if (sent->exchange) sent->exchange->cancel();
  return true;
}

http::HeaderList McpBridge::fields_for(const Sent& sent) const {
  http::HeaderList fields = {{"Authorization", "Bearer " + options_.key.reveal()},
                             {"Accept", "application/json, text/event-stream"},
                             {"Content-Type", "application/json"},
                             {"User-Agent", "keywright-mcp"}};
  if (sent.modern) {
    fields.emplace_back("MCP-Protocol-Version", mcp::kModernVersion);
    fields.emplace_back("Mcp-Method", sent.method);
    if (!sent.name.empty()) fields.emplace_back("Mcp-Name", mirrored(sent.name));
    return fields;
  }
  if (sent.method == "initialize") return fields;
  if (!version_.empty()) fields.emplace_back("MCP-Protocol-Version", version_);
  if (!session_id_.empty()) fields.emplace_back("Mcp-Session-Id", session_id_);
  return fields;
}

Task<bool> McpBridge::begin_again() {
  session_id_.clear();
  if (initialize_.empty()) co_return false;
  for (const std::string* line : {&initialize_, &initialized_}) {
    if (line->empty()) continue;
    const auto message = Message::read(*line);
    Sent sent(*message, *line);
    sent.quiet = true;
    bool lost = true;
    auto done = co_await attempt(sent, lost);
    if (!done || (line == &initialize_ && !sent.answered)) co_return false;
  }
  co_return true;
}

// The stream on which a server of the legacy era speaks without having been asked.
Task<void> McpBridge::listen() {
  listens_ = true;
  std::string last_event;
  for (int tries = 0; tries < kListenTries && !stopping_; ++tries) {
    if (tries > 0) co_await loop_.sleep(kListenPause);
    if (stopping_ || session_id_.empty()) break;
    listening_ = std::make_unique<McpExchange>(loop_, options_.place);
    http::HeaderList fields = {{"Authorization", "Bearer " + options_.key.reveal()},
                               {"Accept", "text/event-stream"},
                               {"Mcp-Session-Id", session_id_}};
    if (!version_.empty()) fields.emplace_back("MCP-Protocol-Version", version_);
    if (!last_event.empty()) fields.emplace_back("Last-Event-ID", last_event);
    const auto opened = co_await listening_->send("GET", std::move(fields), "");
    if (!opened) continue;
    if (listening_->status() != 200) break;  // it offers none
    mcp::SseReader reader;
    while (true) {
      const auto piece = co_await listening_->next();
      if (!piece || piece->empty()) break;
      tries = 0;
      reader.feed(*piece);
      while (auto event = reader.next()) {
        if (event->id && is_visible(*event->id)) last_event = *event->id;
        const bool is_json = event->has_data && json::parse_leniently(event->data).has_value();
        if (is_json) put(on_one_line(event->data));
      }
    }
  }
  listening_.reset();
  listens_ = false;
  if (stopping_) stop_if_done();
}

Task<void> McpBridge::end_session() {
  if (!session_id_.empty()) {
    McpExchange exchange(loop_, options_.place);
    const net::TimerId timer = loop_.run_after(kDeleteTime, [&] { exchange.cancel(); });
    http::HeaderList fields = {{"Authorization", "Bearer " + options_.key.reveal()},
                               {"Mcp-Session-Id", session_id_}};
    if (!version_.empty()) fields.emplace_back("MCP-Protocol-Version", version_);
    static_cast<void>(co_await exchange.send("DELETE", std::move(fields), ""));
    loop_.cancel(timer);
  }
  loop_.stop();
}

void McpBridge::put(std::string_view line) {
  if (write_line_(line)) return;
  code_ = ExitCode::failure;
  loop_.stop();
}

}  // namespace keywright::cli
