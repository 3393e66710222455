#include "domain/keys/decide.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "domain/keys/reach.h"
#include "domain/keys/token.h"

namespace keywright::domain {
namespace {

// Management and audit of keys never follow from a person's role: no key may hand out keys.
bool is_right_over_keys(Right right) {
  return right == Right::keys_read_all || right == Right::keys_manage_all ||
         right == Right::keys_verify;
}

bool any_covers(const std::vector<std::string>& held, std::string_view asked) {
  return std::any_of(held.begin(), held.end(),
                     [asked](const std::string& one) { return covers(one, asked); });
}

std::string text_of(std::int64_t milliseconds) {
  return format_rfc3339(from_unix_milliseconds(milliseconds));
}

bool is_active_in(const User& user, OrganizationId organization) {
  const Membership* membership = user.membership_in(organization);
  return membership && membership->active;
}

// One run over all checks for one record. Each check_ function is one Outcome, or two that are told
// apart in one place, and answers whether to go on.
class Checks {
 public:
  Checks(const KeyRecord& key, const Ask& ask, const Records& records, Time now, Decision& decision)
      : key_(key),
        policy_(*key.policy),
        ask_(ask),
        records_(records),
        now_(now),
        now_milliseconds_(to_unix_milliseconds(now)),
        cost_(std::max<std::int64_t>(0, ask.cost)),
        kind_(records.kinds().at(key.kind)),
        organization_(key.organization == kNoSlot ? nullptr
                                                  : records.organization(key.organization)),
        decision_(decision) {}

  void run() {
    decision_.outcome = Outcome::valid;
    decision_.key = &key_;
    if (check_revoked() && check_expired() && check_idle() && check_disabled() && check_owner() &&
        check_audience() && check_scope() && check_permissions() && check_ip() && check_limits()) {
      check_credits();
    }
    if (!ask_.spend || ask_.explain) return;
    if (decision_.outcome == Outcome::valid) {
      if (ask_.note_use) records_.meter().used(key_, now_, ask_.client_ip);
    } else {
      records_.meter().refused(key_, decision_.outcome);
    }
  }

 private:
  bool check_revoked();
  bool check_expired();
  bool check_idle();
  bool check_disabled();
  bool check_owner();
  bool check_audience();
  bool check_scope();
  bool check_permissions();
  bool check_ip();
  bool check_limits();
  bool check_credits();

  bool owner_exists();
  bool user_stands();
  bool holds(std::string_view permission) const;
  void give_back(std::size_t count);
  void retry_after(std::int64_t seconds) {
    decision_.retry_after_seconds =
        std::max({decision_.retry_after_seconds, seconds, std::int64_t{1}});
  }

  // Notes a failed check, of which the first decides. `detail` makes the text for people, and is
  // asked only by explain. Answers whether to look further.
  template <class Detail>
  bool refuse(Outcome outcome, std::string_view check, Detail&& detail) {
    if (decision_.outcome == Outcome::valid) decision_.outcome = outcome;
    if (ask_.explain) decision_.failed.push_back({check, outcome, detail()});
    return ask_.explain;
  }

  // Limits refuse a first look and an explanation, never the second look at a counted request.
  bool judges_use() const { return ask_.spend || ask_.explain; }
  bool spends() const { return ask_.spend && !ask_.explain && cost_ > 0; }

  const KeyRecord& key_;
  const Policy& policy_;
  const Ask& ask_;
  const Records& records_;
  const Time now_;
  const std::int64_t now_milliseconds_;
  const std::int64_t cost_;
  const Kind& kind_;
  const Organization* const organization_;
  const User* user_ = nullptr;
  bool owner_known_ = false;
  Found found_;
  Decision& decision_;
};

bool Checks::check_revoked() {
  if (key_.state == KeyState::revoked) {
    return refuse(Outcome::revoked, "revoked", [] { return "The key is revoked."; });
  }
  if (key_.retires_at <= now_milliseconds_) {
    return refuse(Outcome::revoked, "revoked", [this] {
      return fmt::format("This secret was rotated away; its overlap ended at {}.",
                         text_of(key_.retires_at));
    });
  }
  if (key_.keyspace != kNoSlot && !records_.keyspace(key_.keyspace)) {
    return refuse(Outcome::revoked, "revoked", [] { return "The key's keyspace was deleted."; });
  }
  return true;
}

bool Checks::check_expired() {
  if (key_.expires_at > now_milliseconds_) return true;
  return refuse(Outcome::expired, "expiry",
                [this] { return fmt::format("The key expired at {}.", text_of(key_.expires_at)); });
}

bool Checks::check_idle() {
  if (key_.found_idle) {
    return refuse(Outcome::idle_timeout, "idle_timeout",
                  [] { return "The key was not used for longer than its idle timeout."; });
  }
  if (key_.idle_timeout_seconds == 0) return true;
  const std::int64_t used =
      std::max(key_.created_at, to_unix_milliseconds(records_.meter().last_used_at(key_)));
  if (now_milliseconds_ - used < std::int64_t{key_.idle_timeout_seconds} * 1000) return true;
  return refuse(Outcome::idle_timeout, "idle_timeout", [this, used] {
    return fmt::format("The key was last used at {} and may rest for {} seconds.", text_of(used),
                       key_.idle_timeout_seconds);
  });
}

bool Checks::check_disabled() {
  if (key_.state != KeyState::disabled) return true;
  return refuse(Outcome::disabled, "disabled",
                [] { return "The key is disabled. It works again once it is enabled."; });
}

bool Checks::owner_exists() {
  if (!organization_) return false;
  switch (key_.owner_type) {
    case OwnerType::user: return user_stands();
    case OwnerType::organization: return true;
    case OwnerType::project: return records_.project(key_.owner) != nullptr;
    case OwnerType::target: return records_.target(key_.owner) != nullptr;
    case OwnerType::external: return true;
  }
  return false;
}

// The user's record is far from the key's in memory: a check that needs no right of the user stays
// away from it.
bool Checks::user_stands() {
  const Standing standing = records_.standing(key_.owner);
  if (standing == kNoSlot) return false;
  const bool wants_rights = ask_.resource || !ask_.permissions.empty();
  const bool asks_where = ask_.asked_by_its_organization && standing != key_.organization;
  if (!wants_rights && !asks_where) return true;
  user_ = records_.user(key_.owner);
  return user_ && (!asks_where || is_active_in(*user_, organization_->id));
}

bool Checks::check_owner() {
  owner_known_ = owner_exists();
  if (owner_known_) return true;
  return refuse(Outcome::owner_inactive, "owner", [this] {
    return organization_ ? "The key's owner was deleted or deactivated."
                         : "The key's organization was deleted.";
  });
}

bool Checks::check_audience() {
  if (!ask_.audience || admits(kind_, *ask_.audience)) return true;
  return refuse(Outcome::wrong_audience, "audience", [this] {
    return fmt::format("A key of kind {} does not open {}; use one of kind {}.", kind_.name,
                       json::enum_name(*ask_.audience),
                       kinds_admitting(records_.kinds(), *ask_.audience));
  });
}

bool Checks::check_scope() {
  if (!ask_.resource || !owner_known_) return true;
  const Reach answer =
      reach(*ask_.resource, Bearer{key_, kind_, *organization_, user_}, records_, found_);
  if (answer == Reach::reached) {
    decision_.resource = found_.resource;
    return true;
  }
  return refuse(Outcome::out_of_scope, "scope", [this, answer]() -> std::string {
    switch (answer) {
      case Reach::wrong_type:
        return fmt::format("This key of kind {} does not open resources of that type.", kind_.name);
      case Reach::not_listed: return "The key's scope does not name this resource.";
      case Reach::audience:
        return fmt::format("The service is not meant for keys of kind {}.", kind_.name);
      case Reach::unknown:
      case Reach::reached: break;
    }
    return "There is no such resource, or the key's owner may not use it.";
  });
}

bool Checks::holds(std::string_view permission) const {
  const std::optional<Right> right = right_named(permission);
  if (kind_.takes_permissions) {
    if (policy_.permissions) return any_covers(*policy_.permissions, permission);
    return kind_.no_permissions_mean_all && !right;
  }
  if (!user_ || !right || is_right_over_keys(*right)) return false;
  const bool resolved = found_.resource.type != ResourceType::none;
  const Membership* membership =
      user_->membership_in(resolved ? found_.organization : organization_->id);
  return membership && membership->active && allows(membership->role, *right);
}

bool Checks::check_permissions() {
  if (!owner_known_) return true;
  auto require = [this](std::string_view permission) {
    if (holds(permission)) return true;
    return refuse(Outcome::insufficient_permission, "permission", [this, permission] {
      return fmt::format("The {} does not hold \"{}\".",
                         kind_.takes_permissions || !user_ ? "key" : "key's owner", permission);
    });
  };
  for (const std::string& permission : ask_.permissions) {
    if (!require(permission)) return false;
  }
  if (found_.service && found_.service->required_permission) {
    return require(*found_.service->required_permission);
  }
  return true;
}

bool Checks::check_ip() {
  const std::vector<Cidr>& allowed = policy_.allowed_cidrs;
  if (allowed.empty()) return true;
  const bool known = ask_.ip_known && ask_.client_ip;
  if (known && std::any_of(allowed.begin(), allowed.end(), [this](const Cidr& network) {
        return network.contains(*ask_.client_ip);
      })) {
    return true;
  }
  return refuse(Outcome::ip_not_allowed, "ip", [this, known]() -> std::string {
    if (!known) return "The key may be used from certain networks only; say client_ip.";
    return fmt::format("{} is in none of the networks the key may be used from.",
                       ask_.client_ip->to_string());
  });
}

// What was taken for a check that is then refused goes back, and the answers say so.
void Checks::give_back(std::size_t count) {
  Meter& meter = records_.meter();
  for (std::size_t i = 0; i < count; ++i) {
    meter.give_back(key_, i, cost_);
    decision_.limits[i].answer = meter.peek(key_, i, now_, 0);
  }
}

bool Checks::check_limits() {
  const std::size_t count = std::min(policy_.limits.size(), kLimitsMax);
  if (count == 0) return true;
  Meter& meter = records_.meter();
  decision_.limits_count = static_cast<std::uint8_t>(count);
  bool refused = false;
  bool go_on = true;
  for (std::size_t i = 0; i < count; ++i) {
    LimitAnswer answer = spends() && !refused ? meter.take(key_, i, now_, cost_)
                                              : meter.peek(key_, i, now_, judges_use() ? cost_ : 0);
    decision_.limits[i] = {&policy_.limits[i], answer};
    if (answer.allowed || !judges_use()) continue;
    retry_after(answer.retry_after_seconds);
    go_on = refuse(Outcome::rate_limited, "limit", [&] {
      return fmt::format("Limit \"{}\" is used up; it passes again in {} seconds.",
                         policy_.limits[i].name, answer.retry_after_seconds);
    });
    if (!refused && spends()) give_back(i);
    refused = true;
  }
  return go_on;
}

bool Checks::check_credits() {
  if (!policy_.has_credits) return true;
  Meter& meter = records_.meter();
  std::int64_t remaining = 0;
  bool enough;
  if (spends()) {
    enough = meter.take_credits(key_, now_, cost_, remaining);
  } else {
    remaining = meter.peek_credits(key_, now_);
    enough = !judges_use() || cost_ == 0 || cost_ <= remaining;
  }
  decision_.credits_remaining = remaining;
  if (enough) return true;
  if (spends()) give_back(decision_.limits_count);
  if (policy_.refill && policy_.refill->amount >= cost_) {
    const Time next = next_refill_boundary(policy_.refill->interval, now_);
    retry_after(std::chrono::ceil<std::chrono::seconds>(next - now_).count());
  }
  return refuse(Outcome::usage_exceeded, "credits", [this, remaining] {
    return fmt::format("{} credits are left, the check costs {}.", remaining, cost_);
  });
}

void refuse_unknown(const Ask& ask, Outcome outcome, std::string_view detail, Decision& decision) {
  decision.outcome = outcome;
  if (ask.explain) decision.failed.push_back({"token", outcome, std::string(detail)});
}

}  // namespace

std::string_view name_of(Outcome outcome) { return json::enum_name(outcome); }

Decision decide(std::string_view token, const Ask& ask, const Records& records, Time now) {
  const bool readable = !token.empty() && token.size() <= kTokenCharactersMax;
  // Where any text may be a token, its form is only asked for once nobody has it.
  const bool foreign = readable && records.admits_foreign_tokens();
  const KeyRecord* key = foreign ? records.find_token(token) : nullptr;
  if (key) return decide(*key, ask, records, now);
  const bool recognised =
      readable && read_token(records.kinds(), token).form == TokenForm::recognised;
  if (recognised && !foreign) key = records.find_token(token);
  if (key) return decide(*key, ask, records, now);
  Decision decision;
  if (recognised) {
    refuse_unknown(ask, Outcome::not_found, "No key has this token.", decision);
  } else {
    refuse_unknown(ask, Outcome::malformed, "This is not the form of any key.", decision);
  }
  return decision;
}

Decision decide(const KeyRecord& key, const Ask& ask, const Records& records, Time now) {
  Decision decision;
  if (ask.organization != kNoSlot && key.organization != ask.organization) {
    refuse_unknown(ask, Outcome::not_found, "No key has this token.", decision);
    return decision;
  }
  Checks(key, ask, records, now, decision).run();
  return decision;
}

bool covers(std::string_view held, std::string_view asked) {
  if (held == asked || held == "*") return true;
  if (held.size() < 3 || !held.ends_with('*')) return false;
  const char separator = held[held.size() - 2];
  if (separator != '.' && separator != ':') return false;
  const std::string_view stem = held.substr(0, held.size() - 1);
  return asked.size() > stem.size() && asked.starts_with(stem);
}

}  // namespace keywright::domain
