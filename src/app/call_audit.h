// app/call_audit.h - the audit log of calls that change nothing themselves: MCP calls, proxied
// ones.
//
//   CallAudit audit(app.committer);
//   audit.record(call_event(caller, {.action = "mcp.call", .object = {"mcp_server", id, name},
//                                    .method = "tools/call", .tool = "search",
//                                    .outcome = "success", .request_id = request.request_id,
//                                    .duration = elapsed}));
//
// Events wait in memory for the writer, which takes all that wait into one transaction, at most
// one each Committer::kSoon: a caller never waits for the disk, and a busy server writes hundreds
// of events with one fsync. A crash may lose what has waited for some milliseconds. If the writer
// falls behind by kWaitingMax, further events are dropped and counted. Arguments of a call are
// never part of its event.
//
// Errors: none are reported; what cannot be stored is logged by the committer.
// Threading: record() from any thread. Lifetime: the committer outlives it.
// Cost: one lock and one move; every event costs the writer a row or its part of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "app/caller.h"
#include "app/committer.h"
#include "domain/audit/event.h"

namespace keywright::app {

struct AuditedCall {
  std::string_view action;
  domain::AuditObject object;
  std::string_view method;       // of the protocol: "tools/call"
  std::string_view tool = {};    // "" = none
  std::string_view outcome;      // "success", "failed" or "denied"
  std::string_view reason = {};  // why it was denied, or what failed
  std::string_view request_id;
  std::chrono::nanoseconds duration{};
  domain::OrganizationId organization = {};  // nil: the key's own
};

// details: {"method":"tools/call","tool":"search","duration_ms":3}
domain::AuditEvent call_event(const Caller& caller, AuditedCall call);

// Who presented a key that was not admitted: its record as a caller, for the event alone.
// Anonymous if no key has this token.
Caller refused_caller(const Directory& directory, std::string_view token, const IpAddress& address);

class CallAudit {
 public:
  static constexpr std::size_t kWaitingMax = 20'000;

  explicit CallAudit(Committer& committer);

  void record(domain::AuditEvent&& event);
  std::uint64_t dropped() const;

 private:
  struct Waiting;
  Committer& committer_;
  std::shared_ptr<Waiting> waiting_;  // the writer may be the last to hold it
};

}  // namespace keywright::app
