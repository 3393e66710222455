#include "mcp_connect/call.h"

namespace keywright::mcp_connect {

void Recorder::record(const Call& call, CallOutcome outcome, std::string_view reason) {
  const std::chrono::nanoseconds duration = clock_.boot_time() - call.began;
  const bool reached = !call.server_id.empty();
  counters_.count(reached ? call.server_name : std::string_view(),
                  call.tool.empty() ? call.method : call.tool, outcome, duration);
  // What opens or ends a stream, or only tells something, is no call.
  if (!call.is_request && outcome != CallOutcome::denied) return;
  if (!call.caller.is_key()) return;  // no organization that this concerns
  const app::AuditedCall audited{.action = "mcp.call",
                                 .object = {"mcp_server", call.server_id, call.server_name},
                                 .method = call.method,
                                 .tool = call.tool,
                                 .outcome = name_of(outcome),
                                 .reason = reason,
                                 .request_id = call.request_id,
                                 .duration = duration};
  audit_.record(app::call_event(call.caller, audited));
}

}  // namespace keywright::mcp_connect
