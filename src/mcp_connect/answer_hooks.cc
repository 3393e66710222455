#include "mcp_connect/answer_hooks.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "gateway/refusal.h"
#include "http/problem.h"
#include "mcp/answer.h"
#include "mcp/cross_origin.h"
#include "mcp/headers.h"
#include "mcp/sealed_text.h"
#include "mcp_connect/scope_challenge.h"

namespace keywright::mcp_connect {

namespace {

constexpr std::size_t kListBytesMax = 16 * 1024 * 1024;
// Proxies drop a silent connection after 30 s or more; the contract says 15.
constexpr std::chrono::milliseconds kSilenceMax{10'000};
constexpr std::string_view kKept[] = {"cache-control",    "retry-after", "content-language",
                                      "content-encoding", "allow",       "traceparent",
                                      "tracestate"};
constexpr std::string_view kSession = "mcp-session-id";
constexpr std::string_view kList = "tools/list";
constexpr std::string_view kUpstreamFailed = "upstream_failed";
// A comment that ends no event: between the lines of one.
constexpr std::string_view kKeepAliveInside = ": keep-alive\n";

bool comes_through(std::string_view name) {
  if (name.size() > 4 && equals_ignoring_case(name.substr(0, 4), "mcp-")) {
    return !equals_ignoring_case(name, kSession);
  }
  return std::any_of(std::begin(kKept), std::end(kKept),
                     [name](std::string_view kept) { return equals_ignoring_case(name, kept); });
}

bool is_event_stream(std::string_view content_type) {
  return equals_ignoring_case(trim(content_type.substr(0, content_type.find(';'))),
                              "text/event-stream");
}

bool ends_an_event(std::string_view tail) {
  return tail.empty() || tail.ends_with("\n\n") || tail.ends_with("\r\n\r\n") ||
         tail.ends_with("\r\r");
}

}  // namespace

std::string session_place(const gateway::UpstreamTarget& target, std::string_view path) {
  return std::string(target.pool_key).append(path);
}

void AnswerHooks::add_our_fields(http::Response& response) const {
  for (const auto& [name, value] : context_.limits) response.header(name, value);
  mcp::add_cross_origin_fields(response, context_.origin);
}

bool AnswerHooks::refuse_upstream(http::Response& response, std::string_view code,
                                  std::string_view detail) {
  outcome_ = CallOutcome::failed;
  reason_ = code;
  response.clear();
  http::write_problem(response, 502, code, detail, context_.call.request_id);
  response.header("Cache-Control", "no-store");
  add_our_fields(response);
  return true;
}

bool AnswerHooks::replaces_answer(const http::h1::ResponseHead& head, http::Response& response) {
  if (head.status == 401 || head.status == 403 || head.status == 407) {
    return refuse_upstream(response, "upstream_refused",
                           "The MCP server does not accept the credential that it is configured "
                           "with here. An administrator can correct the server's headers.");
  }
  if (head.status >= 300 && head.status < 400 && head.status != 304) {
    return refuse_upstream(response, "upstream_redirected",
                           "The MCP server answers with a redirect. Register the address that it "
                           "redirects to.");
  }
  if (head.status >= 400) {
    outcome_ = CallOutcome::failed;
    reason_ = fmt::format("upstream_status_{}", head.status);
  }
  const std::string_view type = head.headers.find("Content-Type").value_or("");
  streams_ = is_event_stream(type);
  is_encoded_ = head.headers.find("Content-Encoding").value_or("identity") != "identity";
  scans_ = context_.call.is_request && !is_encoded_;
  lists_ = !streams_ && context_.call.method == kList;
  if (may_list()) renew_rules();
  filters_ = may_list() && !context_.rules.allows_all();
  if (filters_ && is_encoded_) {
    return refuse_upstream(response, "upstream_failed",
                           "The MCP server compresses an answer that nobody asked it to.");
  }
  copy_fields(head, response);
  return false;
}

void AnswerHooks::copy_fields(const http::h1::ResponseHead& head, http::Response& response) {
  response.clear();
  response.status = head.status;
  if (const auto type = head.headers.find("Content-Type")) response.content_type(*type);
  for (const http::Field& field : head.headers) {
    const bool replaced =
        (streams_ || filters_) && equals_ignoring_case(field.name, "cache-control");
    if (comes_through(field.name) && !replaced) response.header(field.name, field.value);
  }
  response.header("X-Content-Type-Options", "nosniff");
  if (streams_) {
    response.header("Cache-Control", "no-cache, no-transform");
    response.header("X-Accel-Buffering", "no");
  } else if (filters_) {
    response.header("Cache-Control", "private, no-store");  // one key's
  }
  const auto session = head.headers.find_only("Mcp-Session-Id");
  if (session && context_.call.era == mcp::Era::legacy) {
    response.header("Mcp-Session-Id", sealed_session(*session));
  }
  add_our_fields(response);
}

// Sealed twice the same id is two texts, so one that is known already is told as it is known.
std::string AnswerHooks::sealed_session(std::string_view upstream_session) const {
  if (upstream_session == context_.session.upstream) return context_.session.sealed;
  const std::string key = context_.call.caller.key.to_string();
  const std::string owner = context_.call.caller.user.to_string();
  const std::string place = session_place(*context_.target, context_.path);
  const mcp::SessionBinding binding{place, owner, key};
  const crypto::Sealer& sealer = context_.directory.keyring().sealer();
  return mcp::seal_session(sealer, upstream_session, binding, context_.random);
}

// Only these can answer with a list of tools, or bring one again.
bool AnswerHooks::may_list() const {
  return lists_ || (streams_ && (context_.call.method == kList || context_.call.method.empty()));
}

void AnswerHooks::renew_rules() {
  const std::uint64_t epoch = context_.directory.epoch();
  if (std::exchange(epoch_, epoch) == epoch) return;
  const domain::KeyRecord* key = context_.directory.keys().find(context_.call.caller.digest);
  std::optional<std::vector<std::string>> permissions(std::in_place);
  if (key != nullptr) permissions = key->policy->permissions;
  context_.rules = mcp::ToolRules(permissions);
}

void AnswerHooks::on_passing(std::string_view piece) {
  if (scans_) scan_.feed(piece);
}

Result<std::string_view> AnswerHooks::on_piece(std::string_view piece) {
  on_passing(piece);
  if (may_list()) {
    renew_rules();
    filters_ = filters_ || !context_.rules.allows_all();
    if (filters_ && has_passed_ && (lists_ || !ends_an_event(tail_))) {
      return fail(Code::unavailable, "rules_changed", "The tools of the key changed meanwhile.");
    }
  }
  if (filters_ && lists_) {
    if (text_.size() + piece.size() > kListBytesMax) {
      return fail(Code::unavailable, "upstream_failed", "The list of tools is too long.");
    }
    text_ += piece;
    return std::string_view();
  }
  if (filters_) {
    KW_TRY(piece, filter_events(piece));
  } else {
    has_passed_ = true;
  }
  tail_.append(piece.substr(piece.size() - std::min<std::size_t>(piece.size(), 4)));
  if (tail_.size() > 4) tail_.erase(0, tail_.size() - 4);
  return piece;
}

Result<std::string_view> AnswerHooks::filter_events(std::string_view piece) {
  has_passed_ = false;  // what passed were whole events
  text_.clear();
  events_.feed(piece);
  while (const auto event = events_.next()) filter_event(*event);
  if (!events_.overflowed()) return std::string_view(text_);
  return fail(Code::unavailable, "upstream_failed", "An event of the stream is too long.");
}

// A list that cannot be read may hold what the key must not see: it stays here.
void AnswerHooks::filter_event(const mcp::SseEvent& event) {
  if (context_.rules.allows_all() || !mcp::may_hold_tools(event.data)) {
    text_ += event.raw;
    return;
  }
  const auto filtered = context_.rules.filter_list(event.data);
  if (!filtered) {
    const bool is_first = std::exchange(outcome_, CallOutcome::failed) == CallOutcome::success;
    reason_ = kUpstreamFailed;
    if (!is_first || !context_.call.is_request) return;
    mcp::append_event(text_, unreadable_list(), event.id.value_or(""));
  } else if (*filtered == event.data) {
    text_ += event.raw;
  } else {
    mcp::append_event(text_, *filtered, event.id.value_or(""));
  }
}

std::string AnswerHooks::unreadable_list() const {
  return mcp::error_answer({200,
                            mcp::kInternalError,
                            "The MCP server's list of tools cannot be read.",
                            {},
                            context_.call.id});
}

std::string_view AnswerHooks::on_end() {
  if (!lists_ || !filters_) return {};
  renew_rules();
  if (context_.rules.allows_all()) return text_;
  auto filtered = context_.rules.filter_list(text_);
  if (!filtered) {
    outcome_ = CallOutcome::failed;
    reason_ = kUpstreamFailed;
    filtered = unreadable_list();
  }
  text_ = std::move(*filtered);
  return text_;
}

std::chrono::milliseconds AnswerHooks::idle_after() const {
  return streams_ && !is_encoded_ ? kSilenceMax : std::chrono::milliseconds(0);
}

std::string_view AnswerHooks::when_idle() {
  if (ends_an_event(tail_)) return mcp::kKeepAlive;
  return tail_.ends_with('\n') ? kKeepAliveInside : std::string_view();
}

void AnswerHooks::answer_failure(http::Exchange& exchange, int status, std::string_view code,
                                 std::string_view detail) {
  outcome_ = CallOutcome::failed;
  reason_ = code;
  ProxyHooks::answer_failure(exchange, status, code, detail);
  add_our_fields(exchange.response);
}

void AnswerHooks::answer_refusal(http::Exchange& exchange, const Error& why) {
  outcome_ = CallOutcome::denied;
  reason_ = why.reason();
  ProxyHooks::answer_refusal(exchange, why);
  if (reason_ == "insufficient_scope") {
    const std::string_view server = server_of(exchange.request.path).value_or("");
    exchange.response.header("WWW-Authenticate", scope_challenge(server));
  }
  mcp::add_cross_origin_fields(exchange.response, context_.origin);
}

void AnswerHooks::on_over(bool complete) {
  if (!complete && outcome_ == CallOutcome::success) {
    outcome_ = CallOutcome::failed;
    reason_ = "broken_off";
  } else if (outcome_ == CallOutcome::success && scan_.verdict() != mcp::AnswerVerdict::good) {
    outcome_ = CallOutcome::failed;
    reason_ = scan_.verdict() == mcp::AnswerVerdict::rpc_error ? "rpc_error" : "tool_error";
  }
  context_.recorder.record(std::move(context_.call), outcome_, reason_);
}

}  // namespace keywright::mcp_connect
