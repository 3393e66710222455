// mcp_connect/call.h - one request at /mcp-connect, as values: what is known of it once its caller
// was admitted, and how it is told to the audit log and the metrics.
//
//   Call call;                              // filled while the request is looked at
//   recorder.record(call, Outcome::success, "");
//
// Arguments of a call are never part of it.
//
// Threading: a Call belongs to its exchange; Recorder from any loop. Lifetime: the recorder
// outlives every call. Cost: recording is two locks and one move.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "app/call_audit.h"
#include "app/caller.h"
#include "base/clock.h"
#include "mcp/protocol.h"
#include "mcp_connect/counters.h"

namespace keywright::mcp_connect {

struct Call {
  std::chrono::nanoseconds began{};
  std::string request_id;
  app::Caller caller;       // anonymous: nobody's key
  std::string server_id;    // "" as long as the server is not known to be reached
  std::string server_name;  // then: what was asked for
  mcp::Era era = mcp::Era::legacy;
  std::string_view http_method;  // told where there is no message
  std::string method;            // of the message; "" for GET and DELETE
  std::string tool;              // of a tools/call
  std::string id = "null";       // of the message, as JSON
  bool is_request = false;       // a message that wants an answer
};

class Recorder {
 public:
  Recorder(app::Committer& committer, const Clock& clock) : audit_(committer), clock_(clock) {}

  // `reason`: why it was denied or what failed; "" for a success.
  void record(Call call, CallOutcome outcome, std::string_view reason);

  const CallCounters& counters() const { return counters_; }
  std::uint64_t dropped_audit_events() const { return audit_.dropped(); }

 private:
  app::CallAudit audit_;
  const Clock& clock_;
  CallCounters counters_;
};

}  // namespace keywright::mcp_connect
