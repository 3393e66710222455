// domain/keys/decide_world.h - for tests of decide(): one key of a kind that passes every check,
// and for each Outcome something that makes it fail exactly there.
//
// For tests only. Threading: one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.h"
#include "domain/keys/fake_records.h"

namespace keywright::domain {

inline constexpr Time kTestNow = from_unix_milliseconds(1'800'000'000'000);

// Tokens of the right form; the fake finds keys by their text.
inline std::string test_token(std::string_view kind_name) {
  const Kind& kind = *shipped_kinds().named(kind_name);
  switch (kind.shape) {
    case TokenShape::prefixed_checksum: break;
    case TokenShape::prefixed: return kind.prefix + std::string(43, 'a');
    case TokenShape::connect: return "ok1-2-32-" + std::string(43, 'a');
    case TokenShape::jwt: return "eyJhIjoxfQ.e30.AA";
    case TokenShape::keyspace: return "acme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1Jvx2D";
  }
  const std::string head = kind.prefix + std::string(43, 'a');
  return head + encode_base62(crc32(head), 6);
}

inline ResourceRef resource_ref(ResourceType type, std::string_view id) {
  return {type, json::enum_name(type), id};
}

struct World {
  explicit World(std::string_view kind_name)
      : kind(*shipped_kinds().named(kind_name)),
        token(test_token(kind_name)),
        key(records.add_key(kind_name, token)),
        policy(records.policy_of(key)) {
    key.created_at = to_unix_milliseconds(kTestNow) - 100'000;
    for (const json::EnumName& name : json::type_of<Audience>().names) {
      if (kind.audiences.contains(static_cast<Audience>(name.value))) {
        ask.audience = static_cast<Audience>(name.value);
      }
    }
    ask.client_ip = IpAddress::from_v4(192, 0, 2, 7);
    policy.limits = {{"burst", 10, 60, LimitAlgorithm::gcra},
                     {"daily", 10, 86'400, LimitAlgorithm::fixed}};
    policy.has_credits = true;
    policy.allowed_cidrs = {*Cidr::parse("192.0.2.0/24")};
    records.fake_meter.credits = 10;
  }
  World(const World&) = delete;

  Decision decide() { return domain::decide(token, ask, records, kTestNow); }

  // Makes the key fail with `outcome`, and with nothing else.
  void break_with(Outcome outcome);
  void end_owner();

  FakeRecords records;
  const Kind& kind;
  std::string token;
  KeyRecord& key;
  Policy& policy;
  Ask ask;
  std::vector<std::string> permissions;
};

inline void World::end_owner() {
  switch (key.owner_type) {
    case OwnerType::user: records.users[0].memberships[0].active = false; return;
    case OwnerType::project: records.projects[0].id = {}; return;
    case OwnerType::target: records.targets[0].id = {}; return;
    case OwnerType::organization:
    case OwnerType::external: records.organizations[0].id = {}; return;
  }
}

inline void World::break_with(Outcome outcome) {
  switch (outcome) {
    case Outcome::valid: return;
    case Outcome::malformed: token = "garbage"; return;
    case Outcome::not_found: ask.organization = 1; return;
    case Outcome::revoked: key.retires_at = to_unix_milliseconds(kTestNow); return;
    case Outcome::expired: key.expires_at = to_unix_milliseconds(kTestNow); return;
    case Outcome::idle_timeout: key.idle_timeout_seconds = 100; return;
    case Outcome::disabled: key.state = KeyState::disabled; return;
    case Outcome::owner_inactive: end_owner(); return;
    case Outcome::wrong_audience:
      ask.audience = kind.name == "ingest" ? Audience::rest : Audience::traces;
      return;
    case Outcome::out_of_scope:
      ask.resource = resource_ref(ResourceType::service, "no-such-service");
      return;
    case Outcome::insufficient_permission:
      permissions = {"keys:verify"};
      ask.permissions = permissions;
      return;
    case Outcome::ip_not_allowed: ask.client_ip = IpAddress::from_v4(203, 0, 113, 1); return;
    case Outcome::rate_limited:
      policy.limits[1].limit = 1;
      take(policy.limits[1], records.fake_meter.states[1], kTestNow, 1);
      return;
    case Outcome::usage_exceeded: records.fake_meter.credits = 0; return;
  }
}

}  // namespace keywright::domain
