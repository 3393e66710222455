// domain/audit/system_event.h - a line of the audit log for what nobody asked for by a request.
//
//   change.audit(system_event("keys.idle", key.organization_id,
//                             {"key", key.id.to_string(), key.name}, "idle_timeout"));
//
// The actor is "system"; there is no request and no address. Whoever writes it down adds id, time
// and outcome.
//
// Threading: plain values.
#pragma once

#include <string_view>
#include <utility>

#include "domain/audit/event.h"

namespace keywright::domain {

inline AuditEvent system_event(std::string_view action, OrganizationId organization,
                               AuditObject object, std::string_view reason = "") {
  AuditEvent event;
  event.organization_id = organization;
  event.actor.type = "system";
  event.action = action;
  event.object = std::move(object);
  event.reason = reason;
  return event;
}

}  // namespace keywright::domain
