#include "domain/keys/kinds.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace keywright::domain {
namespace {

constexpr double kHiddenBitsMin = 128;
constexpr double kBase62Bits = 5.954;  // rounded down from log2(62)
constexpr std::size_t kKeyspacePrefixMin = 2;
constexpr std::size_t kKeyspacePrefixMax = 32;

// Beginnings that belong to something else than a keyspace: sessions, JWTs ({" in base64url), and
// connect tokens, which other systems issue too and which may be imported.
constexpr std::string_view kReservedPrefixes[] = {"kws_", "eyJ", "ok1-"};

std::vector<Kind> user_kinds() {
  return {
      {.name = "personal",
       .prefix = "kwp_",
       .carriers = {Carrier::bearer},
       .owners = {OwnerType::user},
       .audiences = {Audience::graphql, Audience::rest},
       .expiry = ExpiryPolicy::required,
       .expired_shows_idle_timeout = true,
       .summary = "call the GraphQL and REST APIs as its owner",
       .carried_in = "Authorization: Bearer"},
      {.name = "mcp",
       .prefix = "kwm_",
       .carriers = {Carrier::bearer},
       .owners = {OwnerType::user},
       .audiences = {Audience::mcp},
       .expiry = ExpiryPolicy::required,
       .expired_shows_idle_timeout = true,
       .summary = "let an AI assistant use Keywright's MCP server as its owner",
       .carried_in = "Authorization: Bearer"},
      {.name = "access",
       .prefix = "kwa_",
       .carriers = {Carrier::bearer},
       .owners = {OwnerType::user},
       .audiences = {Audience::graphql, Audience::rest, Audience::mcp, Audience::service},
       .summary = "call the APIs, the MCP server and services as its owner",
       .carried_in = "Authorization: Bearer"},
      {.name = "connect",
       .prefix = "ok1-",
       .shape = TokenShape::connect,
       .mask = Mask::ids,
       .carriers = {Carrier::bearer, Carrier::x_api_key},
       .owners = {OwnerType::user},
       .audiences = {Audience::mcp_connect, Audience::me},
       .scoped_to = ResourceType::mcp_server,
       .scope = ScopePolicy::required,
       .takes_permissions = true,
       .no_permissions_mean_all = true,
       .may_give_itself_up = false,
       .summary = "connect to registered MCP servers",
       .carried_in = "Authorization: Bearer or X-API-Key"},
  };
}

std::vector<Kind> machine_kinds() {
  return {
      {.name = "ingest",
       .prefix = "mibo_",
       .shape = TokenShape::prefixed,
       .mask = Mask::last4_prefixed,
       .carriers = {Carrier::x_api_key, Carrier::bearer},
       .owners = {OwnerType::project},
       .audiences = {Audience::traces},
       .scoped_to = ResourceType::platform,
       .scope = ScopePolicy::all_by_default,
       .summary = "send traces of a project's platforms",
       .carried_in = "x-api-key or Authorization: Bearer"},
      {.name = "account",
       .shape = TokenShape::jwt,
       .mask = Mask::last4,
       .carriers = {Carrier::jwt_scheme, Carrier::bearer},
       .owners = {OwnerType::organization},
       .audiences = {Audience::targets_api},
       .summary = "manage all targets of an organization and their keys",
       .carried_in = "Authorization: JWT or Authorization: Bearer"},
      {.name = "target",
       .shape = TokenShape::jwt,
       .mask = Mask::last4,
       .carriers = {Carrier::jwt_scheme, Carrier::bearer},
       .owners = {OwnerType::target},
       .audiences = {Audience::targets_api},
       .scoped_to = ResourceType::target,
       .scope = ScopePolicy::own_target,
       .summary = "work with one target",
       .carried_in = "Authorization: JWT or Authorization: Bearer"},
      {.name = "management",
       .prefix = "kwr_",
       .carriers = {Carrier::bearer},
       .owners = {OwnerType::organization},
       .audiences = {Audience::rest},
       .takes_permissions = true,
       .summary = "verify and manage keys from a backend",
       .carried_in = "Authorization: Bearer"},
      {.name = "customer",
       .shape = TokenShape::keyspace,
       .carriers = {Carrier::bearer, Carrier::x_api_key},
       .owners = {OwnerType::external},
       .audiences = {Audience::verify, Audience::service},
       .scoped_to = ResourceType::external,
       .scope = ScopePolicy::optional_list,
       .takes_permissions = true,
       .summary = "open an organization's own product to its customers",
       .carried_in = "Authorization: Bearer or X-API-Key"},
  };
}

bool has_prefix(const Kind& kind) {
  return kind.shape != TokenShape::jwt && kind.shape != TokenShape::keyspace;
}

// Two beginnings that cannot be told apart: one is the start of the other.
bool clash(std::string_view left, std::string_view right) {
  return left.starts_with(right) || right.starts_with(left);
}

bool is_prefix_character(char c) {
  return is_ascii_digit(c) || is_ascii_alpha(c) || c == '_' || c == '-';
}

tl::unexpected<Error> unsafe(const Kind& kind, std::string_view rule) {
  return fail(Code::invalid_argument, "unsafe_kinds",
              fmt::format("Key kind \"{}\": {}.", kind.name, rule));
}

Result<void> check_kind(const Kind& kind) {
  if (kind.name.empty()) return unsafe(kind, "a kind needs a name");
  if (kind.owners.empty()) return unsafe(kind, "it has no owner type");
  if (kind.carriers.empty()) return unsafe(kind, "its tokens may stand nowhere in a request");
  if (kind.audiences.empty()) return unsafe(kind, "it opens nothing");
  if (has_prefix(kind) && kind.prefix.size() < 3) {
    return unsafe(kind, "its prefix is shorter than 3 characters");
  }
  if (!has_prefix(kind) && !kind.prefix.empty()) {
    return unsafe(kind, "tokens of its shape take no prefix from the kind");
  }
  if ((kind.scope != ScopePolicy::none) != (kind.scoped_to != ResourceType::none)) {
    return unsafe(kind, "a scope policy and the type that scopes name go together");
  }
  if (hidden_entropy_bits(kind) < kHiddenBitsMin) {
    return unsafe(kind, fmt::format("what its masks do not show is worth {:.0f} bits, and must be "
                                    "worth at least {:.0f}",
                                    hidden_entropy_bits(kind), kHiddenBitsMin));
  }
  return {};
}

Result<void> check_prefixes(const Kinds& kinds, std::span<const std::string> extra_prefixes) {
  for (const Kind& kind : kinds.all()) {
    if (!has_prefix(kind)) continue;
    for (std::string_view reserved : kReservedPrefixes) {
      if (reserved == "ok1-" && kind.shape == TokenShape::connect) continue;
      if (clash(kind.prefix, reserved)) {
        return unsafe(kind, fmt::format("its prefix clashes with the reserved \"{}\"", reserved));
      }
    }
    for (const Kind& other : kinds.all().first(kind.number)) {
      if (has_prefix(other) && clash(kind.prefix, other.prefix)) {
        return unsafe(kind, fmt::format("its prefix clashes with that of \"{}\"", other.name));
      }
    }
    for (const std::string& extra : extra_prefixes) {
      if (clash(kind.prefix, extra)) {
        return unsafe(kind, fmt::format("its prefix clashes with keyspace prefix \"{}\"", extra));
      }
    }
  }
  return {};
}

}  // namespace

Kinds::Kinds(std::vector<Kind> kinds) : kinds_(std::move(kinds)) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    kinds_[i].number = static_cast<unsigned char>(i);
  }
}

const Kind* Kinds::named(std::string_view name) const {
  for (const Kind& kind : kinds_) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

bool admits(const Kind& kind, Audience audience) {
  return kind.audiences.contains(audience) ||
         (audience == Audience::me && kind.audiences.contains(Audience::rest) &&
          kind.owners.contains(OwnerType::user));
}

std::string kinds_admitting(const Kinds& kinds, Audience audience) {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds.all()) {
    if (admits(kind, audience)) names.push_back(kind.name);
  }
  if (names.empty()) return "none";
  std::string text(names.front());
  for (std::size_t i = 1; i < names.size(); ++i) {
    text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

const Kinds& shipped_kinds() {
  static const Kinds kinds([] {
    std::vector<Kind> all = user_kinds();
    for (Kind& kind : machine_kinds()) all.push_back(std::move(kind));
    return all;
  }());
  return kinds;
}

double hidden_entropy_bits(const Kind& kind) {
  // A JWT rests on its signature: 256 bits, of which a mask shows four base64url characters.
  if (kind.shape == TokenShape::jwt) return 256 - 4 * 6;
  std::size_t shown = 0;
  switch (kind.mask) {
    case Mask::ids: break;
    case Mask::last4:
    case Mask::last4_prefixed: shown = 4; break;
    case Mask::first12:
      shown =
          12 - std::min<std::size_t>(12, kind.shape == TokenShape::keyspace ? kKeyspacePrefixMin
                                                                            : kind.prefix.size());
      break;
  }
  // Never more than what goes into a keyed digest can distinguish.
  const std::size_t all = kind.secret_characters;
  const std::size_t hidden = all - std::min(all, shown);
  return std::min(256.0, kBase62Bits * static_cast<double>(hidden));
}

Result<void> check_kinds(const Kinds& kinds, std::span<const std::string> extra_prefixes) {
  if (kinds.all().empty() || kinds.all().size() > std::numeric_limits<unsigned char>::max()) {
    return fail(Code::invalid_argument, "unsafe_kinds", "There must be 1 to 255 key kinds.");
  }
  std::set<std::string_view> names;
  for (const Kind& kind : kinds.all()) {
    KW_CHECK_OK(check_kind(kind));
    if (!names.insert(kind.name).second) return unsafe(kind, "there are two of this name");
  }
  return check_prefixes(kinds, extra_prefixes);
}

Result<void> check_keyspace_prefix(const Kinds& kinds, std::string_view prefix,
                                   std::span<const std::string> in_use) {
  if (prefix.size() < kKeyspacePrefixMin || prefix.size() > kKeyspacePrefixMax ||
      !std::all_of(prefix.begin(), prefix.end(), is_prefix_character) || prefix.front() == '_' ||
      prefix.front() == '-') {
    return fail(invalid_field(
        "prefix", "must be 2 to 32 of A-Z, a-z, 0-9, _ and -, and begin with a letter or digit"));
  }
  auto clashes = [&](std::string_view other) { return clash(prefix, other); };
  bool reserved = std::any_of(std::begin(kReservedPrefixes), std::end(kReservedPrefixes), clashes);
  for (const Kind& kind : kinds.all()) reserved |= has_prefix(kind) && clashes(kind.prefix);
  if (reserved) {
    return fail(invalid_field("prefix", "is reserved: tokens of another kind begin with it"));
  }
  if (std::any_of(in_use.begin(), in_use.end(), clashes)) {
    return fail(Error(Code::conflict, "prefix_in_use",
                      "Another keyspace has this prefix, or one that begins like it.")
                    .with_problem("prefix", "is taken by another keyspace"));
  }
  return {};
}

}  // namespace keywright::domain
