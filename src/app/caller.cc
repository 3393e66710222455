#include "app/caller.h"

#include <fmt/format.h>

#include "app/sessions.h"
#include "base/encoding.h"

namespace keywright::app {
namespace {

using domain::Decision;
using domain::Outcome;

Error wrong_kind(const domain::Kind& kind) {
  return Error(Code::permission_denied, "wrong_key_kind",
               fmt::format("This is a key of kind \"{}\": it is made to {}, and is sent in {}. Use "
                           "a key of a kind that is admitted here.",
                           kind.name, kind.summary, kind.carried_in));
}

// Nobody can tell whether access was taken away meanwhile: what is open is cut.
Error not_fresh() {
  return Error(Code::unavailable, "store_unavailable",
               "This node has not reached the store for too long. Try again in a moment.")
      .with_retry_after_seconds(1);
}

Result<Caller> admit_session(const Directory& directory, const Presented& presented,
                             const IpAddress& address, Time now) {
  const std::uint64_t epoch = directory.epoch();
  const crypto::Sha256 digest = session_digest(directory, presented.token);
  const domain::Session* session = directory.find_session(digest);
  if (session == nullptr || !session_lives(directory, *session, now)) {
    return fail(unauthenticated());
  }
  touch_session(directory, *session, now);
  Caller caller;
  caller.type = CallerType::session;
  caller.digest = digest;
  caller.user = session->user_id;
  caller.session = session->id;
  caller.address = address;
  caller.epoch = epoch;
  return caller;
}

// Sessions of the targets API have tokens in the form of its keys (app/sessions.h). They open that
// API and nothing else.
bool is_token_of_session(const Directory& directory, const Presented& presented,
                         std::optional<domain::Audience> audience) {
  if (presented.cookie || presented.token.starts_with(kSessionPrefix)) return true;
  if (audience != domain::Audience::targets_api) return false;
  if (!presented.token.starts_with(kJwtStart)) return false;
  return directory.find_session(session_digest(directory, presented.token)) != nullptr;
}

// Before the key is asked anything that spends: is this a place for its kind at all?
std::optional<Error> misplaced(const Decision& decision, const domain::Kinds& kinds,
                               domain::Carrier carrier, bool any_audience) {
  if (decision.outcome != Outcome::valid && decision.outcome != Outcome::wrong_audience) {
    return std::nullopt;
  }
  const domain::Kind& kind = kinds.at(decision.key->kind);
  if (!kind.carriers.contains(carrier)) return wrong_kind(kind);
  if (any_audience && !kind.may_give_itself_up) return wrong_kind(kind);
  return std::nullopt;
}

// Counts the use of a key that was found good. Only limits and credits have to be asked once more.
Decision spend(const Directory& directory, const domain::KeyRecord& key, const Decision& decision,
               domain::Ask ask, Time now) {
  if (key.policy->limits.empty() && !key.policy->has_credits) {
    if (ask.note_use) directory.meter().used(key, now, ask.client_ip);
    return decision;
  }
  ask.spend = true;
  return decide(key, ask, directory, now);
}

}  // namespace

std::string Caller::name() const {
  if (is_key()) return "key:" + key.to_string();
  if (is_session()) return "user:" + user.to_string();
  return "anonymous";
}

Error unauthenticated() {
  return Error(Code::unauthenticated, "unauthenticated",
               "The credential is missing or not valid. Send a key that is active.");
}

Error refusal(const Decision& decision, const domain::Kinds& kinds) {
  switch (decision.outcome) {
    case Outcome::wrong_audience: return wrong_kind(kinds.at(decision.key->kind));
    case Outcome::out_of_scope:
    case Outcome::insufficient_permission:
      return Error(Code::permission_denied, "insufficient_scope",
                   "The key does not reach this. Ask for a key whose scope names it.");
    case Outcome::ip_not_allowed:
      return Error(Code::permission_denied, "ip_not_allowed",
                   "The key may not be used from this address. Change its allowed_cidrs, or call "
                   "from a network that they name.");
    case Outcome::rate_limited:
      return Error(Code::rate_limited, "rate_limited",
                   "A limit of this key is used up. Wait as long as Retry-After says.")
          .with_retry_after_seconds(static_cast<int>(decision.retry_after_seconds));
    case Outcome::usage_exceeded:
      return Error(Code::rate_limited, "usage_exceeded",
                   "The credits of this key are used up. They can be raised, or come back at the "
                   "next refill.")
          .with_retry_after_seconds(static_cast<int>(decision.retry_after_seconds));
    default: return unauthenticated();
  }
}

Result<Caller> admit(const Directory& directory, const Presented& presented,
                     std::optional<domain::Audience> audience, const IpAddress& address, Time now,
                     Use use) {
  if (is_token_of_session(directory, presented, audience)) {
    const bool opaque = presented.cookie || presented.token.starts_with(kSessionPrefix);
    const bool fits = presented.carrier == domain::Carrier::bearer ||
                      (!opaque && presented.carrier == domain::Carrier::jwt_scheme);
    if (!fits) return fail(unauthenticated());
    return admit_session(directory, presented, address, now);
  }
  const std::uint64_t epoch = directory.epoch();  // before anything is looked at
  domain::Ask ask;
  ask.audience = audience;
  ask.client_ip = address;
  ask.spend = false;
  const domain::KeyRecord* key = directory.find_token(presented.token);
  if (key == nullptr) return fail(unauthenticated());
  Decision decision = decide(*key, ask, directory, now);
  if (auto error = misplaced(decision, directory.kinds(), presented.carrier, !audience)) {
    if (use != Use::giving_up) directory.meter().refused(*key, Outcome::wrong_audience);
    return fail(std::move(*error));
  }
  if (use == Use::giving_up && decision.outcome == Outcome::ip_not_allowed) {
    decision.outcome = Outcome::valid;  // the networks are asked after all that makes a key good
  } else if (use != Use::giving_up && decision.outcome == Outcome::valid) {
    ask.note_use = use == Use::counted;
    decision = spend(directory, *key, decision, ask, now);
  } else if (use != Use::giving_up) {
    directory.meter().refused(*key, decision.outcome);
  }
  directory.note(decision);
  if (decision.outcome != Outcome::valid) return fail(refusal(decision, directory.kinds()));
  Caller caller;
  caller.type = CallerType::key;
  caller.digest = key->digest;
  caller.key = key->id;
  caller.kind = key->kind;
  caller.limited = !key->policy->limits.empty();
  caller.audience = audience;
  caller.address = address;
  caller.epoch = epoch;
  if (const auto* organization = directory.organization(key->organization)) {
    caller.organization = organization->id;
  }
  if (key->owner_type == domain::OwnerType::user) {
    const domain::User* owner = directory.user(key->owner);
    if (owner == nullptr) return fail(unauthenticated());  // deleted since decide() looked
    caller.user = owner->id;
  }
  return caller;
}

std::vector<std::pair<std::string, std::string>> rate_limit_headers(const Directory& directory,
                                                                    const domain::KeyRecord* key,
                                                                    Time now) {
  if (key == nullptr || key->policy->limits.empty()) return {};
  std::string policies;
  std::string states;
  for (std::size_t i = 0; i < key->policy->limits.size(); ++i) {
    const domain::Limit& limit = key->policy->limits[i];
    const domain::LimitAnswer answer = directory.meter().peek(*key, i, now, 0);
    std::string name;
    for (char c : limit.name) {  // a structured-field string holds printable ASCII
      if (c == '"' || c == '\\') name += '\\';
      name += c < 0x20 || c > 0x7e ? '?' : c;
    }
    const char* separator = i == 0 ? "" : ", ";
    policies +=
        fmt::format("{}\"{}\";q={};w={}", separator, name, limit.limit, limit.window_seconds);
    states +=
        fmt::format("{}\"{}\";r={};t={}", separator, name, answer.remaining, answer.reset_seconds);
  }
  return {{"RateLimit-Policy", std::move(policies)}, {"RateLimit", std::move(states)}};
}

Result<void> still_admitted(const Directory& directory, const Caller& caller, Time now) {
  if (!directory.is_fresh()) return fail(not_fresh());
  switch (caller.type) {
    case CallerType::anonymous: return {};
    case CallerType::session: {
      const domain::Session* session = directory.find_session(caller.digest);
      const bool lives = session != nullptr && session_lives(directory, *session, now);
      return lives ? Result<void>() : fail(unauthenticated());
    }
    case CallerType::key: break;
  }
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key == nullptr) return fail(unauthenticated());
  domain::Ask ask;
  ask.audience = caller.audience;
  ask.client_ip = caller.address;
  ask.spend = false;
  const Decision decision = decide(*key, ask, directory, now);
  if (decision.outcome == Outcome::valid) return {};
  return fail(refusal(decision, directory.kinds()));
}

}  // namespace keywright::app
