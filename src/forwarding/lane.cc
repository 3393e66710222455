#include "forwarding/lane.h"

#include <algorithm>

#include "base/encoding.h"
#include "forwarding/gzip.h"
#include "forwarding/parcel.h"
#include "forwarding/signature.h"
#include "json/codec.h"

namespace keywright::forwarding {
namespace {

using app::ForwardingType;
using app::OtlpEncoding;
using traces::Queued;
using traces::TraceToSend;

constexpr int kRowsAtOnce = 64;
constexpr int kTurn = 64;  // messages, before another lane is let in
constexpr std::int64_t kUnsavedMax = 32;
constexpr std::size_t kSpansMax = 512;
constexpr std::size_t kParcelBytes = 1024 * 1024;
constexpr std::size_t kGzipFrom = 1024;
constexpr std::size_t kProblemBytes = 300;
constexpr int kUnsupportedMediaType = 415;
constexpr std::chrono::milliseconds kStoreWait{5'000};
constexpr std::int64_t kRefusalDelayMax = 4;  // doublings: 8 s
constexpr std::string_view kHopsHeader = "X-Keywright-Hops";

constexpr std::string_view kExample =
    R"({"data":{"input":"Hello","output":"Keywright sent this to try the forwarding out."}})";

std::size_t bytes_of_trace(const TraceToSend& trace) {
  std::size_t bytes = trace.body.size();
  for (const traces::SpanToSend& span : trace.spans) bytes += span.json.size();
  return bytes;
}

}  // namespace

Lane::Lane(LaneTools& tools, app::Forwarding settings, LaneState state)
    : tools_(tools), state_(std::move(state)) {
  apply(std::move(settings));
}

void Lane::apply(app::Forwarding settings) {
  const bool begins_anew = settings.enabled && !settings_.enabled;
  settings_ = std::move(settings);
  takes_gzip_ = true;
  if (begins_anew) {
    state_.failures = 0;
    state_.failing_since.reset();
    waiting_since_.reset();
  }
  const auto open = [&](const std::string& sealed, const std::string& place) {
    const auto bytes = decode_base64url(sealed);
    if (sealed.empty() || !bytes) return Secret<std::string>();
    auto opened = tools_.keyring.sealer().open(view_text(*bytes), place);
    if (opened) return std::move(*opened);
    log_error("forwarding_secret_not_opened", {{"platform", settings_.platform_id.to_string()}});
    return Secret<std::string>();
  };
  const std::string secret_place = app::forwarding_secret_place(settings_.platform_id);
  secret_ = open(settings_.sealed_secret, secret_place);
  previous_secret_ = open(settings_.sealed_previous_secret, secret_place);
  headers_.clear();
  for (const auto& [name, sealed] : settings_.sealed_headers) {
    const std::string place = app::forwarding_place(settings_.platform_id) + "/header/" + name;
    headers_.emplace_back(name, open(sealed, place));
  }
}

std::string Lane::state_text() const { return json::encode(state_); }

void Lane::save(bool always) {
  if (saved_until_ == done_until_ && !always) return;
  saved_until_ = done_until_;
  tools_.works.submit(
      [platform = platform(), until = done_until_, text = state_text()](traces::Outbox& outbox) {
        return outbox.delivered(platform, until, text);
      });
}

void Lane::pop(std::size_t count) {
  done_until_ = rows_[count - 1].sequence;
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
  attempts_ = 0;
  waiting_since_.reset();
}

void Lane::note_error(std::string_view problem) {
  state_.last_error = problem.substr(0, kProblemBytes);
  state_.last_error_at = tools_.clock.now();
}

Result<void> Lane::fill() {
  if (!rows_.empty()) return {};
  KW_TRY(const std::vector<Queued> rows, tools_.store.queued(platform(), done_until_, kRowsAtOnce));
  rows_.assign(rows.begin(), rows.end());
  return {};
}

// The messages that go next, as one request; nothing if there are none. One that cannot be read is
// reported as an error, and is then the only one at the front.
Result<std::optional<Lane::Parcel>> Lane::next_parcel() {
  std::vector<Queued> rows;
  std::vector<TraceToSend> found;
  std::size_t spans = 0;
  std::size_t bytes = 0;
  while (true) {
    if (rows.empty()) KW_CHECK_OK(fill());
    if (rows.size() == rows_.size()) break;
    const Queued row = rows_[rows.size()];
    auto trace = tools_.store.to_send(row);
    if (!trace && !rows.empty()) break;  // it is looked at again when it is the first
    if (!trace) return fail(std::move(trace).error());
    if (!*trace) {  // dropped meanwhile
      if (!rows.empty()) break;
      pop(1);
      continue;
    }
    spans += std::max<std::size_t>((*trace)->spans.size(), 1);
    bytes += bytes_of_trace(**trace);
    const bool fits = spans <= kSpansMax && bytes <= kParcelBytes &&
                      row.hops == (rows.empty() ? row.hops : rows.front().hops);
    if (!rows.empty() && !fits) break;
    rows.push_back(row);
    found.push_back(std::move(**trace));
    if (settings_.type == ForwardingType::webhook || row.sequence <= single_until_) break;
  }
  if (rows.empty()) return std::nullopt;
  KW_TRY(Parcel parcel, pack(std::move(rows), std::move(found)));
  return parcel;
}

http::ClientRequest Lane::make_request(std::string body, std::string_view content_type,
                                       std::int64_t hops) const {
  http::ClientRequest request("POST", settings_.url);
  request.body = std::move(body);
  request.headers.emplace_back("Content-Type", content_type);
  request.headers.emplace_back("User-Agent", tools_.options.user_agent);
  request.headers.emplace_back(kHopsHeader, std::to_string(hops + 1));
  for (const auto& [name, value] : headers_) request.headers.emplace_back(name, value.reveal());
  return request;
}

void Lane::sign(http::ClientRequest& request, const std::string& id) const {
  const std::int64_t seconds = to_unix_milliseconds(tools_.clock.now()) / 1000;
  std::string signature = signature_of(secret_.reveal(), id, seconds, request.body);
  const auto& until = settings_.previous_secret_until;
  if (until && tools_.clock.now() < *until) {
    signature += ' ' + signature_of(previous_secret_.reveal(), id, seconds, request.body);
  }
  request.headers.emplace_back("webhook-id", id);
  request.headers.emplace_back("webhook-timestamp", std::to_string(seconds));
  request.headers.emplace_back("webhook-signature", signature);
}

Result<Lane::Parcel> Lane::pack(std::vector<Queued> rows, std::vector<TraceToSend> found) {
  Parcel parcel;
  if (settings_.type == ForwardingType::webhook) {
    const TraceToSend& trace = found.front();
    const Queued& row = rows.front();
    std::string body = webhook_body(event_type(trace, row), trace, row, tools_.clock.now());
    parcel.request = make_request(std::move(body), "application/json", row.hops);
    sign(parcel.request, message_id(trace, row));
  } else {
    std::string body = otlp_json_of(found);
    const bool protobuf = settings_.encoding == OtlpEncoding::protobuf;
    if (protobuf) {
      KW_TRY(body, otlp_protobuf_of(body));
    }
    std::string smaller;
    if (takes_gzip_ && body.size() >= kGzipFrom) smaller = gzip_of(body);
    parcel.gzip = !smaller.empty();
    parcel.request =
        make_request(parcel.gzip ? std::move(smaller) : std::move(body),
                     protobuf ? "application/x-protobuf" : "application/json", rows.front().hops);
    if (parcel.gzip) parcel.request.headers.emplace_back("Content-Encoding", "gzip");
  }
  parcel.rows = std::move(rows);
  return parcel;
}

// False: another process has it. What that one did is in the store.
Result<bool> Lane::claim() {
  KW_TRY(const traces::Claim claim, tools_.store.claim(platform()));
  is_ours_ = claim != traces::Claim::refused;
  if (claim != traces::Claim::taken) return is_ours_;
  KW_TRY(const auto row, tools_.store.forwarding(platform()));
  if (row) {
    if (auto state = json::decode<LaneState>(row->state, {.form = json::Form::store})) {
      state_ = std::move(*state);
    }
  }
  rows_.clear();
  done_until_ = saved_until_ = 0;
  attempts_ = 0;
  waiting_since_.reset();
  return true;
}

// Only when it is written how far it got: the next one would send it again.
Task<void> Lane::give_back() {
  if (!tools_.store.is_shared()) {
    save();
    co_return;
  }
  if (saved_until_ != done_until_) {
    saved_until_ = done_until_;
    Saving saving(tools_.works, tools_.loop,
                  [lane = platform(), until = done_until_, text = state_text()](
                      traces::Outbox& outbox) { return outbox.delivered(lane, until, text); });
    const Result<void> saved = co_await saving;
    if (!saved) log_warning("forwarding_not_saved", {{"problem", saved.error().detail()}});
  }
  is_ours_ = false;
  tools_.store.release(platform());
}

Task<Lane::Rest> Lane::send_some() {
  if (!settings_.enabled) co_return Rest();
  const Result<bool> claimed = claim();
  if (!claimed) co_return Rest{false, kStoreWait};
  if (!*claimed) co_return Rest();  // it is told when nobody has it any more
  const Rest rest = co_await send_messages();
  if (!rest.more && !rest.wait) co_await give_back();
  co_return rest;
}

Task<Lane::Rest> Lane::send_messages() {
  for (int turn = 0; turn < kTurn; ++turn) {
    if (!settings_.enabled) co_return Rest();
    auto parcel = next_parcel();
    if (!parcel) {
      note_error(parcel.error().detail());
      const bool unreadable = parcel.error().reason() == "trace_damaged" ||
                              parcel.error().code() == Code::invalid_argument;
      if (!unreadable || rows_.empty()) co_return Rest{false, kStoreWait};
      std::string problem = parcel.error().detail();
      const bool buried = co_await bury(rows_.front(), 0, std::move(problem));
      if (!buried) co_return Rest{false, kStoreWait};
      continue;
    }
    if (!*parcel) co_return Rest();
    http::ClientRequest request = std::move((*parcel)->request);
    auto response = co_await tools_.client.send(std::move(request));
    Verdict verdict = verdict_of(settings_.type, response, tools_.clock.now());
    auto rest = co_await handle(std::move(**parcel), std::move(verdict));
    if (rest) co_return *rest;
  }
  co_return Rest{true, std::nullopt};
}

// Nothing: go on with the next one.
Task<std::optional<Lane::Rest>> Lane::handle(Parcel parcel, Verdict verdict) {
  switch (verdict.fate) {
    case Fate::delivered:
      pop(parcel.rows.size());
      state_.delivered += static_cast<std::int64_t>(parcel.rows.size());
      state_.failures = 0;
      state_.failing_since.reset();
      state_.next_attempt_at.reset();
      state_.last_success_at = tools_.clock.now();
      if (!verdict.problem.empty()) note_error(verdict.problem);
      if (done_until_ - saved_until_ >= kUnsavedMax) save();
      co_return std::nullopt;
    case Fate::gone:
      note_error(verdict.problem);
      disable("gone");
      co_return Rest();
    case Fate::later: {
      ++attempts_;
      const Time now = tools_.clock.now();
      if (!waiting_since_) waiting_since_ = now;
      if (now - *waiting_since_ < tools_.options.give_up_after) co_return fail_for_now(verdict);
      break;
    }
    case Fate::refused:
      if (parcel.gzip && verdict.status == kUnsupportedMediaType) {
        takes_gzip_ = false;
        co_return std::nullopt;
      }
      if (parcel.rows.size() > 1) {
        single_until_ = parcel.rows.back().sequence;
        co_return std::nullopt;
      }
      ++attempts_;
      break;
  }
  for (const Queued& row : parcel.rows) {
    const bool buried = co_await bury(row, verdict.status, verdict.problem);
    if (!buried) co_return Rest{false, kStoreWait};
  }
  ++state_.failures;
  // A receiver that refuses everything is not run through at full speed.
  if (state_.failures == 1) co_return std::nullopt;
  const std::int64_t doublings = std::min(state_.failures - 1, kRefusalDelayMax);
  co_return Rest{false, delay_after(doublings, std::nullopt, tools_.random)};
}

Lane::Rest Lane::fail_for_now(const Verdict& verdict) {
  const Time now = tools_.clock.now();
  ++state_.failures;
  note_error(verdict.problem);
  if (!state_.failing_since) state_.failing_since = now;
  const auto delay = delay_after(state_.failures, verdict.retry_after, tools_.random);
  state_.next_attempt_at = now + delay;
  save(true);
  if (now - *state_.failing_since >= tools_.options.disable_after) {
    disable("failing");
    return {};
  }
  return {false, delay};
}

Task<bool> Lane::bury(Queued row, std::int64_t status, std::string problem) {
  save();
  note_error(problem);
  traces::DeadLetter letter;
  letter.queued = row;
  letter.failed_at = tools_.clock.now();
  letter.attempts = attempts_;
  letter.status = status;
  letter.problem = problem.substr(0, kProblemBytes);
  Saving saving(tools_.works, tools_.loop,
                [letter = std::move(letter), text = state_text()](traces::Outbox& outbox) {
                  return outbox.bury(letter, text);
                });
  const Result<void> saved = co_await saving;
  if (!saved) co_return false;
  pop(1);
  saved_until_ = done_until_;
  co_return true;
}

void Lane::disable(std::string_view reason) {
  log_warning("forwarding_disabled", {{"platform", platform().to_string()}, {"reason", reason}});
  settings_.enabled = false;
  settings_.disabled_reason = std::string(reason);
  traces::ForwardingRow row;
  row.platform = platform();
  row.project = settings_.project_id;
  row.settings = json::encode(settings_, {.form = json::Form::store});
  row.state = state_text();
  tools_.works.submit([row = std::move(row)](traces::Outbox& outbox) { return outbox.put(row); });
}

Task<app::ForwardingTest> Lane::send_example(http::Client& client) {
  TraceToSend trace;
  trace.row.id = Uuid{random_bytes<16>(tools_.random)};
  trace.row.project = settings_.project_id;
  trace.row.platform = platform();
  trace.row.name = "example";
  trace.row.status = "success";
  trace.row.created_at = trace.row.updated_at = tools_.clock.now();
  trace.body = kExample;
  const Queued row;
  const std::chrono::nanoseconds began = tools_.clock.boot_time();
  app::ForwardingTest test;
  std::vector<Queued> rows = {row};
  std::vector<TraceToSend> found = {trace};
  auto packed = pack(std::move(rows), std::move(found));
  if (!packed) {
    test.error = packed.error().detail();
    co_return test;
  }
  http::ClientRequest request = std::move(packed->request);
  if (settings_.type == ForwardingType::webhook) {
    std::string body = webhook_body("trace.test", trace, row, tools_.clock.now());
    request = make_request(std::move(body), "application/json", 0);
    sign(request, message_id(trace, row));
  }
  // The lane may be gone when the answer comes.
  const ForwardingType type = settings_.type;
  const Clock& clock = tools_.clock;
  auto response = co_await client.send(std::move(request));
  const Verdict verdict = verdict_of(type, response, clock.now());
  test.delivered = verdict.fate == Fate::delivered;
  if (verdict.status != 0) test.status = verdict.status;
  if (!verdict.problem.empty()) test.error = verdict.problem.substr(0, kProblemBytes);
  const auto took = clock.boot_time() - began;
  test.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  co_return test;
}

}  // namespace keywright::forwarding
