// mcp_connect/answer_hooks.h - what happens to an upstream's answer on its way to an MCP client.
//
//   request.hooks = std::make_unique<AnswerHooks>(AnswerContext{...});
//
// The body goes through byte for byte and unbuffered, with two exceptions, both only where they
// apply: a key with tool rules gets lists of tools without those it may not call, in the answer to
// tools/list, as JSON or as an event, and in what a GET streams; and an idle stream gets a comment
// now and then, between two lines, so that nobody on the way takes it for dead. A list that cannot
// be read is an error of its call (-32603); nothing else is read at all.
//
// The rules are the key's as they are when the list goes out, not when it was asked for. Where they
// come to hide something while a list or a stream is half through, the answer breaks off.
//
// Of the answer's fields only those that mean something to MCP come through. The upstream's own
// 401 and 403 are about our credential there, not the client's here: 502. Its session ids are
// sealed (mcp/sealed_text.h). Its RateLimit fields are about us; those of the key are told instead.
// A redirect would lead a client past us: 502.
//
// A call whose answer says that it failed, by a JSON-RPC error or a result with isError, is told as
// failed: `rpc_error`, `tool_error` (mcp/answer_scan.h).
//
// Threading: the exchange's loop. Lifetime: the recorder, directory and random outlive it.
// Cost: a pass over each answer to a call; with rules, one parse of each list.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/directory.h"
#include "base/random.h"
#include "gateway/proxy.h"
#include "mcp/answer_scan.h"
#include "mcp/sse.h"
#include "mcp/tool_rules.h"
#include "mcp_connect/call.h"

namespace keywright::mcp_connect {

// A session that the client named: as it knows it, and as the upstream does.
struct NamedSession {
  std::string sealed;
  std::string upstream;
};

// Where sessions of a server are, which is what they are sealed for: its id and its whole address.
std::string session_place(const gateway::UpstreamTarget& target, std::string_view path);

struct AnswerContext {
  Recorder& recorder;
  const app::Directory& directory;
  Random& random;
  Call call;
  mcp::ToolRules rules;
  std::string origin;  // of the page that asks; "" = none
  NamedSession session = {};
  std::shared_ptr<const gateway::UpstreamTarget> target = {};  // and the path there
  std::string path = {};
  std::vector<std::pair<std::string, std::string>> limits = {};  // the key's, as fields
};

class AnswerHooks final : public gateway::ProxyHooks {
 public:
  explicit AnswerHooks(AnswerContext context)
      : context_(std::move(context)), epoch_(context_.call.caller.epoch) {}

  bool fills_answer() const override { return true; }
  bool replaces_answer(const http::h1::ResponseHead& head, http::Response& response) override;
  bool changes_body() const override { return streams_ || lists_; }
  Result<std::string_view> on_piece(std::string_view piece) override;
  void on_passing(std::string_view piece) override;
  std::string_view on_end() override;
  std::chrono::milliseconds idle_after() const override;
  std::string_view when_idle() override;
  void answer_failure(http::Exchange& exchange, int status, std::string_view code,
                      std::string_view detail) override;
  void answer_refusal(http::Exchange& exchange, const Error& why) override;
  void on_over(bool complete) override;

 private:
  bool refuse_upstream(http::Response& response, std::string_view code, std::string_view detail);
  void copy_fields(const http::h1::ResponseHead& head, http::Response& response);
  std::string sealed_session(std::string_view upstream_session) const;
  void add_our_fields(http::Response& response) const;
  void renew_rules();
  bool may_list() const;
  Result<std::string_view> filter_events(std::string_view piece);
  void filter_event(const mcp::SseEvent& event);
  std::string unreadable_list() const;

  AnswerContext context_;
  bool streams_ = false;     // server-sent events
  bool is_encoded_ = false;  // compressed, though nobody asked for it
  bool lists_ = false;       // a JSON answer to tools/list
  bool filters_ = false;     // from here on
  bool has_passed_ = false;  // something went out unread before
  bool scans_ = false;       // what the answer says of the call
  std::string text_;         // what the last call gave out; of a filtered body: what has come
  std::string tail_;         // the last bytes given out, to know where an event ends
  std::uint64_t epoch_;      // of the records that the rules were read from
  mcp::SseReader events_;
  mcp::AnswerScan scan_;
  CallOutcome outcome_ = CallOutcome::success;
  std::string reason_;
};

}  // namespace keywright::mcp_connect
