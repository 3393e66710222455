// domain/access/ids.h - one id type for each kind of object, so that they cannot be confused.
//
// All are UUIDv7 (RFC 9562): sorting by id is sorting by time of creation, which is what cursor
// paging relies on. Keys have an id of their own (domain/keys/key_id.h).
//
// Threading: plain values.
#pragma once

#include "base/uuid.h"

namespace keywright::domain {

using OrganizationId = Id<struct OrganizationTag>;
using UserId = Id<struct UserTag>;
using MembershipId = Id<struct MembershipTag>;
using ProjectId = Id<struct ProjectTag>;
using PlatformId = Id<struct PlatformTag>;
using TargetId = Id<struct TargetTag>;
using McpServerId = Id<struct McpServerTag>;
using RegistryId = Id<struct RegistryTag>;
using ServiceId = Id<struct ServiceTag>;
using KeyspaceId = Id<struct KeyspaceTag>;
using SessionId = Id<struct SessionTag>;
using TicketId = Id<struct TicketTag>;

}  // namespace keywright::domain
