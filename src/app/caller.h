// app/caller.h - who is asking, found out once for each request and looked at again before it acts.
//
//   KW_TRY(Caller caller, admit(directory, Presented{Carrier::bearer, token}, ask, now));
//   ...                                                  // time passes, records change
//   KW_CHECK_OK(still_admitted(directory, caller, now));  // right before the response begins
//
// A Caller holds values only, so it may be kept across suspensions; it proves nothing by itself.
// Sessions are tokens too (`kws_...`), carried by a cookie or as a bearer token.
//
// Errors of admit(): 401 `unauthenticated`, the same words whether the token is unknown, malformed,
// expired, revoked, disabled or without owner; 403 `wrong_key_kind` for a good key at a place that
// its kind does not admit, naming the right one; 403 `ip_not_allowed`; 429 `rate_limited`,
// `usage_exceeded`.
// Threading: io threads. Cost: one decide().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/directory.h"
#include "base/ip.h"
#include "base/result.h"
#include "domain/keys/decide.h"

namespace keywright::app {

enum class CallerType : unsigned char { anonymous, session, key };

struct Caller {
  CallerType type = CallerType::anonymous;
  crypto::Sha256 digest{};  // of the token presented
  domain::UserId user;      // of the session, or the owner of a user-owned key; else nil
  domain::SessionId session;
  domain::KeyId key;
  unsigned char kind = 0;               // of the key
  domain::OrganizationId organization;  // where the key was made; nil for a session
  std::optional<domain::Audience> audience;
  IpAddress address;
  std::uint64_t epoch = 0;  // of the records by which he was admitted
  bool limited = false;     // a key with limits

  bool is_session() const { return type == CallerType::session; }
  bool is_key() const { return type == CallerType::key; }
  // "user:<id>" or "key:<id>": whose Idempotency-Key it is, and who made a key.
  std::string name() const;
};

// A token as it stood in the request.
struct Presented {
  domain::Carrier carrier = domain::Carrier::bearer;
  std::string_view token;
  bool cookie = false;  // a session cookie
};

// Whether the use is counted and its network asked for. A key that gives itself up is not refused
// for having been used too much, or from a place where it should not be. What is noted later takes
// its limits now, and becomes a use by note_use() (app/give_back.h) once it has gone well.
enum class Use : unsigned char { counted, giving_up, noted_later };

// `audience` absent: any kind may come (GET /whoami).
Result<Caller> admit(const Directory& directory, const Presented& presented,
                     std::optional<domain::Audience> audience, const IpAddress& address, Time now,
                     Use use = Use::counted);

// RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers) for a key that has limits;
// empty for any other, and for null.
std::vector<std::pair<std::string, std::string>> rate_limit_headers(const Directory& directory,
                                                                    const domain::KeyRecord* key,
                                                                    Time now);

// The same again without spending anything: unauthenticated, or 403 where the key lives on.
Result<void> still_admitted(const Directory& directory, const Caller& caller, Time now);

// The uniform 401.
Error unauthenticated();

// What a refusal by decide() becomes for the one who presented the key.
Error refusal(const domain::Decision& decision, const domain::Kinds& kinds);

// Sessions end after 12 hours without use and 7 days in all. The last use is kept in memory.
inline constexpr std::chrono::hours kSessionIdle{12};
inline constexpr std::chrono::hours kSessionLife{7 * 24};

}  // namespace keywright::app
