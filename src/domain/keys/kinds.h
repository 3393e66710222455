// domain/keys/kinds.h - the kinds of keys, as data.
//
//   const Kind& kind = *shipped_kinds().named("connect");
//   kind.audiences.contains(Audience::mcp_connect);
//
// A kind says how its tokens look, where they may be presented, who owns such a key, what it opens,
// what it can be narrowed to and whether it must expire. Code asks the kind; nothing branches on a
// kind's name. check_kinds() holds the rules that make a set of kinds safe and runs at start-up:
// no token prefix is a prefix of another's, and the entropy of a secret, less every character that
// masks show, is at least 128 bits (NIST SP 800-63B asks 112; many live keys at once ask for more).
//
// Threading: immutable after start-up. Cost: named() compares a few short strings.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/describe.h"

namespace keywright::domain {

enum class Audience : unsigned char {
  graphql,
  rest,
  mcp,
  verify,
  service,
  mcp_connect,
  me,
  traces,
  targets_api
};
KW_DESCRIBE_ENUM(Audience, graphql, rest, mcp, verify, service, {mcp_connect, "mcp-connect"}, me,
                 traces, {targets_api, "targets-api"})

// A small set of enumerators as bits.
template <class E>
class EnumSet {
 public:
  constexpr EnumSet() = default;
  constexpr EnumSet(std::initializer_list<E> members) {
    for (E member : members) bits_ |= 1u << static_cast<unsigned>(member);
  }
  constexpr bool contains(E member) const { return bits_ >> static_cast<unsigned>(member) & 1u; }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  std::uint32_t bits_ = 0;
};

enum class OwnerType : unsigned char { user, organization, project, target, external };
KW_DESCRIBE_ENUM(OwnerType, user, organization, project, target, external)

enum class ResourceType : unsigned char { none, mcp_server, platform, target, service, external };
KW_DESCRIBE_ENUM(ResourceType, none, mcp_server, platform, target, service, external)

// Where a token may stand in a request.
enum class Carrier : unsigned char { bearer, x_api_key, jwt_scheme };

enum class TokenShape : unsigned char {
  prefixed_checksum,  // prefix + 43 base62 + 6 base62 of CRC-32
  prefixed,           // prefix + 43 base62
  connect,            // prefix + user serial + "-" + key serial + "-" + 43 base62
  jwt,                // HS256 JWS with jti, tenant, username
  keyspace,           // as prefixed_checksum, with the prefix of the key's keyspace
};

enum class Mask : unsigned char { first12, ids, last4_prefixed, last4 };

enum class ScopePolicy : unsigned char {
  none,
  required,
  all_by_default,
  own_target,
  optional_list
};

enum class ExpiryPolicy : unsigned char { optional, required };

struct Kind {
  unsigned char number = 0;  // place in the table, stored in records as one byte
  std::string name;
  std::string prefix = {};  // "" for jwt and keyspace
  TokenShape shape = TokenShape::prefixed_checksum;
  unsigned char secret_characters = 43;  // base62: 256 bits
  Mask mask = Mask::first12;
  EnumSet<Carrier> carriers;
  EnumSet<OwnerType> owners;
  EnumSet<Audience> audiences;
  ResourceType scoped_to = ResourceType::none;
  ScopePolicy scope = ScopePolicy::none;
  ExpiryPolicy expiry = ExpiryPolicy::optional;
  bool expired_shows_idle_timeout = false;  // seed 000: an expired key carries that reason
  bool takes_permissions = false;           // customer, management, connect (tool rules)
  bool no_permissions_mean_all = false;     // connect: a key without a list may call every tool
  bool may_give_itself_up = true;           // POST /whoami/revoke
  std::string summary;                      // for people: "call the API as yourself"
  std::string carried_in;                   // for refusals: "Authorization: Bearer"
};

class Kinds {
 public:
  explicit Kinds(std::vector<Kind> kinds);
  const Kind* named(std::string_view name) const;
  const Kind& at(unsigned char number) const { return kinds_[number]; }
  std::span<const Kind> all() const { return kinds_; }

 private:
  std::vector<Kind> kinds_;
};

// May a key of this kind be used there? As `audiences` says; what opens REST to people opens `me`.
bool admits(const Kind& kind, Audience audience);

// For refusals: "personal, access or management", the kinds that may be used there.
std::string kinds_admitting(const Kinds& kinds, Audience audience);

// The nine shipped kinds: personal, mcp, access, connect, ingest, account, target, management,
// customer.
const Kinds& shipped_kinds();

// Bits of a kind's secret that no mask ever shows.
double hidden_entropy_bits(const Kind& kind);

// `extra_prefixes` are the prefixes of the keyspaces that exist. Fails with a sentence that names
// the kind and the rule.
Result<void> check_kinds(const Kinds& kinds, std::span<const std::string> extra_prefixes);

// A new keyspace prefix: 2 to 32 of [A-Za-z0-9_-], beginning with a letter or digit, and neither a
// prefix of a prefix in use nor the other way round ("ok1-", "kws_" and the start of a JWT
// included).
Result<void> check_keyspace_prefix(const Kinds& kinds, std::string_view prefix,
                                   std::span<const std::string> in_use);

}  // namespace keywright::domain
