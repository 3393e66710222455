// domain/keys/decide.h - the one place where it is decided whether a token opens something.
//
//   Decision d = decide(token, Ask{.audience = Audience::rest, .client_ip = peer}, records, now);
//   if (d.outcome == Outcome::valid) ...
//
// Effective right = what the key's kind admits  ∩  the key's scope  ∩  the owner's rights now  ∩
// the state of the resource now. Checks run in the order of `Outcome` and stop at the first that
// fails (with `explain` they all run, and nothing is spent). A refusal for any earlier reason
// spends no limit. No verdict is kept anywhere: the next call looks again.
//
// decide() has no clock, no I/O, takes no lock and allocates nothing (explain excepted): everything
// it knows comes from `Records`, which app/directory.h implements over the records in memory.
//
// Threading: any io thread, as often as wanted; pointers in a Decision die at the next suspension.
// Cost: two SHA-256-sized hashes and three cache misses among a million keys (bench/RESULTS.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "domain/access/objects.h"
#include "domain/keys/key_record.h"

namespace keywright::domain {

enum class Outcome : unsigned char {
  valid,
  malformed,
  not_found,
  revoked,
  expired,
  idle_timeout,
  disabled,
  owner_inactive,
  wrong_audience,
  out_of_scope,
  insufficient_permission,
  ip_not_allowed,
  rate_limited,
  usage_exceeded,
};
KW_DESCRIBE_ENUM(Outcome, {valid, "VALID"}, {malformed, "MALFORMED"}, {not_found, "NOT_FOUND"},
                 {revoked, "REVOKED"}, {expired, "EXPIRED"}, {idle_timeout, "IDLE_TIMEOUT"},
                 {disabled, "DISABLED"}, {owner_inactive, "OWNER_INACTIVE"},
                 {wrong_audience, "WRONG_AUDIENCE"}, {out_of_scope, "OUT_OF_SCOPE"},
                 {insufficient_permission, "INSUFFICIENT_PERMISSION"},
                 {ip_not_allowed, "IP_NOT_ALLOWED"}, {rate_limited, "RATE_LIMITED"},
                 {usage_exceeded, "USAGE_EXCEEDED"})
std::string_view name_of(Outcome outcome);

struct ResourceRef {
  ResourceType type = ResourceType::none;
  std::string_view type_name;  // as asked; what a customer key's scope is compared with
  std::string_view id;         // UUID text, or for mcp_server and service also the slug
};

// What the caller wants to know. Views must outlive the call.
struct Ask {
  std::optional<Audience> audience = {};  // absent: not checked
  std::optional<ResourceRef> resource = {};
  std::span<const std::string> permissions = {};
  std::optional<IpAddress> client_ip = {};
  std::int64_t cost = 1;
  bool ip_known = true;  // false: a key with allowed_cidrs is refused (verify without client_ip)
  bool spend = true;     // false: a second look at a request that was already counted
  bool note_use = true;  // false: limits are taken; whether it was a use is known, and noted, later
  bool explain = false;  // run every check, spend nothing
  Slot organization = kNoSlot;  // only keys of this organization exist for the caller
  // The organization where the key was made asks: its owner must still belong there. Elsewhere a
  // user's key acts wherever the user belongs.
  bool asked_by_its_organization = false;
};

struct Resource {
  ResourceType type = ResourceType::none;
  std::string_view type_name;
  std::string_view id;
  std::string_view name;
  const void* record = nullptr;  // McpServer, Platform, Target or Service, by type
};

struct FailedCheck {
  std::string_view check;  // "expiry"
  Outcome code;
  std::string detail;
};

struct LimitView {
  const Limit* limit = nullptr;
  LimitAnswer answer;
};

inline constexpr std::size_t kLimitsMax = 8;

struct Decision {
  Outcome outcome = Outcome::malformed;
  const KeyRecord* key = nullptr;  // null for malformed and not_found
  Resource resource;               // resolved; type none if none was asked or found
  std::int64_t retry_after_seconds = 0;
  std::uint8_t limits_count = 0;
  LimitView limits[kLimitsMax];
  std::optional<std::int64_t> credits_remaining;
  std::vector<FailedCheck> failed;  // with explain only
};

// The counters of one key. Atomics live behind this interface; decide() tells it what to do.
class Meter {
 public:
  virtual Time last_used_at(const KeyRecord& key) const = 0;  // epoch if never
  virtual LimitAnswer take(const KeyRecord& key, std::size_t limit_index, Time now,
                           std::int64_t cost) = 0;
  virtual LimitAnswer peek(const KeyRecord& key, std::size_t limit_index, Time now,
                           std::int64_t cost) const = 0;
  virtual void give_back(const KeyRecord& key, std::size_t limit_index, std::int64_t cost) = 0;
  // Credits: false and nothing spent when fewer than `cost` are left; `remaining` is what is left.
  virtual bool take_credits(const KeyRecord& key, Time now, std::int64_t cost,
                            std::int64_t& remaining) = 0;
  virtual std::int64_t peek_credits(const KeyRecord& key, Time now) const = 0;
  // An accepted use: last_used_at, address, count.
  virtual void used(const KeyRecord& key, Time now, const std::optional<IpAddress>& address) = 0;
  // A known key that was refused: count.
  virtual void refused(const KeyRecord& key, Outcome why) = 0;

 protected:
  ~Meter() = default;
};

// Where a user is an active member, in one word: kNoSlot nowhere, kSeveral in more than one
// organization or in one the word cannot name, else the slot of the only one.
using Standing = Slot;
inline constexpr Standing kSeveral = kNoSlot - 2;

// What decide() may know. Implemented by app::Directory, and by a small fake in tests.
class Records {
 public:
  virtual const Kinds& kinds() const = 0;
  // Keyed digest and look-up of every digest key in the ring. Null: nobody has this token.
  virtual const KeyRecord* find_token(std::string_view token) const = 0;
  // True if some token of no known shape could still be ours (imported, or of a keyspace).
  virtual bool admits_foreign_tokens() const = 0;
  virtual const Organization* organization(Slot slot) const = 0;  // null: deleted
  virtual const User* user(Slot slot) const = 0;
  // The same as counting the user's active memberships, without touching the user's record.
  virtual Standing standing(Slot user) const = 0;
  virtual const Project* project(Slot slot) const = 0;
  virtual const Target* target(Slot slot) const = 0;
  virtual const Keyspace* keyspace(Slot slot) const = 0;
  virtual const McpServer* find_mcp_server(std::string_view id_or_slug) const = 0;
  virtual const Platform* find_platform(std::string_view id) const = 0;
  virtual const Target* find_target(std::string_view id) const = 0;
  virtual const Service* find_service(std::string_view id_or_slug) const = 0;
  virtual const std::vector<const Registry*>& registries_of(OrganizationId organization) const = 0;
  virtual Meter& meter() const = 0;

 protected:
  ~Records() = default;
};

Decision decide(std::string_view token, const Ask& ask, const Records& records, Time now);

// The same for a record already at hand: the second look before a response begins, and a slow hash
// that has just matched.
Decision decide(const KeyRecord& key, const Ask& ask, const Records& records, Time now);

// Does the key's permission list cover what is asked? "a.b.*" covers "a.b.c" and "a.b.c.d", "*"
// covers everything; a wildcard stands only at the end, after a separator '.' or ':'.
bool covers(std::string_view held, std::string_view asked);

}  // namespace keywright::domain
