#include "mcp_connect/call.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "app/blot.h"

namespace keywright::mcp_connect {

namespace {

constexpr std::size_t kToolNameMax = 64;
constexpr std::string_view kMethods[] = {"initialize",
                                         "ping",
                                         "server/discover",
                                         "tools/list",
                                         "tools/call",
                                         "resources/list",
                                         "resources/templates/list",
                                         "resources/read",
                                         "prompts/list",
                                         "prompts/get",
                                         "resources/subscribe",
                                         "resources/unsubscribe",
                                         "completion/complete",
                                         "logging/setLevel",
                                         "subscriptions/listen"};

// A label that no client can make long, or make say a secret.
std::string_view label_of(const Call& call) {
  if (!call.tool.empty()) {
    const bool plain = call.tool.size() <= kToolNameMax &&
                       std::all_of(call.tool.begin(), call.tool.end(), [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
                       });
    return plain && !app::looks_like_a_token(call.tool) ? std::string_view(call.tool) : "other";
  }
  if (call.method.empty()) return {};
  const auto found = std::find(std::begin(kMethods), std::end(kMethods), call.method);
  return found == std::end(kMethods) ? std::string_view("other") : *found;
}

}  // namespace

void Recorder::record(Call call, CallOutcome outcome, std::string_view reason) {
  const std::chrono::nanoseconds duration = clock_.boot_time() - call.began;
  const bool reached = !call.server_id.empty();
  const auto named =
      call.tool.empty() ? CallCounters::Named::by_us : CallCounters::Named::by_client;
  counters_.count(reached ? call.server_name : std::string_view(), label_of(call), named, outcome,
                  duration);
  // What opens or ends a stream, or only tells something, is no call.
  if (!call.is_request && outcome != CallOutcome::denied) return;
  if (!call.caller.is_key()) return;  // no organization that this concerns
  app::AuditedCall audited{
      .action = "mcp.call",
      .object = {"mcp_server", std::move(call.server_id), std::move(call.server_name)},
      .method = call.method.empty() ? call.http_method : call.method,
      .tool = call.tool,
      .outcome = name_of(outcome),
      .reason = reason,
      .request_id = {},  // moved, below
      .duration = duration};
  domain::AuditEvent event = app::call_event(call.caller, std::move(audited));
  event.request_id = std::move(call.request_id);
  audit_.record(std::move(event));
}

}  // namespace keywright::mcp_connect
