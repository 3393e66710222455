// mcp_connect/answer_hooks.h - what happens to an upstream's answer on its way to an MCP client.
//
//   request.hooks = std::make_unique<AnswerHooks>(AnswerContext{...});
//
// The body goes through byte for byte and unbuffered, with two exceptions, both only where they
// apply: a key with tool rules gets lists of tools without those it may not call, in a JSON answer
// and in every event of a stream; and an idle stream gets a comment now and then, between two
// events, so that nobody on the way takes it for dead.
//
// Of the answer's fields only those that mean something to MCP come through. The upstream's own
// 401 and 403 are about our credential there, not the client's here: 502. Its session ids are
// sealed (mcp/sealed_text.h). Its RateLimit fields are about us; those of the key are told instead.
// A redirect would lead a client past us: 502.
//
// Threading: the exchange's loop. Lifetime: the recorder, sealer and random outlive it.
// Cost: a look at the last bytes of each piece; with rules, one parse of each event.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "crypto/sealed.h"
#include "gateway/proxy.h"
#include "mcp/sse.h"
#include "mcp/tool_rules.h"
#include "mcp_connect/call.h"

namespace keywright::mcp_connect {

// A session that the client named: as it knows it, and as the upstream does.
struct NamedSession {
  std::string sealed;
  std::string upstream;
};

struct AnswerContext {
  Recorder& recorder;
  const crypto::Sealer& sealer;
  Random& random;
  Call call;
  mcp::ToolRules rules;
  std::string origin;  // of the page that asks; "" = none
  NamedSession session = {};
  std::vector<std::pair<std::string, std::string>> limits = {};  // the key's, as fields
};

class AnswerHooks final : public gateway::ProxyHooks {
 public:
  explicit AnswerHooks(AnswerContext context) : context_(std::move(context)) {}

  bool fills_answer() const override { return true; }
  bool replaces_answer(const http::h1::ResponseHead& head, http::Response& response) override;
  bool changes_body() const override { return streams_ || filters_body_; }
  Result<std::string_view> on_piece(std::string_view piece) override;
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
  std::string_view filter_events(std::string_view piece);

  AnswerContext context_;
  bool streams_ = false;       // server-sent events
  bool is_encoded_ = false;    // compressed, though nobody asked for it
  bool filters_body_ = false;  // a JSON answer to tools/list
  std::string text_;           // what the last call gave out; of a filtered body: what has come
  std::string tail_;           // the last bytes given out, to know where an event ends
  mcp::SseReader events_;
  CallOutcome outcome_ = CallOutcome::success;
  std::string reason_;
};

}  // namespace keywright::mcp_connect
