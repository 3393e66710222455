// domain/audit/event.h - one line of the audit log, and the chain that shows tampering.
//
//   chain_hash(previous, event)   // SHA-256 over the previous hash and the event's canonical form
//
// An event is written in the same transaction as the change it tells of; denials that matter to
// people (a key at the wrong door, a refused sign-in) are events too. No event holds a secret or a
// digest. Whoever alters, drops or reorders a stored event breaks every hash after it; the first
// event chains to 32 zero bytes.
//
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/uuid.h"
#include "crypto/digest.h"
#include "domain/access/ids.h"
#include "json/describe.h"
#include "json/raw.h"

namespace keywright::domain {

struct AuditActor {
  std::string type;    // "user", "key", "system", "anonymous"
  std::string id;      // user id, or "" where there is none
  std::string key_id;  // the key that was used, or ""
};

struct AuditObject {
  std::string type;  // "key", "user", ...
  std::string id;
  std::string name;
};

struct AuditEvent {
  Uuid id;
  OrganizationId organization_id;  // nil: the whole installation
  Time time;
  AuditActor actor;
  std::string action;  // "key.revoke"
  AuditObject object;
  std::string outcome;  // "success" or "denied"
  std::string reason;
  std::string request_id;
  std::string address;
  json::Raw details;  // an object; before and after of changed fields; null if none
};

// Order of fields and encoding fixed for ever: hashes of old events must come out the same.
std::string canonical_form(const AuditEvent& event);

crypto::Sha256 chain_hash(const crypto::Sha256& previous, const AuditEvent& event);

}  // namespace keywright::domain
